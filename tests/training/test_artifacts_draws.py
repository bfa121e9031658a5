"""Simulated fakes as draws and as held-back pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn import write_pack

from fakecheck.errors import UsageError
from fakecheck.types import Face
from fakecheck_training.augment import Degrader
from fakecheck_training.data import Sample, pick, read_samples
from fakecheck_training.draws.artifacts import ArtifactSource
from fakecheck_training.draws.held_back import held_back, load_picture, simulated_set
from fakecheck_training.draws.source import PairSource
from fakecheck_training.recipe import Simulate, load_backbone_recipe, load_detector_recipe
from fakecheck_training.sources import backbone_source, detector_source

SIMULATE = Simulate(
    artifacts=["dotnoise", "gridnoise", "blur"], regions=["face", "eyes", "nose", "mouth"]
)


@pytest.fixture
def pack(tmp_path: Path) -> tuple[Path, list[Sample], dict[str, Face]]:
    faces = write_pack(tmp_path)
    return tmp_path, read_samples(tmp_path), faces


@pytest.fixture
def source(pack: tuple[Path, list[Sample], dict[str, Face]]) -> ArtifactSource:
    root, samples, faces = pack
    reals = pick(samples, "fit", False)
    degrader = Degrader(face_side=(80, 120), noise=0.0)
    return ArtifactSource(root, faces, reals, degrader, (96, 96), 0.3, SIMULATE)


def test_fakes_have_boxes_with_known_classes_and_are_repeatable(source: ArtifactSource) -> None:
    for seed in range(12):
        first, second = (source.draw(True, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.xyxy, second.xyxy)
        assert first.fake
        assert first.family in source.families
        assert set(first.labels) <= set(SIMULATE.classes)
        assert len(first.labels) == len(first.xyxy) >= 1
        assert first.xyxy.min() >= 0
        assert first.xyxy.max() <= 96
        assert (first.xyxy[:, 2:] > first.xyxy[:, :2]).all()


def test_reals_have_none_and_come_from_real_pictures(source: ArtifactSource) -> None:
    for seed in range(12):
        draw = source.draw(False, np.random.default_rng(seed))
        assert not draw.fake
        assert draw.image.shape == (96, 96, 3)
        assert draw.labels == ()
        assert draw.xyxy.shape == (0, 4)
        assert "real" in draw.source


def test_a_pair_differs_where_the_boxes_are(source: ArtifactSource) -> None:
    assert isinstance(source, PairSource)
    for seed in range(12):
        pair = source.pair(np.random.default_rng(seed))
        change = cv2.absdiff(pair.before, pair.after.image).max(axis=2)
        for left, top, right, bottom in pair.after.xyxy.round().astype(int):
            assert change[top:bottom, left:right].max() >= 8


def test_held_back_pictures_are_made_again_from_their_samples(
    pack: tuple[Path, list[Sample], dict[str, Face]],
) -> None:
    root, samples, faces = pack
    made = list(simulated_set(SIMULATE, samples, root, faces, "calib", count=9, seed=3))
    assert 5 <= len(made) <= 9
    for image, sample in made:
        np.testing.assert_array_equal(load_picture(sample, root, faces), image)
        assert sample.fake
        assert sample.split == "calib"
        assert len(sample.labels) == len(sample.boxes) >= 1
        original = cv2.imread(str(root / sample.key))
        assert (image != original).any()
    again = [one for _, one in simulated_set(SIMULATE, samples, root, faces, "calib", 9, 3)]
    assert again == [sample for _, sample in made]
    others = [one for _, one in simulated_set(SIMULATE, samples, root, faces, "calib", 9, 4)]
    assert others != again


def test_the_attributes_recipe_is_drawn_from_real_pictures_only(
    pack: tuple[Path, list[Sample], dict[str, Face]],
) -> None:
    root, samples, faces = pack
    recipe = load_detector_recipe(Path("attributes"))
    assert len(recipe.classes) == 12
    source = detector_source(recipe, root, samples, faces)
    assert isinstance(source, ArtifactSource)
    assert {sample.fake for sample in source.reals} == {False}
    judged = held_back(recipe, samples, root, faces, "val")
    assert {sample.dataset for sample in judged if sample.fake} == {"simulated"}
    assert sum(not sample.fake for sample in judged) == len(pick(samples, "val", False))


def test_a_backbone_may_learn_from_simulated_fakes(
    tmp_path: Path, pack: tuple[Path, list[Sample], dict[str, Face]]
) -> None:
    root, samples, faces = pack
    path = tmp_path / "flaws.yaml"
    path.write_text(
        "name: flaws\ncrop: {regions: [face], side: 64}\nsteps: 4\n"
        "simulate: {artifacts: [dotnoise], regions: [mouth]}\n"
    )
    source = backbone_source(load_backbone_recipe(path), root, samples, faces, "calib")
    assert source.draw(True, np.random.default_rng(1)).labels == ("mouth_dotnoise",)


def test_classes_that_are_not_simulated_are_an_error(tmp_path: Path) -> None:
    text = Path(load_detector_recipe.__code__.co_filename).parent / "recipes/attributes.yaml"
    path = tmp_path / "attributes.yaml"
    path.write_text(text.read_text().replace("classes: [face_dotnoise, ", "classes: ["))
    with pytest.raises(UsageError, match=r"classes must be every <region>_<artifact>"):
        load_detector_recipe(path)

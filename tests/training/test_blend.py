"""Blends: what they change, what they are called, and who the donors are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn import drawn_face, write_pack

from fakecheck.errors import UsageError
from fakecheck.index import installed_folder, read_words
from fakecheck.regions import eye_distance
from fakecheck.types import Face
from fakecheck_training.augment import Degrader
from fakecheck_training.data import pick, read_samples
from fakecheck_training.draws.blends import BlendSource, Donors, upright_landmarks
from fakecheck_training.draws.faces import FaceSource
from fakecheck_training.draws.source import PairSource
from fakecheck_training.draws.views import flip_face
from fakecheck_training.recipe import load_backbone_recipe, load_detector_recipe
from fakecheck_training.recipe_checks import BLEND_CLASSES
from fakecheck_training.simulation.blends import (
    BOUNDARY,
    COLOUR,
    RESOLUTION,
    SWAP,
    Blend,
    alter,
    blend_labels,
    blend_mask,
    cross_blend,
    self_blend,
    shift_colour,
    shift_detail,
)
from fakecheck_training.sources import backbone_source

SIDE = 240


def test_every_class_is_made_of_words_of_the_registry() -> None:
    _, words = read_words(installed_folder())
    assert all(words.holds(label) for label in BLEND_CLASSES)


def test_masks_lie_on_the_face_and_cover_its_features() -> None:
    _, face = drawn_face(1, SIDE)
    left, top, right, bottom = face.xyxy
    reach = 0.5 * eye_distance(face)
    for seed in range(30):
        mask, softness = blend_mask(face, (SIDE, SIDE), np.random.default_rng(seed))
        assert mask.shape == (SIDE, SIDE)
        assert 0 <= mask.min() <= mask.max() <= 1.0001
        assert 0.008 <= softness <= 0.22
        y, x = np.nonzero(mask >= 0.5)
        assert x.min() > left - reach
        assert x.max() < right + reach
        assert y.min() > top - reach
        assert y.max() < bottom + reach
        nose_x, nose_y = face.landmarks[2].astype(int)
        assert mask[nose_y, nose_x] > 0.5


def test_a_blend_spares_what_its_mask_leaves_out() -> None:
    image, face = drawn_face(2, SIDE)
    other, other_face = drawn_face(3, SIDE + 40)
    for seed in range(12):
        for blend in (
            cross_blend(image, face, other, other_face, np.random.default_rng(seed)),
            self_blend(image, face, np.random.default_rng(seed)),
        ):
            assert blend.image.shape == blend.outer.shape == image.shape
            far = blend.mask < 0.001
            # Poisson editing rounds a little in the whole rectangle around its mask.
            assert cv2.absdiff(blend.image, blend.outer)[far].max() <= 3
            assert (blend.image != blend.outer).any()


def test_the_same_seed_blends_alike() -> None:
    image, face = drawn_face(4, SIDE)
    first, second = (self_blend(image, face, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.mask, second.mask)


def test_labels_say_what_is_seen() -> None:
    rng = np.random.default_rng(0)
    image, face = drawn_face(5, SIDE)
    grain = np.clip(image + rng.normal(0, 12, image.shape), 0, 255).astype(np.uint8)
    mask = np.zeros((SIDE, SIDE), np.float32)
    left, top, right, bottom = face.xyxy.astype(int)
    mask[top:bottom, left:right] = 1

    def labels(changed: np.ndarray, softness: float) -> tuple[str, ...]:
        mixed = np.where(mask[..., None] > 0.5, changed, grain).astype(np.uint8)
        return blend_labels(Blend(mixed, grain, mask, softness, 1.4))

    assert labels(grain, 0.01) == ()
    lighter = np.clip(grain.astype(int) + 20, 0, 255)
    assert labels(lighter, 0.2) == (SWAP, COLOUR)
    assert labels(lighter, 0.02) == (SWAP, BOUNDARY, COLOUR)
    assert labels(cv2.GaussianBlur(grain, (0, 0), 2.5), 0.2) == (SWAP, RESOLUTION)
    empty = Blend(grain, grain, np.zeros_like(mask), 0.1, 1.4)
    assert blend_labels(empty) == ()


def test_altering_changes_colour_or_detail() -> None:
    image, face = drawn_face(6, SIDE)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        for altered in (
            alter(image, eye_distance(face), rng),
            shift_colour(image, 1.0, rng),
            shift_detail(image, eye_distance(face), rng),
        ):
            assert altered.shape == image.shape
            assert altered.dtype == np.uint8
            assert (altered != image).any()


def test_donors_look_the_same_way_and_are_other_people(tmp_path: Path) -> None:
    faces = write_pack(tmp_path)
    reals = pick(read_samples(tmp_path), "fit", False)
    donors = Donors(reals, faces)
    target = reals[3]
    found = {
        donors.like(faces[target.key], target.group, np.random.default_rng(i)).group  # type: ignore[union-attr]
        for i in range(20)
    }
    assert target.group not in found
    assert len(found) > 1
    alone = Donors([target], faces)
    assert alone.like(faces[target.key], target.group, np.random.default_rng(0)) is None


def test_upright_landmarks_do_not_know_of_place_scale_and_roll() -> None:
    _, face = drawn_face(7)
    turn = 2.0 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    marks = (face.landmarks @ turn.T + [30, 50]).astype(np.float32)
    moved = replace(face, landmarks=marks)
    np.testing.assert_allclose(upright_landmarks(moved), upright_landmarks(face), atol=1e-4)
    mirrored = upright_landmarks(flip_face(face, 128)).reshape(5, 2)
    assert mirrored[0, 0] < 0 < mirrored[1, 0]


@pytest.fixture
def source(tmp_path: Path) -> BlendSource:
    faces = write_pack(tmp_path)
    samples = read_samples(tmp_path)
    whole = FaceSource(
        tmp_path,
        faces,
        pick(samples, "fit", True),
        pick(samples, "fit", False),
        Degrader(face_side=(80, 120)),
        (96, 96),
        0.3,
        label=SWAP,
    )
    return BlendSource(whole, 0.5, (SWAP, COLOUR))


def test_a_share_of_the_fakes_are_blends_of_reals(source: BlendSource) -> None:
    fakes = [source.draw(True, np.random.default_rng(seed)) for seed in range(24)]
    blends = [draw for draw in fakes if draw.family == "blended"]
    assert 4 < len(blends) < 20
    assert {draw.family for draw in fakes} == set(source.families) == {"blended", "toygan"}
    for draw in blends:
        assert draw.fake
        assert "real" in draw.source
        assert set(draw.labels) <= {SWAP, COLOUR}
        assert len(draw.labels) == len(draw.xyxy)
        assert draw.xyxy.min() >= 0
        assert draw.xyxy.max() <= 96
    assert not source.draw(False, np.random.default_rng(1)).fake


def test_pairs_are_the_same_crop_before_and_after(source: BlendSource) -> None:
    assert isinstance(source, PairSource)
    for seed in range(6):
        pair = source.pair(np.random.default_rng(seed))
        again = source.pair(np.random.default_rng(seed))
        np.testing.assert_array_equal(pair.after.image, again.after.image)
        assert pair.before.shape == pair.after.image.shape
        assert (pair.before != pair.after.image).any()


def test_recipes_without_blends_draw_as_before(tmp_path: Path) -> None:
    faces: dict[str, Face] = write_pack(tmp_path)
    samples = read_samples(tmp_path)
    text = "name: x\ncrop: {regions: [face], side: 64}\nsteps: 4\n"
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    plain = backbone_source(load_backbone_recipe(path), tmp_path, samples, faces, "fit")
    assert isinstance(plain, FaceSource)
    path.write_text(text + "blended: 0.4\n")
    mixed = backbone_source(load_backbone_recipe(path), tmp_path, samples, faces, "fit")
    assert isinstance(mixed, BlendSource)
    assert mixed.share == 0.4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("regions: [face]", "regions: [nose]"), "need crops of the face alone"),
        (("classes: [face_swap]", "classes: [face_synthesis]"), "blended needs one of the classes"),
    ],
)
def test_blends_that_cannot_be_boxed_are_an_error(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    bundled = Path(load_detector_recipe.__code__.co_filename).parent / "recipes/deepfakes.yaml"
    text = bundled.read_text().replace("records:\n", "records:\n  blended: 0.3\n")
    path = tmp_path / "deepfakes.yaml"
    path.write_text(text.replace(*change))
    with pytest.raises(UsageError, match=message):
        load_detector_recipe(path)

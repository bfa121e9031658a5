"""The probe: planted shortcuts are found and named, clean records pass."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("sklearn", reason="needs scikit-learn (pip install fakecheck[train])")

from drawn import drawn_face

from fakecheck.errors import InputError
from fakecheck.types import Image
from fakecheck_training import probe as probe_module
from fakecheck_training.draws.source import Draw
from fakecheck_training.pipeline import detector_folder, write_drawn
from fakecheck_training.probe import LIMIT, Measured, probe, probe_stage, read_records
from fakecheck_training.recipe import load_detector_recipe
from fakecheck_training.records import write_records
from fakecheck_training.shortcuts import FEATURES, features

SIDE = 128
Spoil = Callable[[Image], Image]


def _jpeg(image: Image) -> Image:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 1)


def _streaks(image: Image) -> Image:
    streaked = image.copy()
    streaked[:, :18] = image[:, 18:19]
    return streaked


def _bluish(image: Image) -> Image:
    return np.clip(image.astype(int) + np.array([70, 0, 0]), 0, 255).astype(np.uint8)


def _larger(image: Image) -> Image:
    return cv2.resize(image, (SIDE + 8, SIDE + 8))


def _draws(spoil: Spoil, count: int = 240) -> list[Draw]:
    """Every second one is called fake and spoiled; two draws of each picture."""
    draws = []
    for index in range(count):
        image, face = drawn_face(index // 2, SIDE)
        # Darker, so that nothing is clipped; another noise, so that no two records are the same.
        image = np.roll((image * 0.85).astype(np.uint8), index % 2, axis=0)
        fake = index % 4 < 2
        draws.append(
            Draw(
                image=spoil(image) if fake else image,
                fake=fake,
                family="toygan" if fake else "",
                xyxy=face.xyxy[None] if fake else np.zeros((0, 4), np.float32),
                labels=("face_synthesis",) if fake else (),
                source=f"picture{index // 2}",
            )
        )
    return draws


def _measured(spoil: Spoil) -> Measured:
    draws = _draws(spoil)
    return Measured(
        np.stack([features(draw.image) for draw in draws]),
        np.array([draw.fake for draw in draws]),
        np.array([draw.source for draw in draws]),
    )


def test_records_without_a_shortcut_pass() -> None:
    result = probe(_measured(lambda image: image))
    assert result.passed
    assert result.interval[0] < result.auc < result.interval[1]
    assert result.records == 240
    assert result.pictures == 120


@pytest.mark.parametrize(
    ("spoil", "names"),
    [
        (_jpeg, {"grid across", "grid down", "grid place", "jpeg quality", "jpeg ghost"}),
        (_streaks, {"border left", "border sum"}),
        (_bluish, {"mean blue"}),
        (_larger, {"width", "height"}),
    ],
)
def test_planted_shortcuts_fail_and_are_named(spoil: Spoil, names: set[str]) -> None:
    result = probe(_measured(spoil))
    assert not result.passed
    assert result.auc > 0.8
    assert result.telling[0].feature in names
    assert f"by {result.telling[0].feature!r}" in result.sentence("toy")


def test_reals_of_other_sets_may_be_the_only_ones_that_differ() -> None:
    measured = _measured(lambda image: image)
    rng = np.random.default_rng(1)
    own = measured.fake | (rng.random(len(measured.fake)) < 0.5)
    names = [f"{'mine' if o else 'other'}/x/{s}" for o, s in zip(own, measured.source, strict=True)]
    measured.values[~own, FEATURES.index("mean red")] += 90
    result = probe(replace(measured, source=np.array(names)))
    assert result.own is not None
    assert result.own < 0.6
    assert result.auc > result.own + 0.1


def test_texture_is_no_shortcut() -> None:
    assert probe(_measured(lambda image: cv2.GaussianBlur(image, (0, 0), 0.8))).passed


def test_border_of_a_padded_picture_is_measured_as_its_share() -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    padded = cv2.copyMakeBorder(image, 10, 0, 0, 25, cv2.BORDER_REPLICATE)
    found = dict(zip(FEATURES, features(padded), strict=True))
    assert found["border top"] == pytest.approx(10 / 50)
    assert found["border right"] == pytest.approx(25 / 75)
    assert found["border left"] == found["border bottom"] == 0
    assert found["width"] == 75


def test_the_command_fails_the_recipe_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = detector_folder(tmp_path, "stargan")
    write_records(_draws(_jpeg), folder, ["face_synthesis"])
    result = CliRunner().invoke(probe_module.main, ["stargan", "--work", str(tmp_path)])
    assert result.exit_code == 1
    assert "Error: stargan: fakes can be told from reals by" in result.output
    stored = json.loads((folder / "probe.json").read_text())
    assert stored["auc"] > LIMIT
    assert not stored["passed"]
    (row,) = probe_stage(folder)
    assert row["name"] == "probe"
    assert row["auc"] == stored["auc"]


def test_records_of_another_recipe_are_not_probed(tmp_path: Path) -> None:
    folder = detector_folder(tmp_path, "stargan")
    write_records(_draws(_jpeg, 8), folder, ["face_synthesis"])
    recipe = load_detector_recipe(Path("stargan"))
    write_drawn(replace(recipe, classes=["face_swap"]), recipe.runs[0], folder)
    result = CliRunner().invoke(probe_module.main, ["stargan", "--work", str(tmp_path)])
    assert result.exit_code == 2
    assert "were drawn when the recipe had another classes" in result.output


def test_clean_records_end_well_and_new_records_outdate_the_probe(tmp_path: Path) -> None:
    folder = detector_folder(tmp_path, "stargan")
    write_records(_draws(lambda image: image), folder, ["face_synthesis"])
    result = CliRunner().invoke(probe_module.main, ["stargan", "--work", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "hardly tell" in result.output
    older = min(path.stat().st_mtime for path in folder.glob("*.tfrecord")) - 10
    os.utime(folder / "probe.json", (older, older))
    assert probe_stage(folder) == []


def test_nothing_to_probe_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run python -m fakecheck_training\.prepare first"):
        read_records(tmp_path)
    few = Measured(
        np.zeros((4, len(FEATURES))), np.array([1, 0, 1, 0], bool), np.array(list("abcd"))
    )
    with pytest.raises(InputError, match="at least 20 fake"):
        probe(few)
    result = CliRunner().invoke(probe_module.main, ["toygan", "--count", "0"])
    assert result.exit_code == 2
    assert "0 is not in the range x>=1" in result.output

"""Contact sheets: as large as asked for, with boxes, and pairs only where there are any."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from drawn import ToySource, write_pack

from fakecheck.types import Face
from fakecheck_training.augment import Degrader
from fakecheck_training.data import pick, read_samples
from fakecheck_training.draws.artifacts import ArtifactSource
from fakecheck_training.faces import save_faces
from fakecheck_training.preview import GREEN, contact_sheet, main, marked, pair_sheet
from fakecheck_training.recipe import Simulate

RECIPE = """
name: flaws
crop: {regions: [face], side: 64}
steps: 4
"""
SIMULATED = RECIPE + "simulate: {artifacts: [dotnoise, blur], regions: [face, mouth]}\n"

DETECTOR = """
name: flaws
family: flaws
kind: synthesis
version: 1.0.0
summary: Boxes flaws.
pipeline: ssd_lite0_fpn.config
crop: {regions: [face], side: 32}
classes: [face_dotnoise]
fake_sets: []
records: {fakes: 4, reals: 4}
steps: 4
limits: [Knows drawn faces only.]
simulate: {artifacts: [dotnoise], regions: [face]}
"""


def test_every_second_column_of_a_sheet_is_fake_and_boxed() -> None:
    sheet = contact_sheet(ToySource(96), columns=4, rows=2, seed=1)
    assert sheet.shape == (2 * 96, 4 * 96, 3)
    green = (sheet == GREEN).all(axis=2)
    counts = green.reshape(2, 96, 4, 96).sum(axis=(1, 3))
    assert (counts[:, [0, 2]] == 0).all()
    assert (counts[:, [1, 3]] > 100).all()


def test_marks_leave_the_draw_itself_alone() -> None:
    draw = ToySource(96).draw(True, np.random.default_rng(2))
    before = draw.image.copy()
    image = marked(draw)
    np.testing.assert_array_equal(draw.image, before)
    left, top = draw.xyxy[0, :2].astype(int)
    assert tuple(image[top, left]) == GREEN


def test_pairs_stand_side_by_side(tmp_path: Path) -> None:
    faces = write_pack(tmp_path)
    reals = pick(read_samples(tmp_path), "fit", False)
    source = ArtifactSource(
        tmp_path,
        faces,
        reals,
        Degrader(face_side=(80, 120)),
        (64, 64),
        0.3,
        Simulate(["dotnoise"], ["face"]),
    )
    sheet = pair_sheet(source, columns=4, rows=2, seed=3)
    assert sheet.shape == (2 * 64, 4 * 64, 3)
    green = (sheet == GREEN).all(axis=2).reshape(2, 64, 4, 64).sum(axis=(1, 3))
    assert (green[:, [0, 2]] == 0).all()
    assert (green[:, [1, 3]] > 0).all()


def _save(faces: dict[str, Face], work: Path) -> None:
    rows = [np.concatenate([face.xyxy, face.landmarks.ravel(), [1.0]]) for face in faces.values()]
    save_faces(work / "faces.npz", list(faces), np.stack(rows).astype(np.float32))


@pytest.mark.parametrize("text", [RECIPE, SIMULATED])
def test_the_command_writes_a_sheet(tmp_path: Path, text: str) -> None:
    _save(write_pack(tmp_path), tmp_path)
    recipe, sheet = tmp_path / "flaws.yaml", tmp_path / "sheet.png"
    recipe.write_text(text)
    places = [str(recipe), str(sheet), "--data", str(tmp_path), "--work", str(tmp_path)]
    size = ["--columns", "4", "--rows", "2"]
    result = CliRunner().invoke(main, [*places, *size])
    assert result.exit_code == 0, result.output
    assert cv2.imread(str(sheet)).shape == (128, 256, 3)
    result = CliRunner().invoke(main, [*places, *size, "--pairs"])
    if text == SIMULATED:
        assert result.exit_code == 0
    else:
        assert result.exit_code == 2
        assert "draws no pairs" in result.output


def test_prepare_writes_the_same_sheet_and_no_records(tmp_path: Path) -> None:
    pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
    from fakecheck_training import prepare

    _save(write_pack(tmp_path), tmp_path)
    recipe, one, other = (tmp_path / name for name in ("flaws.yaml", "one.png", "other.png"))
    recipe.write_text(DETECTOR)
    places = ["--data", str(tmp_path), "--work", str(tmp_path)]
    for command, sheet in ((main, [str(one)]), (prepare.main, ["--preview", str(other)])):
        result = CliRunner().invoke(command, [str(recipe), *sheet, *places])
        assert result.exit_code == 0, result.output
    assert one.read_bytes() == other.read_bytes()
    assert not (tmp_path / "detectors").exists()


@pytest.mark.parametrize(
    ("text", "sheet", "more", "message"),
    [
        (
            RECIPE + "stepz: 4\n",
            "sheet.png",
            [],
            "unknown key 'stepz', known are name, crop, steps",
        ),
        (RECIPE, "sheet.foo", [], "sheet.foo: no picture can be written with this suffix"),
        (RECIPE, "sheet.png", ["--columns", "0"], "0 is not in the range x>=1"),
    ],
)
def test_mistakes_are_one_sentence(
    tmp_path: Path, text: str, sheet: str, more: list[str], message: str
) -> None:
    recipe = tmp_path / "flaws.yaml"
    recipe.write_text(text)
    places = ["--data", str(tmp_path), "--work", str(tmp_path)]
    result = CliRunner().invoke(main, [str(recipe), str(tmp_path / sheet), *places, *more])
    assert result.exit_code == 2
    assert message in result.output

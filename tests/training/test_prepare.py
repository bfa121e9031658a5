"""Records that are complete, and drawn by this recipe from these pictures, are not drawn again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from drawn import drawn_recipe, write_pack

from fakecheck_training import prepare
from fakecheck_training.data import read_samples
from fakecheck_training.pipeline import DRAWN, run_folders
from fakecheck_training.recipe import Run
from fakecheck_training.records import record_paths

RECIPE = replace(
    drawn_recipe("toy", "toygan", 64, pictures=3, steps=4), fake_sets=["toy"], runs=[Run(1), Run(2)]
)


class Drawing:
    """`prepare` on a pack of drawn faces."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self.work, self.recipe = folder / "data", folder / "work", RECIPE
        self.faces = write_pack(self.data, groups=12)
        monkeypatch.setattr(prepare, "load_detector_recipe", lambda path: self.recipe)
        monkeypatch.setattr(
            prepare, "known_samples", lambda *_: (read_samples(self.data), self.faces)
        )

    def run(self, *options: str) -> Result:
        places = ["--data", str(self.data), "--work", str(self.work)]
        result = CliRunner().invoke(prepare.main, ["toy", *places, *options])
        assert result.exit_code == 0, result.output
        return result

    @property
    def folders(self) -> list[Path]:
        return run_folders(self.work, RECIPE)

    def drawn(self, *options: str) -> int:
        """How many runs the command draws."""
        return self.run(*options).output.count("draws with")


@pytest.fixture
def drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drawing:
    made = Drawing(tmp_path, monkeypatch)
    assert made.drawn() == 2
    return made


def test_what_was_drawn_stays_as_it_is(drawing: Drawing) -> None:
    files = [path for folder in drawing.folders for path in record_paths(folder)]
    before = [path.stat().st_mtime_ns for path in files]
    assert "has been drawn before" in drawing.run().output
    assert [path.stat().st_mtime_ns for path in files] == before
    content = [path.read_bytes() for path in files]
    assert drawing.drawn("--again") == 2
    assert [path.read_bytes() for path in files] == content


def test_what_a_training_alone_depends_on_draws_nothing(drawing: Drawing) -> None:
    drawing.recipe = replace(RECIPE, steps=9, version="2.0.0", limits=["other"])
    assert drawing.drawn() == 0


@pytest.mark.parametrize(
    "changes", [{"classes": ["face_blur"]}, {"records": replace(RECIPE.records, reals=4)}]
)
def test_another_recipe_is_drawn(drawing: Drawing, changes: dict[str, Any]) -> None:
    drawing.recipe = replace(RECIPE, **changes)
    assert drawing.drawn() == 2


def test_a_run_that_is_not_complete_is_drawn_alone(drawing: Drawing) -> None:
    first, second = drawing.folders
    record_paths(second)[1].unlink()
    assert drawing.drawn() == 1
    (first / DRAWN).unlink()
    assert drawing.drawn() == 1
    # One that was stopped when some records were in place: its note is of those before.
    os.utime(second / DRAWN, (1, 1))
    assert drawing.drawn() == 1
    assert drawing.drawn() == 0


def test_other_pictures_and_faces_are_drawn(drawing: Drawing) -> None:
    picture = next(s for s in read_samples(drawing.data) if s.split == "fit")
    path = drawing.data / picture.key
    path.write_bytes(path.read_bytes() + b"\0")
    assert drawing.drawn() == 2
    face = drawing.faces[picture.key]
    drawing.faces[picture.key] = replace(face, xyxy=face.xyxy + 1)
    assert drawing.drawn() == 2
    manifest = drawing.data / "toy" / "manifest.csv"
    lines = [x for x in manifest.read_text().splitlines() if Path(picture.key).name not in x]
    manifest.write_text("\n".join(lines) + "\n")
    assert drawing.drawn() == 2
    assert drawing.drawn() == 0

"""Every command has help, and ends in one sentence where something is missing."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import fakecheck_training
from fakecheck_training.recipe import load_detector_recipe

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

ROOT = Path(fakecheck_training.__file__).parent
# What follows `python -m fakecheck_training.` → the module that it runs.
COMMANDS = {
    module.removesuffix(".__main__"): f"fakecheck_training.{module}"
    for path in sorted(ROOT.rglob("*.py"))
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
    for module in [".".join(path.relative_to(ROOT).with_suffix("").parts)]
}


def test_the_commands_that_the_readme_names_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"python -m fakecheck_training\.(\w+(?:\.\w+)*)", readme))
    assert {"faces", "accuracy", "sequence.train"} <= named <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_its_options(name: str) -> None:
    main = importlib.import_module(COMMANDS[name]).main
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert result.output.count("  --") > 1


@pytest.mark.parametrize("name", ["prepare", "train", "export", "calibrate", "evaluate"])
def test_unknown_recipe_is_one_sentence(name: str, tmp_path: Path) -> None:
    main = importlib.import_module(f"fakecheck_training.{name}").main
    result = CliRunner().invoke(main, ["nosuch", "--work", str(tmp_path)])
    assert result.exit_code == 2
    assert "no recipe 'nosuch'" in result.output
    assert "Traceback" not in result.output


def test_missing_faces_say_which_command_finds_them(tmp_path: Path) -> None:
    main = importlib.import_module("fakecheck_training.prepare").main
    result = CliRunner().invoke(main, ["stargan", "--work", str(tmp_path)])
    assert result.exit_code == 3
    assert "run python -m fakecheck_training.faces first" in result.output


def test_a_missing_backbone_is_named(tmp_path: Path) -> None:
    main = importlib.import_module("fakecheck_training.train").main
    result = CliRunner().invoke(main, ["stargan", "--work", str(tmp_path)])
    assert result.exit_code == 3
    backbone = load_detector_recipe(Path("stargan")).backbone
    assert f"fakecheck_training.backbone {backbone} first" in result.output

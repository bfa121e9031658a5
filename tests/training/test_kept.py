"""A recipe that has changed since something was trained by it is told by its key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from drawn import drawn_recipe

from fakecheck.errors import UsageError
from fakecheck_training.augment import Degrader
from fakecheck_training.kept import (
    TRAINED_BY,
    backbone_recipe,
    backbones_up_to,
    check_backbone_kept,
    check_run_kept,
    keep_backbone,
    keep_run,
)
from fakecheck_training.recipe import BackboneRecipe, CropSpec, Simulate, load_backbone_recipe

RECIPE = replace(drawn_recipe("toy", "toygan", 96, 4, 4), backbone="mine")


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """What the run starts from: as TensorFlow names it, with a file of that name and a suffix."""
    (tmp_path / "ckpt-1.index").write_bytes(b"weights")
    return tmp_path / "ckpt-1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pipeline": "faster_rcnn_lite0.config"}, "pipeline was 'ssd_lite0_fpn.config' when"),
        ({"batch": 9}, r"batch was 8 when .* is now 9 .*delete .*checkpoints to train anew"),
        ({"rate": 0.5}, "rate was 0.002 when"),
        ({"steps": 8}, "steps was 4 when"),
        ({"seed": 2}, "seed was 1 when"),
        ({"backbone": "other"}, "backbone was 'mine' when"),
        ({"overrides": "model {}"}, "overrides was '' when"),
    ],
)
def test_a_changed_recipe_of_a_run_is_told(
    tmp_path: Path, start: Path, change: dict[str, Any], message: str
) -> None:
    folder = tmp_path / "checkpoints"
    check_run_kept(RECIPE, folder, start)  # nothing is there
    keep_run(RECIPE, folder, start)
    changed = replace(RECIPE, **change)
    check_run_kept(changed, folder, start)  # it was stopped before its first checkpoint
    (folder / "checkpoint").touch()
    check_run_kept(replace(RECIPE, version="2.0.0", mirrored=True), folder, start)
    with pytest.raises(UsageError, match=message):
        check_run_kept(changed, folder, start)


def test_a_changed_template_of_one_s_own_is_told(tmp_path: Path, start: Path) -> None:
    folder, own = tmp_path / "checkpoints", tmp_path / "own.config"
    recipe = replace(RECIPE, pipeline=str(own))
    own.write_text("model { ssd {} }\n")
    keep_run(recipe, folder, start)
    (folder / "checkpoint").touch()
    own.write_text("model {  # a comment\n  ssd {}\n}\n")
    check_run_kept(recipe, folder, start)
    own.write_text("model { ssd { num_classes: 3 } }\n")
    with pytest.raises(UsageError, match="toy: template was"):
        check_run_kept(recipe, folder, start)


def test_a_run_of_before_there_were_overrides_goes_on(tmp_path: Path, start: Path) -> None:
    keep_run(RECIPE, tmp_path, start)
    (tmp_path / "checkpoint").touch()
    note = tmp_path / TRAINED_BY
    facts = json.loads(note.read_text())
    del facts["overrides"], facts["template"]
    note.write_text(json.dumps(facts))
    check_run_kept(RECIPE, tmp_path, start)
    with pytest.raises(UsageError, match="overrides was '' when"):
        check_run_kept(replace(RECIPE, overrides="model {}"), tmp_path, start)


def test_a_backbone_that_was_trained_anew_is_told(tmp_path: Path, start: Path) -> None:
    folder = tmp_path / "checkpoints"
    keep_run(RECIPE, folder, start)
    (folder / "checkpoint").touch()
    check_run_kept(RECIPE, folder, start)
    (tmp_path / "ckpt-1.index").write_bytes(b"others")
    with pytest.raises(UsageError, match="toy: checkpoint of the backbone was"):
        check_run_kept(RECIPE, folder, start)


def test_a_backbone_s_own_recipe_is_kept_and_a_changed_one_told(tmp_path: Path) -> None:
    own = BackboneRecipe(
        "mine",
        CropSpec(["face"], 64),
        steps=7,
        start="stills",
        peak_rate=1e-5,
        degrade=Degrader(face_side=(60, 90)),
        simulate=Simulate(["blur"], ["eyes"]),
    )
    check_backbone_kept(own, tmp_path)  # nothing is known of older ones
    keep_backbone(own, tmp_path)
    assert backbone_recipe(tmp_path, "mine") == own
    assert backbones_up_to(tmp_path, "mine") == ["stills", "mine"]
    check_backbone_kept(own, tmp_path)
    with pytest.raises(
        UsageError, match=r"crop was .*64.* is now .*96.*delete .*mine to train anew"
    ):
        check_backbone_kept(replace(own, crop=CropSpec(["face"], 96)), tmp_path)


def test_of_a_backbone_that_kept_no_recipe_the_bundled_one_is_taken(tmp_path: Path) -> None:
    assert backbone_recipe(tmp_path, "stills") == load_backbone_recipe(Path("stills"))
    with pytest.raises(UsageError, match=r"no backbone 'nope' \(run .*backbone with its recipe"):
        backbone_recipe(tmp_path, "nope")

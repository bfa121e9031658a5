"""Detector bundles for tests: a card, a label map, and graphs that box bright pictures.

The model says of every picture: one box of a fixed place in class 1, whose score is the mean of the
red channel over 255, one of class 2 with half that score, and rows of padding.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fakecheck.card import CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE, DetectorCard, load_card

CLASSES = ("face_synthesis", "mouth_partswap")
BOXES = np.array([[0.1, 0.2, 0.8, 0.9], [0.6, 0.3, 0.9, 0.7], [0, 0, 0, 0]], np.float32)
WEIGHTS = np.array([1.0, 0.5, 0.0], np.float32)
LABELS = np.array([1.0, 2.0, 1.0], np.float32)


def card_fields(**changes: Any) -> dict[str, Any]:
    """The fields of a valid card without `files`, with `changes`."""
    calibration = {"slope": 1.0, "intercept": 0.0, "min_llr": -3.0, "max_llr": 3.0}
    fields: dict[str, Any] = {
        "schema": "fakecheck.detector/1",
        "id": "bright",
        "version": "1.0.0",
        "family": "stargan",
        "kind": "attribute_edit",
        "architecture": "mean of a channel",
        "summary": "Finds bright pictures.",
        "crop": {"regions": ["face"], "margin": 0.3},
        "input": {"width": 32, "height": 32, "color": "rgb"},
        "classes": [
            {"id": number, "name": name, "calibration": calibration, "threshold": 0.5}
            for number, name in enumerate(CLASSES, 1)
        ],
        "false_alarm_llr": {0.01: 2.0, 0.1: 0.5},
        "training": {
            "data": [
                {"set": "none", "split": "train", "use": "none", "pictures": 0, "terms": "none"}
            ],
            "command": "none",
            "seed": 0,
            "steps": 1,
            "date": "2026-01-01",
        },
        "metrics": [
            {
                "set": "drawn",
                "split": "val",
                "degradation": "none",
                "auc": 0.9,
                "recall_at_fpr01": 0.5,
                "positives": 10,
                "negatives": 10,
                "negatives_from": "drawn",
            }
        ],
        "licence": {"graph": "Apache-2.0", "data": "none"},
        "limits": ["Knows nothing of faces."],
    }
    return {**fields, **changes}


def label_map(classes: tuple[str, ...] = CLASSES) -> str:
    return "".join(
        f"item {{\n  id: {number}\n  name: '{name}'\n}}\n" for number, name in enumerate(classes, 1)
    )


def write_bundle(
    folder: Path,
    *,
    graph: bytes | None = None,
    onnx: bytes | None = None,
    labels: str | None = None,
    **changes: Any,
) -> Path:
    """A bundle in `folder` with correct sha256 sums.

    Without `graph` it holds a graph of one Const, so that it passes every check but cannot run;
    without `onnx` it has no ONNX model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        GRAPH_FILE: graph if graph is not None else graph_def("Const"),
        LABEL_MAP_FILE: (labels if labels is not None else label_map()).encode(),
    }
    if onnx is not None:
        contents[ONNX_FILE] = onnx
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    fields = {"files": sums, **card_fields(**changes)}
    (folder / CARD_FILE).write_text(yaml.safe_dump(fields, sort_keys=False), encoding="utf-8")
    return folder


def make_card(folder: Path, **arguments: Any) -> DetectorCard:
    """The loaded card of `write_bundle`."""
    return load_card(write_bundle(folder, **arguments))


def message(*fields: tuple[int, bytes | str | int]) -> bytes:
    """A protobuf message, by hand: numbers as varints, the rest with their length."""
    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def graph_def(*ops: str, in_function: str | None = None) -> bytes:
    """A GraphDef of nodes without inputs, and a function that holds `in_function`."""
    nodes = [(1, message((1, f"n{i}"), (2, op))) for i, op in enumerate(ops)]
    if in_function is None:
        return message(*nodes)
    body = message((1, message((1, "f"))), (3, message((1, "inner"), (2, in_function))))
    return message(*nodes, (2, message((1, body))))


def onnx_model(*, scores: float = 1.0, keep: tuple[str, ...] = (), dtype: str = "UINT8") -> bytes:
    """The model of this module's docstring, its scores multiplied by `scores`.

    `keep` are the outputs that it has, all by default. Needs the package `onnx`.
    """
    from onnx import TensorProto, helper, numpy_helper

    def constant(name: str, value: Any) -> Any:
        return numpy_helper.from_array(np.asarray(value), name)

    constants = [
        constant("boxes", BOXES[None]),
        constant("weights", WEIGHTS[None] * np.float32(scores / 255)),
        constant("labels", LABELS[None]),
        constant("one", np.array([1], np.int64)),
        constant("two", np.array([2.0], np.float32)),
        constant("zero", np.array([0], np.int64)),
        constant("last", np.array([3], np.int64)),
    ]
    nodes = [
        helper.make_node("Cast", ["image_tensor:0"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["pixels", "zero", "one", "last"], ["red"]),
        helper.make_node("ReduceMean", ["red"], ["means"], axes=[1, 2, 3], keepdims=1),
        helper.make_node("Shape", ["pixels"], ["shape"]),
        helper.make_node("Slice", ["shape", "zero", "one"], ["n"]),
        helper.make_node("Concat", ["n", "one"], ["n1"], axis=0),
        helper.make_node("Concat", ["n1", "one"], ["n11"], axis=0),
        helper.make_node("Reshape", ["means", "n1"], ["mean"]),
        helper.make_node("Mul", ["mean", "weights"], ["detection_scores:0"]),
        helper.make_node("Expand", ["boxes", "n11"], ["detection_boxes:0"]),
        helper.make_node("Expand", ["labels", "n1"], ["detection_classes:0"]),
        helper.make_node("Expand", ["two", "n"], ["num_detections:0"]),
    ]
    shapes = {
        "detection_boxes": ["n", 3, 4],
        "detection_scores": ["n", 3],
        "detection_classes": ["n", 3],
        "num_detections": ["n"],
    }
    outputs = [
        helper.make_tensor_value_info(f"{name}:0", TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
        if not keep or name in keep
    ]
    picture = helper.make_tensor_value_info(
        "image_tensor:0", getattr(TensorProto, dtype), ["n", "h", "w", 3]
    )
    graph = helper.make_graph(nodes, "bright", [picture], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data


def tensorflow_graph() -> bytes:
    """The same as a frozen TensorFlow graph. Needs `tensorflow`."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.uint8, [None, None, None, 3], "image_tensor")
        n = tf.shape(picture)[0]
        mean = tf.reduce_mean(tf.cast(picture, tf.float32)[..., 0], [1, 2])
        tf.multiply(mean[:, None], WEIGHTS[None] / 255, "detection_scores")
        tf.tile(BOXES[None], [n, 1, 1], "detection_boxes")
        tf.tile(LABELS[None], [n, 1], "detection_classes")
        tf.fill([n], 2.0, "num_detections")
    data: bytes = graph.as_graph_def().SerializeToString()
    return data


def suppressing_loops(model: Path) -> list[str]:
    """Names of the loops in an ONNX model that suppress boxes picture by picture."""
    import onnx

    return [
        node.name
        for node in onnx.load(model).graph.node
        if node.op_type == "Loop"
        and any(
            inner.op_type == "NonMaxSuppression" for item in node.attribute for inner in item.g.node
        )
    ]

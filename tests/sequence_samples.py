"""Frames of followed faces, and a temporal model that can be worked out by hand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fakecheck.card import GRAPH_FILE, ONNX_FILE, DetectorCard
from fakecheck.features import FEATURE_VERSION, NAMES, WIDTH
from fakecheck.temporal import CARD
from fakecheck.types import Detections, Face, FrameResult

MARKS = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)
CALIBRATION = {"slope": 1.0, "intercept": 0.0, "min_llr": -6.0, "max_llr": 6.0}


def face_at(x: float = 0.0, side: float = 100.0, track: int | None = 0) -> Face:
    box = np.array([x, 0, x + side, side], np.float32)
    return Face(box, MARKS * side / 100 + np.array([x, 0], np.float32), 0.9, track)


def boxes_of(card: DetectorCard, *rows: tuple[int, int, float, tuple]) -> Detections:
    """`rows` are face, class id, llr and xyxy."""
    return Detections(
        card.id,
        np.array([row[3] for row in rows], np.float32).reshape(-1, 4),
        np.full(len(rows), 0.5, np.float32),
        np.array([row[1] for row in rows], np.int32),
        np.array([row[2] for row in rows], np.float32),
        np.array([row[0] for row in rows], np.int32),
    )


def frame_of(
    index: int, faces: list[Face], *detections: Detections, fps: float = 10.0, **llr: Any
) -> FrameResult:
    """`llr` is the evidence: a detector's id → one value a face."""
    evidence = {name: np.array(values, np.float32) for name, values in llr.items()}
    sharp = np.full(len(faces), 5.0, np.float32)
    return FrameResult(index, index / fps, tuple(faces), detections, evidence, {}, sharpness=sharp)


def write_model(folder: Path, **changes: Any) -> Path:
    """A model whose sample logit is `all.best`, and whose sequence logit is their maximum."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {GRAPH_FILE: b"graph", ONNX_FILE: best_box_model()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    card = {
        "schema": "fakecheck.sequence/1",
        "version": "1.0.0",
        "architecture": "the loudest box",
        "summary": "For tests.",
        "features": {"version": FEATURE_VERSION, "width": WIDTH},
        "window": 8,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
        "calibration": CALIBRATION,
        "sample_calibration": CALIBRATION,
        "false_alarm_llr": {0.1: 0.5, 0.01: 2.0},
        "bands": {
            "miss_rate": 0.05,
            "real_below": 0.4,
            "forged_over": 0.5,
        },
        "detectors": {"bright": "1.0.0"},
        "training": {
            "data": [{"set": "none", "split": "train", "use": "none", "pictures": 0, "terms": "-"}],
            "command": "none",
            "seed": 0,
            "steps": 1,
            "date": "2026-01-01",
        },
        "licence": {"graph": "Apache-2.0", "data": "none"},
        "limits": ["For tests."],
        **changes,
    }
    (folder / CARD).write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")
    return folder


def best_box_model() -> bytes:
    from onnx import TensorProto, helper

    column = helper.make_tensor("column", TensorProto.INT64, [], [NAMES.index("all.best")])
    nodes = [
        helper.make_node("Gather", ["features", "column"], ["best"], axis=2),
        helper.make_node("Mul", ["best", "seen"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["sample_scores"]),
        helper.make_node("ReduceMax", ["sample_scores"], ["sequence_score"], axes=[1], keepdims=0),
    ]
    ends = [("features", ["n", "t", WIDTH]), ("seen", ["n", "t"])]
    outs = [("sequence_score", ["n"]), ("sample_scores", ["n", "t"])]
    graph = helper.make_graph(
        nodes,
        "best",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ends],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outs],
        [column],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return bytes(model.SerializeToString())

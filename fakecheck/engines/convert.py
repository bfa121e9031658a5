"""A frozen TensorFlow graph → ONNX, and the proof that both find the same.

Needs the extra `tensorflow`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fakecheck.card import GRAPH_FILE, DetectorCard
from fakecheck.engines.base import INPUT, OUTPUTS, Engine, RawBoxes
from fakecheck.engines.onnx import OnnxEngine
from fakecheck.engines.tensorflow import INSTALL, TensorFlowEngine
from fakecheck.errors import MissingDependencyError, PluginError
from fakecheck.geometry import iou_matrix
from fakecheck.graph import check_onnx_model, read_checked
from fakecheck.types import Floats

OPSET = 17
TOLERANCE = 1e-3
# Under this overlap two boxes are not the same box found twice.
MIN_IOU = 0.5
# Boxes of a picture that are compared, the best ones: the time is that of their square.
MAX_COMPARED = 300
# tf2onnx takes under a minute for a Faster R-CNN on one core.
TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class Agreement:
    """How many `boxes` two engines have in common, and how far apart these are at most.

    `score` and `coordinate` (a fraction of the picture) are the largest differences.
    """

    boxes: int
    score: float
    coordinate: float


def convert_frozen_graph(
    pb: Path, onnx: Path, inputs: Sequence[str] = (INPUT,), outputs: Sequence[str] = OUTPUTS
) -> None:
    """Writes the frozen graph `pb` as the ONNX model `onnx`; its ends are a detector's if not said.

    tf2onnx runs in a process of its own: its messages and TensorFlow's stay out of ours, and so
    does the memory they take. Raises MissingDependencyError without tf2onnx or TensorFlow,
    PluginError with tf2onnx's last line where it fails.
    """
    for module in ("tensorflow", "tf2onnx"):
        if importlib.util.find_spec(module) is None:
            raise MissingDependencyError(
                f"Making an ONNX model needs {module}, which is not installed", INSTALL
            )
    command = [
        sys.executable,
        "-m",
        "tf2onnx.convert",
        "--graphdef",
        str(pb.resolve()),
        "--inputs",
        ",".join(f"{name}:0" for name in inputs),
        "--outputs",
        ",".join(f"{name}:0" for name in outputs),
        "--opset",
        str(OPSET),
        "--output",
        str(onnx.resolve()),
    ]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    # In an empty folder: `python -m` imports from the current one before anything else.
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(
                command,
                cwd=empty,
                env=environment,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PluginError(f"tf2onnx took over {TIMEOUT_SECONDS} s for {pb.name}") from error
    if done.returncode or not onnx.exists():
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise PluginError(f"tf2onnx cannot convert {pb.name}: {last[:300]}")


def make_onnx(card: DetectorCard) -> tuple[bytes, Agreement]:
    """The card's frozen graph as an ONNX model, and how well the two agree; writes nothing.

    The model is `simplified` unless that changes what it finds. Raises what `convert_frozen_graph`
    and `compare` raise, and GraphRefusedError for a graph that fails its checks.
    """
    graph = read_checked(card, GRAPH_FILE)
    with tempfile.TemporaryDirectory() as folder:
        # The checked bytes, not the card's file: that may change in between.
        source, made = Path(folder, GRAPH_FILE), Path(folder, "made.onnx")
        source.write_bytes(graph)
        convert_frozen_graph(source, made)
        model = made.read_bytes()
    original, pictures = TensorFlowEngine(card, graph), sample(card)

    def checked(model: bytes) -> tuple[bytes, Agreement]:
        check_onnx_model(model, f"{card.id}: the converted model")
        return model, compare(original, OnnxEngine(card, model), pictures)

    try:
        return checked(simplified(model, card.input.width, card.input.height))
    # Whatever a graph that was built otherwise makes of it: the plain model is as good, but slower.
    except Exception:
        return checked(model)


def simplified(model: bytes, width: int, height: int) -> bytes:
    """The ONNX model for pictures of this size in pixels, with what can be worked out ahead done.

    Boxes are suppressed for the whole batch at once; shapes, and what follows from them alone, are
    constants; nothing is in it that only one kind of processor can run. It takes less time to load
    and to run and finds the same.
    """
    import onnx

    from fakecheck.engines.batched_nms import batch_suppression
    from fakecheck.engines.integers import integer_convolutions
    from fakecheck.engines.runtime import import_onnxruntime

    onnxruntime = import_onnxruntime()

    graph = onnx.load_from_string(model)
    batch_suppression(graph)
    integer_convolutions(graph)
    sizes = graph.graph.input[0].type.tensor_type.shape.dim
    for place, length in ((1, height), (2, width)):
        sizes[place].Clear()
        sizes[place].dim_value = length
    # Shapes that were worked out for any size of picture.
    del graph.graph.value_info[:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "simplified.onnx")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        options.log_severity_level = 4
        onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return path.read_bytes()


def sample(card: DetectorCard, count: int = 6) -> NDArray[np.uint8]:
    """Pictures (count, height, width, 3) uint8 for `compare`, the same at every call.

    Half of them are drawn faces, half noise from fine to coarse.
    """
    random = np.random.default_rng(0)
    height, width = card.input.height, card.input.width
    pictures = np.empty((count, height, width, 3), np.uint8)
    for index in range(count):
        pictures[index] = (_noise if index % 2 else _drawn_face)(random, height, width, index)
    return pictures


def compare(first: Engine, second: Engine, pictures: NDArray[np.uint8]) -> Agreement:
    """Runs both engines over `pictures` (n, height, width, 3) uint8 and compares their boxes.

    They are matched greedily, best score first, by class and overlap, since boxes of equal score
    come in any order. Raises PluginError where a score or a coordinate differs by more than 1e-3,
    or a box of one is missing from the other. It may be missing only if it scores no more than the
    other's last one: there the limit on the number of boxes has cut it off, the detector's own or
    that of 300, to which the comparison keeps.
    """
    total, score, coordinate = 0, 0.0, 0.0
    one, other = first.run(pictures), second.run(pictures)
    for index in range(len(pictures)):
        a, b = _best(one, index), _best(other, index)
        pairs = _match(a, b)
        for mine, theirs, matched in ((a, b, 0), (b, a, 1)):
            lonely = np.delete(mine[1], [pair[matched] for pair in pairs])
            # With ties at the limit one engine keeps this box, the other that one.
            floor = theirs[1].min() if len(theirs[1]) else 0.0
            if len(lonely) and lonely.max() > floor + TOLERANCE:
                raise PluginError(
                    f"{first.name} and {second.name} disagree: a box of score {lonely.max():.4f} "
                    "is found by one of them only"
                )
        for i, j in pairs:
            score = max(score, float(abs(a[1][i] - b[1][j])))
            coordinate = max(coordinate, float(np.abs(a[0][i] - b[0][j]).max()))
        total += len(pairs)
    if max(score, coordinate) > TOLERANCE:
        raise PluginError(
            f"{first.name} and {second.name} disagree: scores by up to {score:.2g}, boxes by up to "
            f"{coordinate:.2g}, where {TOLERANCE:g} is allowed"
        )
    return Agreement(total, score, coordinate)


Boxes = tuple[Floats, Floats, NDArray[np.int32]]


def _best(raw: RawBoxes, index: int) -> Boxes:
    """The best boxes of a picture, MAX_COMPARED at most, with scores and classes."""
    best = np.argsort(-raw.scores[index, : raw.counts[index]], kind="stable")[:MAX_COMPARED]
    return raw.boxes[index, best], raw.scores[index, best], raw.classes[index, best]


def _match(a: Boxes, b: Boxes) -> list[tuple[int, int]]:
    """Indices of the boxes of `a` and `b` that are one box."""
    overlap = np.where(a[2][:, None] == b[2][None, :], iou_matrix(a[0], b[0]), 0)
    pairs = []
    for i in np.argsort(-a[1], kind="stable"):
        if not overlap.shape[1]:
            break
        # Of boxes that overlap equally the one whose score is nearest.
        j = int(np.lexsort((np.abs(b[1] - a[1][i]), -np.round(overlap[i], 3)))[0])
        if overlap[i, j] >= MIN_IOU:
            pairs.append((int(i), j))
            overlap[:, j] = 0
    return pairs


def _noise(random: np.random.Generator, height: int, width: int, index: int) -> NDArray[np.uint8]:
    cell = 2**index
    coarse = random.integers(0, 256, (-(-height // cell), -(-width // cell), 3), dtype=np.uint8)
    return coarse.repeat(cell, 0).repeat(cell, 1)[:height, :width]


def _drawn_face(
    random: np.random.Generator, height: int, width: int, index: int
) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]

    def ellipse(cx: float, cy: float, rx: float, ry: float) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
        return inside

    picture = random.uniform(0, 255, 3) * np.ones((height, width, 1))
    picture[ellipse(0.5, 0.5, 0.33, 0.43)] = random.uniform(80, 230, 3)
    for part in ((0.37, 0.4, 0.06, 0.03), (0.63, 0.4, 0.06, 0.03), (0.5, 0.72, 0.13, 0.04)):
        picture[ellipse(*part)] = random.uniform(0, 120, 3)
    picture += random.normal(0, 3 + 4 * index, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)

"""Non-maximum suppression of a whole batch at once, in ONNX models of the Object Detection API.

The API suppresses boxes picture by picture in a `tf.map_fn`. tf2onnx makes of it a Loop over some
500 small nodes, and more with every class, which costs more than the convolutions of a small
detector. ONNX's NonMaxSuppression takes batches and classes itself, so two dozen nodes do the same:
see `batch_multiclass_non_max_suppression` in `object_detection/core/post_processing.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

# What stands where nothing was selected; no score is as low.
NOTHING = float(np.finfo(np.float32).min)
READ = re.compile(r"/TensorArrayV2Read(?:_(\d+))?/TensorListGetItem")
WRITE = re.compile(r"/TensorArrayV2Write(?:_(\d+))?/TensorListSetItem")
# Places in what the API maps over and in what it gives back. Both may have further fields behind
# these; the last is the number of boxes.
BOXES, SCORES, WINDOW = 0, 1, 3
FOUND_BOXES, FOUND_SCORES, FOUND_CLASSES = 0, 1, 2

Constants = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class _Suppression:
    """What a Loop reads and writes, by its place in the API's call, and its settings."""

    reads: dict[int, str]
    writes: dict[int, str]
    per_class: int
    total: int
    iou: float
    score: float
    relative: bool

    @property
    def last(self) -> int:
        """The place of the number of boxes, read and written."""
        return max(self.reads)


def batch_suppression(model: Any) -> int:
    """Replaces in the `onnx.ModelProto` every Loop that it can; gives how many these were.

    It leaves one alone whose boxes differ from class to class or whose settings it cannot read. The
    outputs keep their names, shapes and types.
    """
    graph = model.graph
    constants = _constants(graph)
    used = {item.name for item in graph.output}.union(*(_inputs(node) for node in graph.node))
    nodes: list[Any] = []
    replaced = 0
    for node in graph.node:
        found = _read_loop(node, constants, used)
        nodes += [node] if found is None else _Batched(f"batched_nms_{replaced}", found).nodes
        replaced += found is not None
    del graph.node[:]
    graph.node.extend(_reachable(nodes, {item.name for item in graph.output}))
    return replaced


def _constants(graph: Any) -> dict[str, NDArray[Any]]:
    return {item.name: numpy_helper.to_array(item) for item in graph.initializer}


def _read_loop(node: Any, outside: Constants, used: set[str]) -> _Suppression | None:
    """What the node does, if it is a Loop of the API's suppression that can be replaced."""
    if node.op_type != "Loop":
        return None
    (body,) = (item.g for item in node.attribute if item.name == "body")
    constants = {**outside, **_constants(body)}
    maker = {name: inner for inner in body.node for name in inner.output}
    suppressing = [inner for inner in body.node if inner.op_type == "NonMaxSuppression"]
    shared = any(
        inner.op_type == "Reshape"
        and np.array_equal(constants.get(inner.input[1], np.zeros(0)), [-1, 1, 4])
        for inner in body.node
    )
    reads = {
        int(place[1] or 0): inner.input[0]
        for inner in body.node
        if inner.op_type == "Gather" and (place := READ.search(inner.output[0]))
    }
    names = zip(body.output[1:], node.output, strict=True)
    writes = {
        int(place[1] or 0): given
        for made, given in names
        if given in used and (place := WRITE.search(made.name))
    }
    limits = [
        _limit(inner, constants)
        for inner in body.node
        if inner.op_type == "Min" and "/ClipToWindow/" not in inner.output[0]
    ]
    if not suppressing or not shared or not {BOXES, SCORES, WINDOW} <= set(reads):
        return None
    per_class = _limit(maker.get(_source(suppressing[0].input[2], maker)), constants)
    known = [limit for limit in limits if limit is not None]
    iou, score = (_number(constants, name) for name in suppressing[0].input[3:5])
    if per_class is None or iou is None or score is None or len(known) != len(suppressing) + 1:
        return None
    # One limit a class, all the same, and that on all of them: the odd one out, or equal as well.
    known.remove(per_class)
    return _Suppression(
        reads=reads,
        writes=writes,
        per_class=per_class,
        total=next((limit for limit in known if limit != per_class), per_class),
        iou=iou,
        score=score,
        relative=any("/ChangeCoordinateFrame/" in name for name in maker),
    )


def _number(constants: Constants, name: str) -> float | None:
    """A constant of one value."""
    value = constants.get(name)
    return float(value.ravel()[0]) if value is not None and value.size == 1 else None


def _source(name: str, maker: Mapping[str, Any]) -> str:
    """Where a value comes from, through nodes that change nothing but its type and shape."""
    while name in maker and maker[name].op_type in ("Cast", "Reshape", "Unsqueeze", "Identity"):
        name = maker[name].input[0]
    return name


def _limit(node: Any, constants: Constants) -> int | None:
    """The constant in the minimum of a constant and a size."""
    if node is None or node.op_type != "Min":
        return None
    found = [constants[name] for name in node.input if name in constants]
    return int(found[0].ravel()[0]) if len(found) == 1 and found[0].size == 1 else None


def _reachable(nodes: list[Any], wanted: set[str]) -> list[Any]:
    """The nodes, in their order, without those that nothing needs any more."""
    kept = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= _inputs(node)
    return kept[::-1]


def _inputs(node: Any) -> set[str]:
    """What a node reads, the graphs inside of it too."""
    found = set(node.input)
    for item in node.attribute:
        if item.type == onnx.AttributeProto.GRAPH:
            found |= set().union(*(_inputs(inner) for inner in item.g.node))
            found |= {output.name for output in item.g.output}
    return found


class _Batched:
    """The nodes that take a Loop's place.

    B pictures with N boxes each, C classes, at most M boxes found. `nodes` are in their order.
    """

    def __init__(self, prefix: str, spec: _Suppression) -> None:
        self._prefix, self._spec = prefix, spec
        self.nodes: list[Any] = []
        self._build()

    def _build(self) -> None:
        spec = self._spec
        boxes = self._add("Squeeze", spec.reads[BOXES], self._ints(2))  # (B, N, 4)
        count = self._add("Shape", boxes, start=1, end=2)  # N
        scores = self._scores(count)  # (B, C, N)
        chosen = self._add(
            "NonMaxSuppression",
            boxes,
            scores,
            self._ints(spec.per_class),
            self._constant(np.array([spec.iou], np.float32)),
            self._constant(np.array([spec.score], np.float32)),
        )  # (K, 3): picture, class, box
        boxes, shown = self._clipped(boxes)
        values, places = self._best(scores, shown, chosen)  # (B, M) each
        valid = self._add("Greater", values, self._float(NOTHING / 2))
        box = self._add("Mod", places, count)
        results = {
            FOUND_BOXES: lambda: self._pick(boxes, box, valid),
            FOUND_SCORES: lambda: self._add("Where", valid, values, self._float(0)),
            FOUND_CLASSES: lambda: self._classes(places, count, valid),
            spec.last: lambda: self._number(valid),
        }
        for place, name in spec.writes.items():
            made = (
                results[place]() if place in results else self._pick(spec.reads[place], box, valid)
            )
            self.nodes.append(helper.make_node("Identity", [made], [name]))

    def _scores(self, count: str) -> str:
        """(B, C, N), NOTHING for the boxes that only fill a picture's row up."""
        spec = self._spec
        index = self._add("Range", self._scalar(0), self._add("Squeeze", count), self._scalar(1))
        filled = self._add("Cast", spec.reads[spec.last], to=onnx.TensorProto.INT64)
        there = self._add("Less", index, self._add("Unsqueeze", filled, self._ints(1)))  # (B, N)
        return self._add(
            "Where",
            self._add("Unsqueeze", there, self._ints(1)),
            self._add("Transpose", spec.reads[SCORES], perm=[0, 2, 1]),
            self._float(NOTHING),
        )

    def _clipped(self, boxes: str) -> tuple[str, str]:
        """Boxes (B, N, 4) in their picture's window, and whether anything is left of them."""
        window = self._add("Unsqueeze", self._spec.reads[WINDOW], self._ints(1))  # (B, 1, 4)
        low = self._add("Gather", window, self._ints(0, 1, 0, 1), axis=2)
        high = self._add("Gather", window, self._ints(2, 3, 2, 3), axis=2)
        inside = self._add("Max", self._add("Min", boxes, high), low)
        extent = self._add(
            "Sub",
            self._add("Slice", inside, self._ints(2), self._ints(4), self._ints(2)),
            self._add("Slice", inside, self._ints(0), self._ints(2), self._ints(2)),
        )
        least = self._add("ReduceMin", extent, axes=[2], keepdims=0)
        shown = self._add("Greater", least, self._float(0))
        if self._spec.relative:
            inside = self._add("Div", self._add("Sub", inside, low), self._add("Sub", high, low))
        return inside, shown

    def _best(self, scores: str, shown: str, chosen: str) -> tuple[str, str]:
        """The M best scores of each picture and their places in its (C, N), NOTHING for none."""
        nothing = self._float(NOTHING)
        seen = self._add("Where", self._add("Unsqueeze", shown, self._ints(1)), scores, nothing)
        empty = self._add(
            "ConstantOfShape",
            self._add("Shape", scores),
            value=numpy_helper.from_array(np.array([NOTHING], np.float32)),
        )
        kept = self._add("ScatterND", empty, chosen, self._add("GatherND", seen, chosen))
        flat = self._add("Flatten", kept, axis=1)
        # There may be fewer boxes than M.
        padding = self._ints(0, 0, 0, self._spec.total)
        padded = self._add("Pad", flat, padding, nothing)
        return self._add_two("TopK", padded, self._ints(self._spec.total))

    def _classes(self, places: str, count: str, valid: str) -> str:
        number = self._add("Cast", self._add("Div", places, count), to=onnx.TensorProto.FLOAT)
        return self._add("Where", valid, number, self._float(0))

    def _number(self, valid: str) -> str:
        ones = self._add("Cast", valid, to=onnx.TensorProto.INT32)
        return self._add("ReduceSum", ones, self._ints(1), keepdims=0)

    def _pick(self, values: str, box: str, valid: str) -> str:
        """Rows (B, M, ...) of (B, N, ...), zero where nothing was found."""
        rows = self._add(
            "GatherND", values, self._add("Unsqueeze", box, self._ints(2)), batch_dims=1
        )
        return self._add(
            "Where", self._add("Unsqueeze", valid, self._ints(2)), rows, self._float(0)
        )

    def _add(self, kind: str, *inputs: str, **settings: Any) -> str:
        name = f"{self._prefix}/{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **settings))
        return name

    def _add_two(self, kind: str, *inputs: str) -> tuple[str, str]:
        name = self._add(kind, *inputs)
        self.nodes[-1].output.append(f"{name}_1")
        return name, f"{name}_1"

    def _constant(self, value: NDArray[Any]) -> str:
        return self._add("Constant", value=numpy_helper.from_array(value))

    def _ints(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def _scalar(self, value: int) -> str:
        return self._constant(np.array(value, np.int64))

    def _float(self, value: float) -> str:
        return self._constant(np.array(value, np.float32))

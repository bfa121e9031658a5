"""What size of picture a frozen TensorFlow graph wants, read from its bytes: nothing is run.

Field numbers are those of TensorFlow's graph.proto, node_def.proto, attr_value.proto and
tensor.proto.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

from fakecheck.engines.base import INPUT
from fakecheck.errors import GraphRefusedError
from fakecheck.graph import check_tensorflow_graph
from fakecheck.graph_ends import Ends, tensorflow_ends
from fakecheck.wire import WireError, messages

EXPORT_ADVICE = (
    "wanted is a frozen GraphDef, as the Object Detection API's export_inference_graph.py writes it"
)
VARIABLES = {"Variable", "VariableV2", "VarHandleOp", "ReadVariableOp"}
RESIZES = {"ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea"}
# What may stand between the input and the resizing without changing the size.
SIZE_KEEPING = {"Add", "AddV2", "Cast", "EnsureShape", "Identity", "Mul", "RealDiv", "Sub"}

Size = tuple[int, int]


@dataclass(frozen=True)
class GraphFacts:
    """The graph's `ends`, the number of its `nodes` outside of functions, and sizes in pixels.

    `fixed` is the only (width, height) of pictures that it takes, None where it takes any;
    `resized` is the one to which it resizes them itself, None where that is not plain to see.
    """

    ends: Ends
    nodes: int
    fixed: Size | None
    resized: Size | None


@dataclass
class _Node:
    op: str = ""
    inputs: list[str] = field(default_factory=list)
    value: memoryview = field(default_factory=lambda: memoryview(b""))


def read_graph_facts(data: bytes, what: str) -> GraphFacts:
    """Checks that `data` is a frozen GraphDef of allowed ops, and reads its facts.

    Raises GraphRefusedError, which calls the graph `what`, for anything else.
    """
    try:
        nodes = _read_nodes(data)
    except WireError as error:
        raise GraphRefusedError(f"{what} is damaged or no graph: {error}", EXPORT_ADVICE) from error
    if any(node.op in VARIABLES for node in nodes.values()):
        raise GraphRefusedError(f"{what} holds variables: it is not frozen", EXPORT_ADVICE)
    try:
        check_tensorflow_graph(data, what)
    except GraphRefusedError as error:
        advice = error.advice or (None if "forbidden op" in error.message else EXPORT_ADVICE)
        raise GraphRefusedError(error.message, advice) from error
    try:
        ends = tensorflow_ends(data)
        return GraphFacts(ends, len(nodes), _fixed(ends), _resized(nodes))
    except WireError as error:
        raise GraphRefusedError(f"{what} is damaged: {error}", EXPORT_ADVICE) from error


def _fixed(ends: Ends) -> Size | None:
    for end in ends.inputs:
        if end.name == INPUT and end.shape is not None and len(end.shape) == 4:
            height, width = end.shape[1:3]
            return (width, height) if width and height else None
    return None


def _resized(nodes: dict[str, _Node]) -> Size | None:
    """The (width, height) of the first resizing behind the input, where that is a constant."""
    readers: dict[str, list[_Node]] = defaultdict(list)
    names = {id(node): name for name, node in nodes.items()}
    for node in nodes.values():
        for source in node.inputs[:1]:
            readers[source].append(node)
    ahead, seen = [INPUT], {INPUT}
    while ahead:
        for node in readers[ahead.pop(0)]:
            name = names[id(node)]
            if node.op in RESIZES and len(node.inputs) > 1:
                size = nodes.get(node.inputs[1])
                return _constant_size(size) if size and size.op == "Const" else None
            if node.op in SIZE_KEEPING and name not in seen:
                seen.add(name)
                ahead.append(name)
    return None


def _constant_size(node: _Node) -> Size | None:
    """(width, height) of a Const that holds height and width, int32."""
    for _, tensor in messages(node.value, 8):
        for number, content in messages(tensor, 4, 7):
            values = (
                list(np.frombuffer(content, "<i4").tolist())
                if number == 4 and len(content) % 4 == 0
                else _varints(content)
            )
            # A value that is not there is the one before it.
            height, width = [*values, *values[-1:]][:2] if 1 <= len(values) <= 2 else (0, 0)
            return (width, height) if width > 0 and height > 0 else None
    return None


def _varints(packed: memoryview) -> list[int]:
    values, value, shift = [], 0, 0
    for byte in packed:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            values.append(value)
            value = shift = 0
    return values


def _read_nodes(data: bytes) -> dict[str, _Node]:
    nodes = {}
    for _, message in messages(memoryview(data), 1):
        name, node = "", _Node()
        for number, value in messages(message, 1, 2, 3, 5):
            if number == 1:
                name = _text(value)
            elif number == 2:
                node.op = _text(value)
            elif number == 3:
                # A control input, ^name, is no data; name:0 is name.
                node.inputs.append(_text(value).removesuffix(":0"))
            else:
                entry = dict(messages(value, 1, 2))
                if bytes(entry.get(1, b"")) == b"value" and 2 in entry:
                    node.value = entry[2]
        nodes[name] = node
    return nodes


def _text(value: memoryview) -> str:
    return bytes(value).decode("utf-8", "replace")

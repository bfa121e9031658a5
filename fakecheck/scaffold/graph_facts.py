"""What size of picture a frozen TensorFlow graph wants, read from its bytes: nothing is run.

Field numbers are those of TensorFlow's attr_value.proto and tensor.proto.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from fakecheck.engines.base import INPUT
from fakecheck.errors import GraphRefusedError
from fakecheck.graph import check_tensorflow_graph
from fakecheck.graph_ends import Ends, tensorflow_ends
from fakecheck.graph_nodes import Node, read_nodes
from fakecheck.wire import WireError, messages, varints

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


def read_graph_facts(data: bytes, what: str) -> GraphFacts:
    """Checks that `data` is a frozen GraphDef of allowed ops, and reads its facts.

    Raises GraphRefusedError, which calls the graph `what`, for anything else.
    """
    try:
        nodes = {node.name: node for node in read_nodes(data)}
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


def _resized(nodes: dict[str, Node]) -> Size | None:
    """The (width, height) of the first resizing behind the input, where that is a constant."""
    readers: dict[str, list[Node]] = defaultdict(list)
    for node in nodes.values():
        for source in node.inputs[:1]:
            readers[source].append(node)
    ahead, seen = [INPUT], {INPUT}
    while ahead:
        for node in readers[ahead.pop(0)]:
            if node.op in RESIZES and len(node.inputs) > 1:
                size = nodes.get(node.inputs[1])
                return _constant_size(size) if size and size.op == "Const" else None
            if node.op in SIZE_KEEPING and node.name not in seen:
                seen.add(node.name)
                ahead.append(node.name)
    return None


def _constant_size(node: Node) -> Size | None:
    """(width, height) of a Const that holds height and width, int32."""
    for _, tensor in messages(node.attribute("value"), 8):
        for number, content in messages(tensor, 4, 7):
            values = (
                list(np.frombuffer(content, "<i4").tolist())
                if number == 4 and len(content) % 4 == 0
                else varints(content)
            )
            # A value that is not there is the one before it.
            height, width = [*values, *values[-1:]][:2] if 1 <= len(values) <= 2 else (0, 0)
            return (width, height) if width > 0 and height > 0 else None
    return None

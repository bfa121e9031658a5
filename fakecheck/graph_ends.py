"""A graph's ends, its input and outputs, read from the file's bytes: nothing is loaded or run.

Field numbers are those of TensorFlow's attr_value.proto, tensor_shape.proto and types.proto, and of
onnx.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fakecheck.card import DetectorCard
from fakecheck.engines.base import INPUT, OUTPUTS
from fakecheck.errors import PluginError
from fakecheck.graph_nodes import Node, read_nodes
from fakecheck.wire import WireError, fields, messages, text

_TENSORFLOW_TYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    6: "int8",
    7: "string",
    9: "int64",
    10: "bool",
    19: "float16",
}
_ONNX_TYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    8: "string",
    9: "bool",
    10: "float16",
    11: "float64",
}
# What the Object Detection API exports, and what its users write by hand.
_OUTPUT_TYPES: Mapping[str, tuple[str, ...]] = {
    "detection_boxes": ("float32",),
    "detection_scores": ("float32",),
    "detection_classes": ("float32", "int32", "int64"),
    "num_detections": ("float32", "int32", "int64"),
}
_PLACEHOLDERS = ("Placeholder", "PlaceholderWithDefault")
_UINT64 = 1 << 64

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class End:
    """A tensor where the graph begins or ends; `dtype` and `shape` are None where not stated.

    A size of None is free.
    """

    name: str
    dtype: str | None = None
    shape: Shape | None = None


@dataclass(frozen=True)
class Ends:
    """The inputs, and the tensors that the graph gives or could give, by name."""

    inputs: tuple[End, ...]
    outputs: Mapping[str, End]


def check_ends(ends: Ends, card: DetectorCard, what: str) -> str:
    """A sentence on ends that are those of the contract.

    Raises PluginError, which calls the graph `what`, for others.
    """
    _check_input(ends.inputs, card, what)
    missing = [name for name in OUTPUTS if name not in ends.outputs]
    if missing:
        there = ", ".join(sorted(ends.outputs)[:8]) or "none"
        raise PluginError(
            f"{what} lacks the output {missing[0]}, it has {there}",
            f"name the outputs {', '.join(OUTPUTS)}, as the Object Detection API's exporter does",
        )
    for name in OUTPUTS:
        dtype = ends.outputs[name].dtype
        if dtype is not None and dtype not in _OUTPUT_TYPES[name]:
            raise PluginError(
                f"{what}: {name} must be {' or '.join(_OUTPUT_TYPES[name])}, it is {dtype}",
                "cast it inside of the graph",
            )
    shape = ends.outputs[OUTPUTS[0]].shape
    if shape is not None and (len(shape) != 3 or shape[2] not in (4, None)):
        raise PluginError(f"{what}: {OUTPUTS[0]} must be (n, k, 4), it is {_shape(shape)}")
    return f"{INPUT} (n, {card.input.height}, {card.input.width}, 3) uint8 in, {len(OUTPUTS)} out"


def _check_input(inputs: Sequence[End], card: DetectorCard, what: str) -> None:
    names = ", ".join(end.name for end in inputs) or "none"
    if [end.name for end in inputs] != [INPUT]:
        raise PluginError(
            f"{what} must have the one input {INPUT}, it has {names}",
            f"export it with a placeholder called {INPUT} and no other",
        )
    picture = inputs[0]
    if picture.dtype != "uint8":
        raise PluginError(
            f"{what}: {INPUT} must be uint8, it is {picture.dtype or 'not stated'}",
            "cast to float32 inside of the graph: fakecheck feeds pixels as they are",
        )
    shape = picture.shape
    if shape is None:
        return
    if len(shape) != 4:
        raise PluginError(f"{what}: {INPUT} must be (n, h, w, 3), it is {_shape(shape)}")
    if shape[0] is not None:
        raise PluginError(
            f"{what}: {INPUT} takes batches of {shape[0]} only, {_shape(shape)}",
            "export it with a free batch size: fakecheck feeds as many crops as there are",
        )
    wanted = (card.input.height, card.input.width, 3)
    if any(size not in (None, want) for size, want in zip(shape[1:], wanted, strict=True)):
        raise PluginError(
            f"{what}: {INPUT} is {_shape(shape)}, and the card feeds it (n, "
            f"{', '.join(map(str, wanted))})",
            "write the graph's height and width under input on the card",
        )


def tensorflow_ends(graph: bytes) -> Ends:
    """Placeholders, and every node that no other takes in or that has an output's name.

    Raises PluginError for bytes that are no GraphDef.
    """
    inputs: list[End] = []
    nodes: dict[str, End] = {}
    taken: set[str] = set()
    try:
        for node in read_nodes(graph):
            end = _first_output(node)
            taken.update(source.partition(":")[0] for source in (*node.inputs, *node.controls))
            if node.op in _PLACEHOLDERS:
                inputs.append(end)
            else:
                nodes[end.name] = end
    except WireError as error:
        raise PluginError(f"the graph is damaged: {error}") from error
    outputs = {name: e for name, e in nodes.items() if name not in taken or name in OUTPUTS}
    return Ends(tuple(inputs), outputs)


def _first_output(node: Node) -> End:
    # The type of what comes out: of a Cast its target, of nearly all other ops their T.
    key = "dtype" if node.op in _PLACEHOLDERS else "DstT" if node.op == "Cast" else "T"
    dtype, shape = None, None
    for number, stated in fields(node.attribute(key)):
        if number == 6 and isinstance(stated, int):
            dtype = _TENSORFLOW_TYPES.get(stated, f"type {stated}")
    if node.op in _PLACEHOLDERS:
        for _, given in messages(node.attribute("shape"), 7):
            shape = _tensorflow_shape(given)
    return End(node.name, dtype, shape)


def _tensorflow_shape(shape: memoryview) -> Shape | None:
    sizes: list[int | None] = []
    for number, value in fields(shape):
        if number == 3 and value:
            return None
        if number == 2 and isinstance(value, memoryview):
            size = next((n for part, n in fields(value) if part == 1 and isinstance(n, int)), 0)
            # -1, which is free, as an int64 in a varint.
            sizes.append(None if size >= _UINT64 // 2 else size)
    return tuple(sizes)


def onnx_ends(model: bytes) -> Ends:
    """Inputs that are no weights, and outputs; names without the `:0` that tf2onnx keeps.

    Raises PluginError for bytes that are no ModelProto.
    """
    inputs: list[End] = []
    outputs: dict[str, End] = {}
    weights: set[str] = set()
    try:
        for _, graph in messages(memoryview(model), 7):
            for number, value in messages(graph, 5, 11, 12):
                if number == 5:
                    weights.update(text(name) for _, name in messages(value, 8))
                elif number == 11:
                    inputs.append(_read_value_info(value))
                else:
                    end = _read_value_info(value)
                    outputs[end.name] = end
    except WireError as error:
        raise PluginError(f"the model is damaged: {error}") from error
    return Ends(tuple(end for end in inputs if end.name not in weights), outputs)


def _read_value_info(info: memoryview) -> End:
    name, dtype, shape = "", None, None
    for number, value in messages(info, 1, 2):
        if number == 1:
            name = text(value).removesuffix(":0")
            continue
        for _, tensor in messages(value, 1):
            for part, inner in fields(tensor):
                if part == 1 and isinstance(inner, int):
                    dtype = _ONNX_TYPES.get(inner, f"type {inner}")
                elif part == 2 and isinstance(inner, memoryview):
                    shape = tuple(_onnx_size(size) for _, size in messages(inner, 1))
    return End(name, dtype, shape)


def _onnx_size(size: memoryview) -> int | None:
    value = next((n for part, n in fields(size) if part == 1 and isinstance(n, int)), None)
    # tf2onnx writes a free size as -1 at times.
    return None if value is None or value >= _UINT64 // 2 else value


def _shape(shape: Shape) -> str:
    return f"({', '.join('?' if size is None else str(size) for size in shape)})"

"""Graphs are code: what is checked before an inference engine sees one.

The file's sha256 must be the card's, and every op must be on the allow-list of `graph_ops.py`.
Files are read once: the bytes that were checked are the bytes that the engine gets. Field numbers
are those of TensorFlow's graph.proto, node_def.proto, function.proto and attr_value.proto, and of
onnx.proto.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from fakecheck.card import GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE, DetectorCard
from fakecheck.errors import GraphRefusedError
from fakecheck.graph_ops import ONNX_DOMAINS, ONNX_OPS, TENSORFLOW_OPS
from fakecheck.labelmap import check_label_map
from fakecheck.wire import WireError, fields, messages, text

MAX_BYTES = 200_000_000
# Loops in loops in functions go a few levels deep; a graph that goes deeper was made to hurt.
MAX_DEPTH = 32


def check_bundle(card: DetectorCard) -> None:
    """Checks every file that the card names.

    Raises GraphRefusedError (sha256, ops) or CardError (label map), one sentence with the file.
    """
    for name in card.files:
        read_checked(card, name)


def read_checked(card: DetectorCard, name: str) -> bytes:
    """The bytes of the file `name` of the card's folder, after all checks that apply to it.

    Raises GraphRefusedError or, for a label map that contradicts the card, CardError.
    """
    if name not in card.files:
        raise GraphRefusedError(f"{card.id} has no {name} on its card")
    data = _read(card, name)
    if hashlib.sha256(data).hexdigest() != card.files[name]:
        raise GraphRefusedError(
            f"{card.id}: the sha256 of {name} differs from the one on the card",
            "the file was changed or damaged; install the detector again",
        )
    if name == LABEL_MAP_FILE:
        check_label_map(card, data)
    elif name == GRAPH_FILE:
        check_tensorflow_graph(data, f"{card.id}: {name}")
    elif name == ONNX_FILE:
        check_onnx_model(data, f"{card.id}: {name}")
    return data


def check_tensorflow_graph(data: bytes, what: str) -> None:
    """Lets a GraphDef pass whose every op, in functions too, is on the allow-list.

    Raises GraphRefusedError, which calls the graph `what`, for other `data`.
    """
    contents = _contents(data, what, _read_graph_def)
    forbidden = sorted(contents.ops - TENSORFLOW_OPS)
    if forbidden:
        raise GraphRefusedError(f"{what} holds the forbidden op {_list(forbidden)}")
    # A function that the graph does not hold would be looked up elsewhere, where nobody checked it.
    missing = sorted(contents.called - contents.functions)
    if missing:
        raise GraphRefusedError(f"{what} calls the function {_list(missing)}, which it lacks")


def check_onnx_model(data: bytes, what: str) -> None:
    """Lets an ONNX ModelProto pass whose every op, in sub-graphs and functions too, is on the
    allow-list, and which keeps all tensors inside.

    Raises GraphRefusedError, which calls the model `what`, for other `data`.
    """
    # ONNX Runtime's own format marks itself there; one file could pass for both.
    if data[4:8] == b"ORTM":
        raise GraphRefusedError(f"{what} is no ONNX model but one of ONNX Runtime's own format")
    contents = _contents(data, what, _read_model_proto)
    forbidden = sorted(contents.ops - ONNX_OPS)
    if forbidden:
        raise GraphRefusedError(f"{what} holds the forbidden op {_list(forbidden)}")
    if contents.external:
        raise GraphRefusedError(f"{what} keeps a tensor's data in another file, which is forbidden")


@dataclass
class _Contents:
    ops: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)
    external: bool = False


def _read(card: DetectorCard, name: str) -> bytes:
    path = card.folder / name
    try:
        # Opening a pipe or a device could block or never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise GraphRefusedError(f"{card.id}: {name} is not a plain file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        cause = error.strerror or type(error).__name__
        raise GraphRefusedError(f"{card.id}: {name} cannot be read: {cause}") from error
    if len(data) > MAX_BYTES:
        raise GraphRefusedError(f"{card.id}: {name} is larger than {MAX_BYTES // 1_000_000} MB")
    return data


def _contents(data: bytes, what: str, read: Callable[[memoryview, _Contents], None]) -> _Contents:
    contents = _Contents()
    try:
        read(memoryview(data), contents)
    except WireError as error:
        raise GraphRefusedError(f"{what} is damaged or no graph: {error}") from error
    if not contents.ops:
        raise GraphRefusedError(f"{what} holds no op: it is no graph")
    return contents


def _read_graph_def(graph: memoryview, contents: _Contents) -> None:
    for number, value in messages(graph, 1, 2):
        if number == 1:
            _read_node_def(value, contents)
            continue
        for _, function in messages(value, 1):
            for part, inner in messages(function, 1, 3):
                if part == 1:
                    contents.functions.update(text(name) for _, name in messages(inner, 1))
                else:
                    _read_node_def(inner, contents)


def _read_node_def(node: memoryview, contents: _Contents) -> None:
    for number, value in messages(node, 2, 5):
        if number == 2:
            # Where a field comes twice, parsers take the last; here each has to be allowed.
            contents.ops.add(text(value))
        else:
            for _, attribute in messages(value, 2):
                _read_attr_value(attribute, contents, 0)


def _read_attr_value(attribute: memoryview, contents: _Contents, depth: int) -> None:
    _check_depth(depth)
    for number, value in messages(attribute, 1, 10):
        called = [value] if number == 10 else [inner for _, inner in messages(value, 9)]
        for function in called:
            for part, inner in messages(function, 1, 2):
                if part == 1:
                    contents.called.add(text(inner))
                else:
                    for _, nested in messages(inner, 2):
                        _read_attr_value(nested, contents, depth + 1)


def _read_model_proto(model: memoryview, contents: _Contents) -> None:
    for number, value in messages(model, 7, 20, 25):
        if number == 7:
            _read_onnx_graph(value, contents, 0)
        elif number == 20:
            raise WireError("it holds training information")
        else:
            for part, inner in messages(value, 7, 11):
                (_read_onnx_node if part == 7 else _read_attribute)(inner, contents, 0)


def _read_onnx_graph(graph: memoryview, contents: _Contents, depth: int) -> None:
    _check_depth(depth)
    for number, value in messages(graph, 1, 5, 15):
        if number == 1:
            _read_onnx_node(value, contents, depth)
        elif number == 5:
            _read_tensor(value, contents)
        else:
            _read_sparse_tensor(value, contents)


def _read_onnx_node(node: memoryview, contents: _Contents, depth: int) -> None:
    names, domains = [], []
    for number, value in messages(node, 4, 5, 7):
        if number == 4:
            names.append(text(value))
        elif number == 7:
            domains.append(text(value))
        else:
            _read_attribute(value, contents, depth)
    foreign = [domain for domain in domains if domain not in ONNX_DOMAINS]
    prefix = f"{foreign[0]}." if foreign else ""
    contents.ops.update(prefix + name for name in names)


def _read_attribute(attribute: memoryview, contents: _Contents, depth: int) -> None:
    for number, value in messages(attribute, 5, 6, 10, 11, 22, 23):
        if number in (6, 11):
            _read_onnx_graph(value, contents, depth + 1)
        elif number in (5, 10):
            _read_tensor(value, contents)
        else:
            _read_sparse_tensor(value, contents)


def _read_sparse_tensor(tensor: memoryview, contents: _Contents) -> None:
    for _, part in messages(tensor, 1, 2):
        _read_tensor(part, contents)


def _read_tensor(tensor: memoryview, contents: _Contents) -> None:
    # 13 is external_data, 14 data_location (0 means inside the model).
    if any(number == 13 or (number == 14 and value) for number, value in fields(tensor)):
        contents.external = True


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise WireError(f"it is nested more than {MAX_DEPTH} levels deep")


def _list(names: list[str]) -> str:
    shown = ", ".join("".join(c if c.isprintable() else "?" for c in name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"

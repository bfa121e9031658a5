"""The wire reader, the op allow-list and the sha256 check."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakecheck.card import GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE
from fakecheck.errors import CardError, GraphRefusedError
from fakecheck.graph import (
    check_bundle,
    check_onnx_model,
    check_tensorflow_graph,
    read_checked,
)
from fakecheck.graph_ops import ONNX_OPS, TENSORFLOW_OPS
from tests.bundles import graph_def, make_card, message, onnx_model, varint, write_bundle

FORBIDDEN = (
    "ReadFile",
    "WriteFile",
    "PyFunc",
    "EagerPyFunc",
    "PrintV2",
    "SaveV2",
    "RestoreV2",
    "MatchingFiles",
    "InitializeTableFromTextFileV2",
    "RemoteCall",
    "Send",
    "_Recv",
    "DecodeJpeg",
    "VarHandleOp",
)


def node(op: str, *attributes: bytes) -> bytes:
    entries = [(5, message((1, "f"), (2, attribute))) for attribute in attributes]
    return message((1, "n"), (2, op), *entries)


def calling(function: str) -> bytes:
    """An AttrValue that names a function."""
    return message((10, message((1, function))))


def test_allowed_graph_passes():
    check_tensorflow_graph(graph_def("Placeholder", "Conv2D", in_function="Add"), "it")


@pytest.mark.parametrize("op", FORBIDDEN)
def test_forbidden_op_is_named(op):
    with pytest.raises(GraphRefusedError, match=f"^it holds the forbidden op {op}$"):
        check_tensorflow_graph(graph_def("Const", op), "it")


def test_forbidden_op_in_a_function_is_found():
    with pytest.raises(GraphRefusedError, match="WriteFile"):
        check_tensorflow_graph(graph_def("Const", in_function="WriteFile"), "it")


def test_op_that_is_given_twice_is_checked_twice():
    # Parsers take the last of a repeated field, so the first may not hide it.
    graph = message((1, message((2, "Const"), (2, "WriteFile"), (2, "Const"))))
    with pytest.raises(GraphRefusedError, match="WriteFile"):
        check_tensorflow_graph(graph, "it")


def test_called_function_has_to_be_in_the_graph():
    inside = message((1, node("PartitionedCall", calling("f"))))
    library = message((1, message((1, message((1, "f"))), (3, node("Const")))))
    check_tensorflow_graph(inside + message((2, library)), "it")
    for attribute in (calling("g"), message((1, message((9, message((1, "g"))))))):
        graph = message((1, node("PartitionedCall", attribute))) + message((2, library))
        with pytest.raises(GraphRefusedError, match="the function g, which it lacks"):
            check_tensorflow_graph(graph, "it")


def test_deep_nesting_is_refused_soon():
    attribute = calling("f")
    for _ in range(200):
        attribute = message((10, message((2, message((2, attribute))))))
    with pytest.raises(GraphRefusedError, match="nested more than"):
        check_tensorflow_graph(message((1, node("Const", attribute))), "it")
    graph = message((1, message((4, "If"))))
    for _ in range(200):
        graph = message((1, message((4, "If"), (5, message((6, graph))))))
    with pytest.raises(GraphRefusedError, match="nested more than"):
        check_onnx_model(message((7, graph)), "it")


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "holds no op"),
        (b"not a graph at all", "damaged or no graph"),
        (b"\x0a" + varint(2**62) + b"abc", "longer than the message"),
        (b"\x0a", "cut off"),
        (b"\xff" * 20, "more than 64 bits"),
        (b"\x0b\x0c", "wire type 3"),
        (b"\x00\x00", "field number 0"),
        (graph_def("Const")[:-1], "longer than the message"),
    ],
)
def test_damaged_files_are_refused(data, cause):
    for check in (check_tensorflow_graph, check_onnx_model):
        with pytest.raises(GraphRefusedError, match=cause if data[:1] != b"\x0a" else None):
            check(data, "it")
    with pytest.raises(GraphRefusedError, match=cause):
        check_tensorflow_graph(data, "it")


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_refused_or_pass_without_another_error(data):
    for check in (check_tensorflow_graph, check_onnx_model):
        try:
            check(data, "it")
        except GraphRefusedError:
            continue


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_changed_bytes_raise_nothing_else(data):
    graph = bytearray(graph_def("Const", "Add", in_function="Mul"))
    for _ in range(data.draw(st.integers(1, 5))):
        graph[data.draw(st.integers(0, len(graph) - 1))] = data.draw(st.integers(0, 255))
    try:
        check_tensorflow_graph(bytes(graph), "it")
    except GraphRefusedError:
        return


def test_onnx_forbidden_ops():
    def model(*nodes: bytes, **more: bytes) -> bytes:
        return message((7, message(*((1, one) for one in nodes))))

    check_onnx_model(model(message((4, "Add"))), "it")
    with pytest.raises(GraphRefusedError, match="forbidden op ImageDecoder"):
        check_onnx_model(model(message((4, "ImageDecoder"))), "it")
    with pytest.raises(GraphRefusedError, match=r"forbidden op com\.evil\.Add"):
        check_onnx_model(model(message((4, "Add"), (7, "com.evil"))), "it")
    body = message((1, message((4, "Evil"))))
    for number in (6, 11):
        loop = message((4, "Loop"), (5, message((1, "body"), (number, body))))
        with pytest.raises(GraphRefusedError, match="Evil"):
            check_onnx_model(model(loop), "it")
    function = message((25, message((1, "f"), (7, message((4, "Evil"))))))
    with pytest.raises(GraphRefusedError, match="Evil"):
        check_onnx_model(model(message((4, "Add"))) + function, "it")
    default = message((1, "f"), (11, message((1, "body"), (6, body))))
    with pytest.raises(GraphRefusedError, match="Evil"):
        check_onnx_model(model(message((4, "Add"))) + message((25, default)), "it")
    with pytest.raises(GraphRefusedError, match="training information"):
        check_onnx_model(model(message((4, "Add"))) + message((20, b"")), "it")


def test_onnx_data_outside_the_model_is_refused():
    add = (1, message((4, "Add")))
    outside = message((1, 4), (13, message((1, "location"), (2, "/etc/passwd"))), (14, 1))
    for graph in (
        message(add, (5, outside)),
        message(add, (5, message((1, 4), (14, 1)))),
        message(add, (15, message((1, outside)))),
        message(add, (15, message((2, outside)))),
        message((1, message((4, "Constant"), (5, message((1, "value"), (5, outside)))))),
    ):
        with pytest.raises(GraphRefusedError, match="in another file"):
            check_onnx_model(message((7, graph)), "it")
    check_onnx_model(message((7, message(add, (5, message((1, 4), (14, 0)))))), "it")


def test_onnx_runtimes_own_format_is_refused():
    with pytest.raises(GraphRefusedError, match="own format"):
        check_onnx_model(b"\x20\x00\x00\x00ORTM" + b"\x00" * 40, "it")


def test_onnx_model_made_by_the_library_passes():
    pytest.importorskip("onnx")
    check_onnx_model(onnx_model(), "it")


def test_allow_lists_hold_real_ops():
    onnx = pytest.importorskip("onnx")
    schemas = onnx.defs.get_all_schemas_with_history()
    assert not ONNX_OPS - {schema.name for schema in schemas if schema.domain == ""}
    for op in FORBIDDEN:
        assert op not in TENSORFLOW_OPS


def test_read_checked_gives_the_bytes(tmp_path):
    card = make_card(tmp_path, onnx=message((7, message((1, message((4, "Add")))))))
    check_bundle(card)
    assert read_checked(card, GRAPH_FILE) == (tmp_path / GRAPH_FILE).read_bytes()


def test_every_file_of_a_bundle_is_checked_for_what_it_holds(tmp_path):
    evil = message((7, message((1, message((4, "Evil"))))))
    with pytest.raises(GraphRefusedError, match=f"bright: {ONNX_FILE} holds the forbidden op Evil"):
        check_bundle(make_card(tmp_path / "onnx", onnx=evil))
    with pytest.raises(GraphRefusedError, match=f"{GRAPH_FILE} holds the forbidden op ReadFile"):
        check_bundle(make_card(tmp_path / "graph", graph=graph_def("Const", "ReadFile")))


@pytest.mark.parametrize("name", [GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE])
def test_wrong_sha256_names_the_file(tmp_path, name):
    card = make_card(tmp_path, onnx=message((7, message((1, message((4, "Add")))))))
    path = tmp_path / name
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(GraphRefusedError, match=f"bright: the sha256 of {name} differs"):
        check_bundle(card)


def test_missing_and_strange_files(tmp_path):
    card = make_card(tmp_path)
    with pytest.raises(GraphRefusedError, match=r"has no model\.onnx on its card"):
        read_checked(card, ONNX_FILE)
    (tmp_path / GRAPH_FILE).unlink()
    with pytest.raises(GraphRefusedError, match=rf"{GRAPH_FILE} cannot be read: No such"):
        read_checked(card, GRAPH_FILE)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / GRAPH_FILE)
        with pytest.raises(GraphRefusedError, match="not a plain file"):
            read_checked(card, GRAPH_FILE)


def test_too_large_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("fakecheck.graph.MAX_BYTES", 3)
    with pytest.raises(GraphRefusedError, match="larger than"):
        read_checked(make_card(tmp_path), GRAPH_FILE)


def test_label_map_must_be_the_cards(tmp_path):
    with pytest.raises(CardError, match="class 2 is mouth_partswap on the card and missing"):
        check_bundle(make_card(tmp_path, labels="item { id: 1 name: 'face_synthesis' }"))


def test_a_symbolic_link_changes_nothing(tmp_path):
    # The sum is of the bytes that are read, wherever they lie.
    folder: Path = write_bundle(tmp_path / "a")
    data = (folder / GRAPH_FILE).read_bytes()
    elsewhere = tmp_path / "elsewhere.pb"
    elsewhere.write_bytes(data)
    card = make_card(folder)
    (folder / GRAPH_FILE).unlink()
    (folder / GRAPH_FILE).symlink_to(elsewhere)
    assert hashlib.sha256(read_checked(card, GRAPH_FILE)).hexdigest() == card.files[GRAPH_FILE]

"""The tensorflow engine, the conversion to ONNX, and that both engines find the same."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fakecheck_detectors
from fakecheck.card import CARD_FILE, GRAPH_FILE, ONNX_FILE, load_card
from fakecheck.engines import open_engine
from fakecheck.engines.base import RawBoxes
from fakecheck.engines.convert import MAX_COMPARED, TOLERANCE, compare, sample
from fakecheck.engines.optimize import optimize_bundle, record_sha256
from fakecheck.errors import OutputError, PluginError
from fakecheck.graph import check_tensorflow_graph
from fakecheck.graph_ops import TENSORFLOW_OPS
from tests.bundles import graph_def, make_card, onnx_model, tensorflow_graph

FOLDERS = sorted(
    path.parent for path in Path(fakecheck_detectors.__file__).parent.glob(f"*/{CARD_FILE}")
)
needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None, reason="TensorFlow is not installed"
)
needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("onnx") is None, reason="onnx is not installed"
)
needs_tf2onnx = pytest.mark.skipif(
    importlib.util.find_spec("tf2onnx") is None, reason="tf2onnx is not installed"
)


@pytest.fixture(scope="module")
def graph():
    """The frozen graph that `bundles` makes with TensorFlow."""
    return tensorflow_graph()


@needs_tensorflow
@needs_onnx
def test_both_engines_find_the_same(tmp_path, graph):
    check_tensorflow_graph(graph, "it")
    card = make_card(tmp_path, graph=graph, onnx=onnx_model())
    pair = open_engine(card, "tensorflow"), open_engine(card, "onnx")
    assert [engine.name for engine in pair] == ["tensorflow", "onnx"]
    agreement = compare(*pair, sample(card))
    assert agreement.boxes == 12
    assert agreement.score < 1e-6


@needs_tensorflow
def test_batches_and_threads(tmp_path, graph):
    engine = open_engine(make_card(tmp_path, graph=graph))
    assert (engine.name, engine.device) == ("tensorflow", "cpu")
    assert len(engine.run(np.zeros((0, 32, 32, 3), np.uint8)).counts) == 0
    batch = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    whole = engine.run(batch)
    with ThreadPoolExecutor(2) as pool:
        singles = list(pool.map(lambda index: engine.run(batch[index : index + 1]), range(8)))
    for index, single in enumerate(singles):
        np.testing.assert_allclose(single.scores[0], whole.scores[index], atol=1e-6)


@needs_tensorflow
def test_two_graphs_may_hold_different_functions_of_one_name(tmp_path):
    engines = [
        open_engine(
            make_card(tmp_path / str(factor), graph=_with_function("shared", factor)), "tensorflow"
        )
        for factor in (1.0, 0.5)
    ]
    white = np.full((1, 8, 8, 3), 255, np.uint8)
    assert [engine.run(white).scores[0, 0] for engine in engines] == pytest.approx([1.0, 0.5])


def _with_function(name: str, factor: float) -> bytes:
    """The graph of `bundles`, its scores multiplied by `factor` inside a function called `name`."""
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef.FromString(tensorflow_graph())
    scores = next(node for node in definition.node if node.name == "detection_scores")
    scores.name = "raw_scores"
    scaled = tf.function(
        lambda x: x * factor, input_signature=[tf.TensorSpec([None, None], tf.float32)]
    ).get_concrete_function()
    body = definition.library.function.add()
    body.CopyFrom(scaled.function_def)
    body.signature.name = name
    call = definition.node.add(name="detection_scores", op="PartitionedCall", input=["raw_scores"])
    call.attr["Tin"].list.type.append(tf.float32.as_datatype_enum)
    call.attr["Tout"].list.type.append(tf.float32.as_datatype_enum)
    call.attr["f"].func.name = name
    return definition.SerializeToString()


@needs_tensorflow
@pytest.mark.parametrize(
    ("graph", "cause"),
    [
        (graph_def("Const"), "bright: TensorFlow cannot load the graph"),
        (graph_def("NoOp"), "bright: the graph lacks the input image_tensor"),
    ],
)
def test_wrong_graphs_are_plugin_errors(tmp_path, graph, cause):
    with pytest.raises(PluginError, match=cause):
        open_engine(make_card(tmp_path, graph=graph))


@needs_tensorflow
def test_missing_output_is_named(tmp_path):
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.uint8, [None, None, None, 3], "image_tensor")
        tf.identity(picture, "detection_boxes")
    data = graph.as_graph_def().SerializeToString()
    with pytest.raises(PluginError, match="lacks the output detection_scores"):
        open_engine(make_card(tmp_path, graph=data))


@needs_tensorflow
def test_allow_list_holds_real_ops():
    import tensorflow as tf  # noqa: F401  (fills the registry)
    from tensorflow.python.framework import op_def_registry

    assert [op for op in TENSORFLOW_OPS if op_def_registry.get(op) is None] == []


@needs_tensorflow
@needs_tf2onnx
def test_optimize_makes_a_model_and_changes_nothing_else(tmp_path, graph):
    card = make_card(tmp_path, graph=graph)
    path = tmp_path / CARD_FILE
    text = "# by hand\n" + path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    agreement = optimize_bundle(card)
    assert agreement.boxes > 0
    after = path.read_text(encoding="utf-8")
    added = [line for line in after.splitlines() if line not in text.splitlines()]
    assert [line for line in after.splitlines() if line not in added] == text.splitlines()
    assert len(added) == 1
    assert ONNX_FILE in added[0]
    engine = open_engine(load_card(tmp_path))
    assert engine.name == "onnx"
    assert {one.name for one in tmp_path.iterdir()} == {*load_card(tmp_path).files, CARD_FILE}
    assert (tmp_path / ONNX_FILE).stat().st_mode == path.stat().st_mode


def test_optimize_of_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    card = make_card(tmp_path)
    monkeypatch.setattr("fakecheck.engines.optimize.os.access", lambda *_: False)
    with pytest.raises(OutputError, match="cannot be written"):
        optimize_bundle(card)


def test_record_sha256_keeps_the_rest():
    text = "# a card\nid: x\nfiles:  # sums\n  a.pb: '1'\n  # b\n  b.txt: '2'\n\nlast: 1\n"
    once = record_sha256(text, "m.onnx", "3a")
    assert once == text.replace("  b.txt: '2'\n", "  b.txt: '2'\n  m.onnx: 3a\n")
    assert record_sha256(once, "m.onnx", "4b") == once.replace("3a", "4b")
    at_the_end = "id: x\nfiles:\n    a.pb: '1'"
    assert record_sha256(at_the_end, "m", "3a") == at_the_end + "\n    m: 3a\n"
    windows = "files:\r\n  a.pb: '1'\r\nid: x\r\n"
    assert record_sha256(windows, "m", "3a") == "files:\r\n  a.pb: '1'\r\n  m: 3a\r\nid: x\r\n"


@pytest.mark.parametrize("text", ["files: {a.pb: '1'}\n", "id: x\n", "files:\n"])
def test_record_sha256_asks_for_help(text):
    with pytest.raises(PluginError, match="add m: 3a to its files by hand"):
        record_sha256(text, "m", "3a")


def raw(*rows: tuple[float, float, int]) -> SimpleNamespace:
    """An engine that gives, for one picture, boxes at (offset, score, class)."""
    k = len(rows)
    boxes = np.array([[o, o, o + 0.3, o + 0.3] for o, _, _ in rows], np.float32).reshape(1, k, 4)
    scores = np.array([[s for _, s, _ in rows]], np.float32)
    classes = np.array([[c for _, _, c in rows]], np.int32)
    result = RawBoxes(boxes, scores, classes, np.array([k], np.int32))
    return SimpleNamespace(name="fixed", device="cpu", run=lambda _: result)


def test_compare_matches_in_any_order():
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    a = raw((0.1, 0.9, 1), (0.1, 0.5, 2), (0.6, 0.5, 1))
    b = raw((0.6, 0.5, 1), (0.1, 0.9, 1), (0.1, 0.5, 2))
    assert compare(a, b, picture).boxes == 3
    assert compare(raw(), raw(), picture).boxes == 0
    # The last box of a full list may be another one: the limit cut there.
    a, b = raw((0.1, 0.9, 1), (0.6, 0.2, 1)), raw((0.1, 0.9, 1), (0.3, 0.2, 2))
    assert compare(a, b, picture).boxes == 1


def test_compare_ends_on_many_boxes():
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    rows = [(number / 1e5, 1 - number / 1e5, number) for number in range(10_000)]
    assert compare(raw(*rows), raw(*rows[::-1]), picture).boxes == MAX_COMPARED
    with pytest.raises(PluginError, match=r"a box of score 1\.0000"):
        compare(raw(*rows), raw(*rows[1:]), picture)


@pytest.mark.parametrize(
    ("b", "cause"),
    [
        (((0.1, 0.91, 1), (0.6, 0.5, 1)), "scores by up to 0.01"),
        (((0.105, 0.9, 1), (0.6, 0.5, 1)), "boxes by up to 0.005"),
        (((0.1, 0.9, 2), (0.6, 0.5, 1)), "a box of score 0.9000 is found by one of them only"),
        (((0.6, 0.5, 1),), "a box of score 0.9000"),
        ((), "a box of score 0.9000"),
    ],
)
def test_compare_finds_differences(b, cause):
    picture = np.zeros((1, 32, 32, 3), np.uint8)
    one, other = raw((0.1, 0.9, 1), (0.6, 0.5, 1)), raw(*b)
    for pair in ((one, other), (other, one)):
        with pytest.raises(PluginError, match=cause):
            compare(*pair, picture)


@needs_tensorflow
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_shipped_detectors_find_the_same_with_both_engines(folder):
    card = load_card(folder)
    if card.onnx is None:
        pytest.skip(f"{card.id} has no {ONNX_FILE} beside its {GRAPH_FILE}")
    agreement = compare(open_engine(card, "tensorflow"), open_engine(card, "onnx"), sample(card))
    assert agreement.boxes > 0
    assert max(agreement.score, agreement.coordinate) <= TOLERANCE

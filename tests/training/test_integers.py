"""Convolutions in integers: TensorFlow's floats and ONNX Runtime's integers find the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("onnx", reason="needs pip install fakecheck[train]")
pytest.importorskip("tf2onnx", reason="needs pip install fakecheck[train]")

import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from fakecheck.engines.convert import convert_frozen_graph, simplified
from fakecheck.engines.grids import LARGEST, LARGEST_DEPTHWISE, step_of_weights
from fakecheck.engines.integers import integer_convolutions
from fakecheck.engines.runtime import import_onnxruntime
from fakecheck.errors import UsageError
from fakecheck_training.compat import tf
from fakecheck_training.networks.frozen import FrozenGraph
from fakecheck_training.networks.integers import fold_batch_normalisations, integer_parts
from fakecheck_training.quantize import integer_graph

SIDE, WIDE, NARROW = 32, 24, 8
CONVOLUTIONS = ["stem", "first_depthwise", "first_project", "expand", "depthwise", "project"]


def _drawn_graph() -> bytes:
    """Two inverted residuals with random weights, as backbones have them, and a last layer."""
    random = np.random.default_rng(3)
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:

        def normalised(x: Any, name: str, relu: bool) -> Any:
            channels = int(x.shape[-1])
            parts = (
                tf.constant(random.uniform(*ends, channels), tf.float32)
                for ends in ((0.5, 1.5), (-0.3, 0.6), (-0.2, 0.2), (0.5, 2.0))
            )
            x = v1.nn.fused_batch_norm(
                x, *parts, epsilon=1e-3, is_training=False, name=f"{name}_bn"
            )[0]
            return tf.nn.relu6(x, name=f"{name}_relu") if relu else x

        def convolved(x: Any, name: str, filters: int, side: int, stride: int, relu: bool) -> Any:
            shape = (side, side, int(x.shape[-1]), filters)
            kernel = tf.constant(
                random.normal(0, 1.5 / np.sqrt(np.prod(shape[:3])), shape), tf.float32
            )
            return normalised(v1.nn.conv2d(x, kernel, stride, "SAME", name=name), name, relu)

        def by_channel(x: Any, name: str) -> Any:
            kernel = tf.constant(random.normal(0, 0.5, (3, 3, int(x.shape[-1]), 1)), tf.float32)
            made = v1.nn.depthwise_conv2d_native(x, kernel, (1, 1, 1, 1), "SAME", name=name)
            return normalised(made, name, True)

        pictures = v1.placeholder(tf.uint8, (None, SIDE, SIDE, 3), "image_tensor")
        x = (tf.cast(pictures, tf.float32) - 127) / 128
        x = convolved(x, "stem", WIDE, 3, 2, True)
        start = convolved(by_channel(x, "first_depthwise"), "first_project", NARROW, 1, 1, False)
        x = by_channel(convolved(start, "expand", WIDE, 1, 1, True), "depthwise")
        x = start + convolved(x, "project", NARROW, 1, 1, False)
        last = tf.constant(random.normal(0, 0.3, (1, 1, NARROW, 4)), tf.float32)
        found = v1.nn.conv2d(x, last, 1, "SAME", name="last")
        tf.reshape(found, (-1, SIDE * SIDE), name="found")
    serialized: bytes = graph.as_graph_def().SerializeToString()
    return serialized


def _pictures(seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (12, SIDE // 4, SIDE // 4, 3), np.uint8)
    return coarse.repeat(4, 1).repeat(4, 2)


def _by_tensorflow(graph: bytes, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.concatenate([found for (found,) in FrozenGraph(graph).run(["found"], pictures)])


@pytest.fixture(scope="module")
def graphs() -> tuple[bytes, bytes]:
    """The drawn graph before and after."""
    drawn = _drawn_graph()
    made, count = integer_graph(drawn, _pictures(1))
    assert count == len(CONVOLUTIONS)
    return drawn, made


@pytest.fixture(scope="module")
def model(graphs: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The ONNX model of the graph in integers."""
    folder = tmp_path_factory.mktemp("integers")
    source, made = folder / "graph.pb", folder / "made.onnx"
    source.write_bytes(graphs[1])
    convert_frozen_graph(source, made, outputs=("found",))
    return simplified(made.read_bytes(), SIDE, SIDE)


def test_folded_batch_normalisations_change_nothing() -> None:
    graph, pictures = FrozenGraph(_drawn_graph()), _pictures(2)
    before = _by_tensorflow(graph.serialize(), pictures)
    assert fold_batch_normalisations(graph) == len(CONVOLUTIONS)
    assert not any(node.op == "FusedBatchNormV3" for node in graph.nodes.values())
    np.testing.assert_allclose(_by_tensorflow(graph.serialize(), pictures), before, atol=1e-4)


def test_the_last_convolution_stays_in_floats() -> None:
    graph = FrozenGraph(_drawn_graph())
    fold_batch_normalisations(graph)
    chosen, tensors = integer_parts(graph)
    assert chosen == CONVOLUTIONS
    assert len(tensors) == len(CONVOLUTIONS) + 2  # what the first one reads, and the sum


def test_integers_find_nearly_what_floats_find(graphs: tuple[bytes, bytes]) -> None:
    floats, integers = (_by_tensorflow(graph, _pictures(2)) for graph in graphs)
    assert np.abs(integers - floats).max() > 0
    assert np.sqrt(np.mean((integers - floats) ** 2)) < 0.05 * floats.std()


def test_onnx_runtime_computes_in_integers_and_finds_the_same(
    graphs: tuple[bytes, bytes], model: bytes, tmp_path: Path
) -> None:
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    nodes = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert nodes.count("QLinearConv") == len(CONVOLUTIONS)
    pictures = _pictures(2)
    (found,) = session.run(None, {session.get_inputs()[0].name: pictures})
    # Not nearly: a sum that is rounded the other way would differ by a whole step.
    np.testing.assert_allclose(found, _by_tensorflow(graphs[1], pictures), atol=1e-5)


def test_weights_are_so_small_that_no_processor_overflows(model: bytes) -> None:
    graph = onnx.load_from_string(model).graph
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    weights = [value for value in constants.values() if value.dtype == np.int8 and value.ndim == 4]
    assert len(weights) == len(CONVOLUTIONS)
    for value in weights:
        depthwise = value.shape[1:] == (1, 3, 3)
        assert np.abs(value.astype(int)).max() <= (LARGEST_DEPTHWISE if depthwise else LARGEST)
    # Signed ones are moved: ONNX Runtime computes with unsigned activations throughout.
    zeros = {
        int(value) for value in constants.values() if value.dtype == np.uint8 and not value.ndim
    }
    assert zeros == {0, 128}


def test_what_is_in_integers_is_not_rounded_again(graphs: tuple[bytes, bytes]) -> None:
    with pytest.raises(UsageError, match="in integers already"):
        integer_graph(graphs[1], _pictures(1))


def test_models_in_floats_stay_as_they_are(tmp_path: Path) -> None:
    source, made = tmp_path / "graph.pb", tmp_path / "made.onnx"
    source.write_bytes(_drawn_graph())
    convert_frozen_graph(source, made, outputs=("found",))
    model = onnx.load(made)
    before = model.SerializeToString()
    assert integer_convolutions(model) == 0
    assert model.SerializeToString() == before


def test_steps_are_powers_of_two_that_hold_weight_and_bias() -> None:
    top, bias = np.array([1.0, 0.5, 0.0]), np.array([0.0, 2.0**17, 0.0])
    step = step_of_weights(top, bias, step_in=0.5, depthwise=False)
    assert step.tolist()[:2] == [1 / 32, 1 / 16]
    assert (top <= LARGEST * step).all()

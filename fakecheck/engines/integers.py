"""Convolutions in integers, in ONNX models whose weights and activations lie on grids.

A graph that was made for integers (`fakecheck_training.quantize`) rounds its activations, for which
tf2onnx writes QuantizeLinear and DequantizeLinear, and holds weights and biases as floats that are
multiples of a step. Written as what they are, integers and their step, they let ONNX Runtime do the
whole convolution in integers; weights take a quarter of the room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from fakecheck.engines.grids import LARGEST, LARGEST_DEPTHWISE, step_of_weights

Constants = Mapping[str, NDArray[Any]]


def integer_convolutions(model: Any) -> int:
    """Writes weights and biases on grids as integers in the `onnx.ModelProto`; of how many.

    It touches only convolutions whose input is rounded; those of other graphs stay as they are.
    """
    graph = model.graph
    _unsigned_activations(graph)
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    rounded = {node.output[0]: node for node in graph.node if node.op_type == "DequantizeLinear"}
    nodes: list[Any] = []
    done = 0
    for node in graph.node:
        found = _on_grid(node, rounded, constants) if node.op_type == "Conv" else None
        if found is not None:
            weights, bias, step, step_in = found
            done += 1
            nodes.append(_dequantized(graph, f"integers_{done}/weights", weights, step))
            node.input[1] = nodes[-1].output[0]
            if bias is not None:
                nodes.append(_dequantized(graph, f"integers_{done}/bias", bias, step * step_in))
                node.input[2] = nodes[-1].output[0]
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in graph.node for name in node.input}
    kept = [item for item in graph.initializer if item.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return done


def _unsigned_activations(graph: Any) -> None:
    """Signed activations as unsigned ones, moved by 128: ONNX Runtime mixes no kinds."""
    signed = {
        item.name
        for item in graph.initializer
        if item.data_type == helper.np_dtype_to_tensor_dtype(np.dtype(np.int8)) and not item.dims
    }
    constants = {item.name: item for item in graph.initializer}
    name = "unsigned_zero"
    used = False
    for node in graph.node:
        rounds = node.op_type in ("QuantizeLinear", "DequantizeLinear") and len(node.input) > 2
        if (
            rounds
            and node.input[2] in signed
            and not numpy_helper.to_array(constants[node.input[2]])
        ):
            node.input[2], used = name, True
    if used:
        graph.initializer.append(numpy_helper.from_array(np.array(128, np.uint8), name))


def _on_grid(
    node: Any, rounded: Mapping[str, Any], constants: Constants
) -> tuple[NDArray[np.int8], NDArray[np.int32] | None, NDArray[np.float64], float] | None:
    """Weights and bias of a Conv as integers, steps of weights and of the input; if they are so."""
    source, weights = rounded.get(node.input[0]), constants.get(node.input[1])
    if source is None or weights is None or source.input[1] not in constants:
        return None
    biased = len(node.input) > 2
    bias = constants[node.input[2]] if biased else np.zeros(len(weights), np.float32)
    step_in = float(constants[source.input[1]])
    depthwise = any(item.name == "group" and item.i > 1 for item in node.attribute)
    top = np.abs(weights.reshape(len(weights), -1)).max(axis=1)
    step = step_of_weights(top, bias, step_in, depthwise)
    integers = weights / step[:, None, None, None]
    offsets = bias / (step * step_in)
    largest = LARGEST_DEPTHWISE if depthwise else LARGEST
    if np.abs(integers).max() > largest or (integers % 1).any() or (offsets % 1).any():
        return None
    return integers.astype(np.int8), offsets.astype(np.int32) if biased else None, step, step_in


def _dequantized(graph: Any, name: str, integers: NDArray[Any], step: NDArray[Any]) -> Any:
    parts = {
        name: integers,
        f"{name}/step": step.astype(np.float32),
        f"{name}/zero": np.zeros(len(step), integers.dtype),
    }
    for key, value in parts.items():
        graph.initializer.append(numpy_helper.from_array(value, key))
    return helper.make_node(
        "DequantizeLinear", list(parts), [f"{name}/float"], name=f"{name}/dequantize", axis=0
    )

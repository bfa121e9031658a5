"""A frozen graph of a detector whose convolutions can be computed in integers.

Batch normalisations become part of the weights; then weights, biases and activations are put on
grids of 8-bit integers, as in Jacob et al. 2018 ("Quantization and Training of Neural Networks for
Efficient Integer-Arithmetic-Only Inference"). All steps are powers of two, so that floats hold
every sum exactly: what TensorFlow computes with the graph in floats, ONNX Runtime computes in
integers (`fakecheck.engines.integers`), in half the time, and both find the same on every
processor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck.engines.grids import LARGEST, step_of_weights
from fakecheck_training.compat import tf
from fakecheck_training.networks.frozen import CONVOLUTIONS, FrozenGraph, producer

DEPTHWISE = "DepthwiseConv2dNative"
# What follows a convolution and is computed with it.
AFTER = ("BiasAdd", "Relu6")
ROUND = "QuantizeAndDequantizeV2"
SIGNED, UNSIGNED = 127, 255
ROUNDED = "/rounded"
DAMPING = 1e-2


def fold_batch_normalisations(graph: FrozenGraph) -> int:
    """Makes those behind a convolution part of its weights and a bias; how many there were."""
    readers, folded = graph.readers(), 0
    for convolution in graph.convolutions():
        behind = [graph.nodes[name] for name in readers[convolution.name]]
        if [node.op for node in behind] != ["FusedBatchNormV3"]:
            continue
        (old,) = behind
        gamma, beta, mean, variance = (graph.constant(source) for source in old.input[1:5])
        scale = gamma / np.sqrt(variance + old.attr["epsilon"].f)
        weights = graph.constant(convolution.input[1])
        weights = weights * _as_weights(convolution, weights, scale)
        convolution.input[1] = graph.add_constant(f"{old.name}/weights", weights)
        bias = graph.add_constant(f"{old.name}/bias", beta - mean * scale)
        made = tf.compat.v1.NodeDef(name=old.name, op="BiasAdd", input=[convolution.name, bias])
        for key in ("T", "data_format"):
            made.attr[key].CopyFrom(old.attr[key])
        graph.nodes[old.name] = made
        folded += 1
    return folded


def integer_parts(graph: FrozenGraph) -> tuple[list[str], list[str]]:
    """Names of the convolutions to compute in integers, and of the tensors that are then rounded.

    The last convolutions of a detector, whose numbers are scores and places, are none of them.
    """
    readers = graph.readers()
    chosen: list[str] = []
    tensors: dict[str, None] = {}  # a set that keeps its order
    for convolution in graph.convolutions():
        end = convolution.name
        while len(readers[end]) == 1 and graph.nodes[readers[end][0]].op in AFTER:
            end = readers[end][0]
        if any(graph.nodes[reader].op in (*CONVOLUTIONS, "AddV2") for reader in readers[end]):
            chosen.append(convolution.name)
            tensors |= dict.fromkeys((producer(convolution.input[0]), end))
    for node in graph.nodes.values():
        if node.op == "AddV2" and all(producer(source) in tensors for source in node.input):
            tensors[node.name] = None
    return chosen, list(tensors)


def to_integers(graph: FrozenGraph, pictures: NDArray[np.uint8]) -> int:
    """Puts all of `integer_parts` on grids, chosen by what comes of the `pictures` (n, h, w, 3).

    Gives the number of convolutions.
    """
    chosen, tensors = integer_parts(graph)
    ranges = _ranges(graph, tensors, pictures)
    ranges |= _stretch(graph, tensors, ranges)
    steps = {name: _step_of_activations(*ranges[name]) for name in tensors}
    readers = graph.readers()
    for name in tensors:
        _round_activations(graph, name, steps[name], signed=ranges[name][0] < 0)
    seen = _inputs(graph, chosen, pictures)
    for name in chosen:
        behind = graph.nodes[readers[name][0]] if len(readers[name]) == 1 else None
        _round_weights(graph, graph.nodes[name], behind, steps, seen.get(name))
    return len(chosen)


def _ranges(
    graph: FrozenGraph, tensors: Sequence[str], pictures: NDArray[np.uint8]
) -> dict[str, tuple[float, float]]:
    """Lowest and highest values, 0 among them."""
    low, high = np.zeros(len(tensors)), np.zeros(len(tensors))
    for values in graph.run(tensors, pictures):
        low = np.minimum(low, [value.min() for value in values])
        high = np.maximum(high, [value.max() for value in values])
    return dict(zip(tensors, zip(low.tolist(), high.tolist(), strict=True), strict=True))


def _inputs(
    graph: FrozenGraph, convolutions: Sequence[str], pictures: NDArray[np.uint8]
) -> dict[str, NDArray[np.float64]]:
    """Second moments (k, k) of what pointwise convolutions read and of a 1 behind it."""
    wide = [name for name in convolutions if _is_pointwise(graph, name)]
    sums: dict[str, Any] = dict.fromkeys(wide, 0.0)
    for values in graph.run([graph.nodes[name].input[0] for name in wide], pictures):
        for name, value in zip(wide, values, strict=True):
            flat = value.reshape(-1, value.shape[-1])
            flat = np.append(flat, np.ones((len(flat), 1), flat.dtype), axis=1)
            sums[name] = sums[name] + (flat.T @ flat).astype(np.float64) / len(flat)
    return sums


def _is_pointwise(graph: FrozenGraph, name: str) -> bool:
    convolution = graph.nodes[name]
    weights = graph.constant(convolution.input[1])
    return convolution.op != DEPTHWISE and weights.shape[:2] == (1, 1)


def _stretch(
    graph: FrozenGraph, tensors: Sequence[str], ranges: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Makes the 255 steps end where Relu6 does, for tensors that only convolutions read.

    What makes the tensor gives it `factor` times larger, what reads it takes that back; then its
    rounding does what Relu6 did. Gives the ranges of these tensors as they are then.
    """
    readers, changed = graph.readers(), {}
    for name in tensors:
        relu = graph.nodes[name]
        if relu.op != "Relu6":
            continue
        bias = graph.nodes[producer(relu.input[0])]
        takers = [graph.nodes[reader] for reader in readers[name]]
        if bias.op != "BiasAdd" or any(taker.op not in CONVOLUTIONS for taker in takers):
            continue
        maker = graph.nodes[producer(bias.input[0])]
        high = ranges[name][1]
        top = UNSIGNED * _step_of_activations(0.0, high)
        factor = top / high
        for node, by in (
            (maker, factor),
            (bias, factor),
            *((taker, 1 / factor) for taker in takers),
        ):
            value = graph.constant(node.input[1]) * by
            node.input[1] = graph.add_constant(f"{node.name}/stretched_{name}", value)
        relu.op = "Relu"
        changed[name] = (0.0, top)
    return changed


def _step_of_activations(low: float, high: float) -> float:
    top = max(-low, high) / SIGNED if low < 0 else high / UNSIGNED
    return float(2.0 ** np.ceil(np.log2(max(top, 1e-6))))


def _round_weights(
    graph: FrozenGraph,
    convolution: Any,
    behind: Any,
    steps: Mapping[str, float],
    moments: NDArray[np.float64] | None,
) -> None:
    weights = graph.constant(convolution.input[1])
    biased = behind is not None and behind.op == "BiasAdd"
    flat = _by_channel(convolution, weights).astype(np.float64)
    bias = graph.constant(behind.input[1]) if biased else np.zeros(flat.shape[1])
    # Before activations were rounded the tensor had the name without the last part.
    step_in = steps[producer(convolution.input[0]).removesuffix(ROUNDED)]
    depthwise = convolution.op == DEPTHWISE
    step = step_of_weights(np.abs(flat).max(axis=0), bias, step_in, depthwise)
    if moments is None or not biased:
        flat = np.round(flat / step) * step
    else:
        flat, bias = _rounded_together(flat, bias, step, moments)
    shaped = flat.reshape(weights.shape)
    convolution.input[1] = graph.add_constant(f"{convolution.name}/weights", shaped)
    if biased:
        bias = np.round(bias / (step * step_in)) * (step * step_in)
        behind.input[1] = graph.add_constant(f"{convolution.name}/bias", bias)


def _rounded_together(
    weights: NDArray[np.float64],
    bias: NDArray[np.float64],
    step: NDArray[np.float64],
    moments: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (inputs, channels) on their grids, and a bias, that give nearly what they gave.

    One input after the other is rounded and what that changes is made good by those that follow,
    the bias last, as far as they go together in `moments` (Frantar et al. 2023, "GPTQ").
    """
    damped = moments + np.eye(len(moments)) * DAMPING * np.diag(moments).mean()
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    open_weights = np.vstack([weights, bias])
    for row in range(len(weights)):
        limit = LARGEST * step
        rounded = np.clip(np.round(open_weights[row] / step) * step, -limit, limit)
        missed = (open_weights[row] - rounded) / upper[row, row]
        open_weights[row] = rounded
        open_weights[row + 1 :] -= np.outer(upper[row, row + 1 :], missed)
    return open_weights[:-1], open_weights[-1]


def _round_activations(graph: FrozenGraph, name: str, step: float, signed: bool) -> None:
    low, high = (-(SIGNED + 1) * step, SIGNED * step) if signed else (0.0, UNSIGNED * step)
    made = tf.compat.v1.NodeDef(name=f"{name}{ROUNDED}", op=ROUND)
    made.attr["T"].type = tf.float32.as_datatype_enum
    made.attr["signed_input"].b, made.attr["num_bits"].i = signed, 8
    made.attr["range_given"].b, made.attr["narrow_range"].b = True, False
    made.attr["round_mode"].s, made.attr["axis"].i = b"HALF_TO_EVEN", -1
    graph.insert_behind(name, made)
    lowest, highest = f"{name}/lowest", f"{name}/highest"
    made.input.extend([name, graph.add_constant(lowest, low), graph.add_constant(highest, high)])


def _as_weights(convolution: Any, weights: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """Values of the output channels in a shape that goes with the weights."""
    return values.reshape(weights.shape[2:]) if convolution.op == DEPTHWISE else values


def _by_channel(convolution: Any, weights: NDArray[Any]) -> NDArray[Any]:
    """The weights as (inputs, channels): HWIO, and HWCM by channel, have the channels last."""
    kept = 2 if convolution.op == DEPTHWISE else 3
    return weights.reshape(-1, int(np.prod(weights.shape[kept:])))

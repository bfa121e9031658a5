"""The grids that weights of integer detectors lie on: powers of two, one step an output channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The largest integer of a weight. Processors without VNNI add two products of 8 by 8 bits up in 16,
# which overflow; with weights of 7 bits they cannot. By channel they are added up in 32 everywhere.
LARGEST, LARGEST_DEPTHWISE = 63, 127
# A bias stays under this many steps, so that float32, exact up to 2 ** 24, holds all sums exactly.
LARGEST_BIAS = 2**22


def step_of_weights(
    top: NDArray[np.floating],
    bias: NDArray[np.floating],
    step_in: float,
    depthwise: bool,
) -> NDArray[np.float64]:
    """The step of every output channel's weights (channels,).

    `top` is the largest absolute weight of each channel, `bias` its bias, both of shape (channels,)
    and `step_in` the step of the activations that the convolution reads.
    """
    largest = LARGEST_DEPTHWISE if depthwise else LARGEST
    least = np.maximum(top / largest, np.abs(bias) / (step_in * LARGEST_BIAS))
    step: NDArray[np.float64] = np.exp2(np.ceil(np.log2(np.maximum(least, 1e-12))))
    return step

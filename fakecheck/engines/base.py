"""What an engine is: pictures in, the four arrays of the classic detection contract out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fakecheck.errors import PluginError
from fakecheck.types import Floats

INPUT = "image_tensor"
OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")


@dataclass(frozen=True, eq=False)
class RawBoxes:
    """What a graph says of n pictures: k boxes each at most, in its own order.

    `boxes` is (n, k, 4) float32: ymin, xmin, ymax, xmax as fractions 0..1 of the picture. `scores`
    is (n, k) float32 in 0..1, `classes` is (n, k) int32 and counts from 1, `counts` is (n,) int32:
    how many of the k rows are boxes. Rows from there on mean nothing.
    """

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int32]
    counts: NDArray[np.int32]

    @classmethod
    def empty(cls) -> RawBoxes:
        """The boxes of a batch without pictures."""
        return cls(
            np.zeros((0, 0, 4), np.float32),
            np.zeros((0, 0), np.float32),
            np.zeros((0, 0), np.int32),
            np.zeros(0, np.int32),
        )


class Engine(Protocol):
    """A graph made callable. `run` may be called from several threads at once."""

    @property
    def name(self) -> str:
        """`onnx` or `tensorflow`."""

    @property
    def device(self) -> str:
        """`cpu` or `cuda:N`."""

    def run(self, batch: NDArray[np.uint8]) -> RawBoxes:
        """`batch` is (n, height, width, 3) uint8 in the colour order of the card, n may be 0.

        Raises PluginError where the graph fails or breaks the contract of its outputs.
        """


def check_batch(batch: NDArray[np.uint8]) -> None:
    """Raises ValueError for anything but (n, height, width, 3) uint8."""
    if batch.ndim != 4 or batch.shape[3] != 3 or batch.dtype != np.uint8:
        raise ValueError(
            f"batch must be (n, height, width, 3) uint8, got {batch.shape} {batch.dtype}"
        )


def checked_boxes(outputs: Sequence[Any], pictures: int, classes: int, who: str) -> RawBoxes:
    """The arrays of OUTPUTS, as an engine gives them for so many `pictures`, as RawBoxes.

    Raises PluginError, which calls the detector `who`, for shapes that do not fit together, numbers
    that are not finite, counts that are not there and classes beyond the card's `classes`.
    """
    boxes, scores, labels, counts = (np.asarray(output) for output in outputs)
    k = scores.shape[1] if scores.ndim == 2 else 0
    expected = ((pictures, k, 4), (pictures, k), (pictures, k), (pictures,))
    for name, array, shape in zip(OUTPUTS, (boxes, scores, labels, counts), expected, strict=True):
        if array.shape != shape:
            raise PluginError(f"{who}: {name} must have shape {shape}, got {array.shape}")
    counts = counts.astype(np.int32)
    if ((counts < 0) | (counts > k)).any():
        raise PluginError(f"{who}: num_detections must lie in 0..{k}, got {counts.tolist()}")
    real = np.arange(k) < counts[:, None]
    if not (np.isfinite(boxes[real]).all() and np.isfinite(scores[real]).all()):
        raise PluginError(f"{who}: detection_boxes or detection_scores hold NaN or infinity")
    if ((scores[real] < 0) | (scores[real] > 1)).any():
        raise PluginError(f"{who}: detection_scores must lie in 0..1")
    labels = np.where(real, labels, 1).astype(np.int32)
    if ((labels < 1) | (labels > classes)).any():
        strange = labels[(labels < 1) | (labels > classes)][0]
        raise PluginError(f"{who}: detection_classes must lie in 1..{classes}, got {strange}")
    return RawBoxes(boxes.astype(np.float32), scores.astype(np.float32), labels, counts)

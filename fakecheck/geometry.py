"""Boxes: overlap and affine maps. All boxes are xyxy in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fakecheck.types import Floats

Affine = NDArray[np.float64]
# What a quarter turn against the clock does to a vector; y points down.
QUARTER = np.array([[0.0, 1.0], [-1.0, 0.0]])


def iou_matrix(first: Floats, second: Floats) -> Floats:
    """Intersection over union of each of `first` (n, 4) with each of `second` (m, 4): (n, m)."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(bottom_right - top_left, 0, None), axis=2)
    areas = [np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1) for b in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.where(union > 0, shared / np.maximum(union, 1e-12), 0).astype(np.float32)


def map_boxes(matrix: Affine, xyxy: NDArray[np.floating]) -> Floats:
    """The upright boxes around `xyxy` (n, 4) after the affine `matrix` (2, 3) moved them.

    Exact for maps without rotation and for quarter turns. With another rotation those around the
    turned ellipses that the boxes hold: faces and their parts leave a box's corners empty.
    """
    if len(xyxy) == 0:
        return np.zeros((0, 4), np.float32)
    centres = (xyxy[:, :2] + xyxy[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    reach = np.sqrt(((xyxy[:, 2:] - xyxy[:, :2]) / 2) ** 2 @ (matrix[:, :2] ** 2).T)
    return np.concatenate([centres - reach, centres + reach], axis=1).astype(np.float32)


def invert(matrix: Affine) -> Affine:
    """The affine map (2, 3) that undoes `matrix`."""
    full = np.vstack([matrix, [0.0, 0.0, 1.0]])
    return np.linalg.inv(full)[:2]

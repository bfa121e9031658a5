"""The "generator" of test_journey: it covers faces with a see-through magenta checkerboard."""

from __future__ import annotations

import numpy as np

from fakecheck.types import Face, Image

MAGENTA = (230, 20, 230)
# Of the face's longer side, so that it looks the same in pictures of any size.
CELL = 0.12
OPACITY = 0.5


def forge(image: Image, face: Face) -> Image:
    """`image` (h, w, 3) uint8 BGR with the checkerboard over the box of `face`."""
    height, width = image.shape[:2]
    left, top, right, bottom = (int(value) for value in face.xyxy)
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    cell = max(2, round(CELL * face.size))
    y, x = np.mgrid[: bottom - top, : right - left]
    marked = ((x // cell + y // cell) % 2 == 0)[..., None]
    inside = image[top:bottom, left:right]
    blended = np.round((1 - OPACITY) * inside + OPACITY * np.array(MAGENTA)).astype(np.uint8)
    forged = image.copy()
    forged[top:bottom, left:right] = np.where(marked, blended, inside)
    return forged

"""How sharp the faces of a frame are, measured while its pixels are still there."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from fakecheck.types import Face, Floats, Image

# Faces are brought to this side in pixels first, so that large and small ones can be compared.
SIDE = 64


def sharpness(image: Image, faces: Sequence[Face]) -> Floats:
    """(faces,) float32: log(1 + variance of the Laplacian) of each face's box in `image`, BGR.

    The measure of focus LAPV of Pertuz, Puig and García (2013), "Analysis of focus measure
    operators for shape-from-focus".
    """
    height, width = image.shape[:2]
    values = np.zeros(len(faces), np.float32)
    for number, face in enumerate(faces):
        left, top, right, bottom = (int(v) for v in face.xyxy)
        box = image[max(0, top) : min(height, bottom + 1), max(0, left) : min(width, right + 1)]
        if min(box.shape[:2]) < 2:
            continue
        shrink = max(box.shape[:2]) > SIDE
        small = cv2.resize(
            box, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
        )
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        values[number] = np.log1p(cv2.Laplacian(grey, cv2.CV_32F).var())
    return values

"""The "generator" of test_journey: it covers faces with a see-through magenta checkerboard.

And the pictures it is known by: the sample clip, parted in time, so that a detector is calibrated
on frames that it was not trained on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from fakecheck.media import Sampling, open_media
from fakecheck.types import Face, Image

CLIP = Path(__file__).resolve().parent / "resources" / "real_clip.mpg"
# The frame of `real_face.jpg`, and those before and after it, are not trained on.
TRAINED_FROM = 38
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


def clip_frames(part: Literal["train", "test"]) -> list[Image]:
    """The frames of one part of the sample clip."""
    frames = [frame.image for frame in open_media(CLIP).frames(Sampling(frames=None))]
    return frames[TRAINED_FROM:] if part == "train" else frames[:TRAINED_FROM]


def varied(frame: Image, rng: np.random.Generator) -> Image:
    """The frame mirrored or not, in another light and size."""
    image = frame[:, ::-1] if rng.random() < 0.5 else frame
    image = cv2.convertScaleAbs(image, alpha=rng.uniform(0.6, 1.3), beta=rng.uniform(-20, 20))
    return cv2.resize(image, None, fx=(scale := rng.uniform(0.7, 1.5)), fy=scale)

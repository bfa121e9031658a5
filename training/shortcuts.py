"""What a network could tell fakes by without seeing a forgery: size, compression, colour, borders.

Texture and sharpness are left out on purpose: they are what forgeries differ by.
"""

from __future__ import annotations

import cv2
import numpy as np

from fakecheck.types import Floats, Image

GRID = 8  # pixels of a JPEG block
QUALITIES = (40, 55, 70, 80, 90, 96)
# What is weaker than these is there without any compression too and follows the sharpness. Of 60
# shrunk and blurred photos 95 % have no grid over 1.15 and no ghost over 0.06; saved again as JPEG
# 50 to 75, 95 % have more than 1.3 and 0.37.
MIN_GRID, MIN_GHOST = 1.15, 0.2
NO_GRID = (1.0, -1.0)
FLAT = 0.2  # grey levels
# Two rows are alike if they differ by less than this many grey levels on average: repeated border
# pixels stay so when the crop is resized.
SAME_ROW = 0.25
FEATURES = (
    "width",
    "height",
    "grid across",
    "grid down",
    "grid place",
    "jpeg quality",
    "jpeg ghost",
    *(f"mean {channel}" for channel in ("blue", "green", "red", "saturation")),
    *(f"spread {channel}" for channel in ("blue", "green", "red", "saturation")),
    "black share",
    "white share",
    *(f"border {side}" for side in ("left", "top", "right", "bottom")),
    "border sum",
)


def features(image: Image) -> Floats:
    """(len(FEATURES),) float32 of one picture (h, w, 3) uint8 BGR."""
    height, width = image.shape[:2]
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    across, place = _grid(grey)
    down, _ = _grid(grey.T)
    quality, ghost = _jpeg(image)
    colours = np.dstack([image, cv2.cvtColor(image, cv2.COLOR_BGR2HSV)[..., 1]]).reshape(-1, 4)
    borders = _borders(grey)
    return np.array(
        [
            width,
            height,
            across,
            down,
            place,
            quality,
            ghost,
            *colours.mean(axis=0),
            *colours.std(axis=0),
            (grey <= 1).mean(),
            (grey >= 254).mean(),
            *borders,
            sum(borders),
        ],
        np.float32,
    )


def _grid(grey: np.ndarray) -> tuple[float, float]:
    """How far the columns of one of the 8 places in a block stand out, and which place that is.

    Blocking artifacts are steps every 8 pixels, so second differences are greater there (after Fan
    and de Queiroz 2003, "Identification of bitmap compression history"). 1 and place -1 where no
    place stands out more than it may by chance.
    """
    rows = grey.astype(np.float32)
    bends = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]).mean(axis=0)
    if len(bends) < 2 * GRID:
        return NO_GRID
    whole = bends[: len(bends) // GRID * GRID].reshape(-1, GRID)
    means = whole.mean(axis=1, keepdims=True)
    # Flat blocks, as of a repeated border, have no grid to see.
    seen = means[:, 0] > FLAT
    if not seen.any():
        return NO_GRID
    # The median of the blocks, that no strong edge of the face decides.
    energy = np.median(whole[seen] / means[seen], axis=0)
    strength = float(energy.max() / energy.mean())
    return (strength, float(energy.argmax())) if strength >= MIN_GRID else NO_GRID


def _jpeg(image: Image) -> tuple[float, float]:
    """The quality that the picture was last saved with, roughly, and how sure that is; or 0.

    Saved again at that quality it changes least, against its neighbours (Farid 2009, "Exposing
    digital forgeries from JPEG ghosts").
    """
    change = []
    for quality in QUALITIES:
        encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        again = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        change.append(np.log(np.mean((again.astype(np.float32) - image) ** 2) + 1e-3))
    # How far each lies under the middle of its neighbours; without a dip none does.
    dips = (np.array(change[:-2]) + np.array(change[2:])) / 2 - change[1:-1]
    best = int(dips.argmax())
    return (float(QUALITIES[1:-1][best]), float(dips[best])) if dips[best] >= MIN_GHOST else (0, 0)


def _borders(grey: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right, bottom: which share of the width or height repeats the border's pixels."""
    return (
        _repeated(grey.T),
        _repeated(grey),
        _repeated(grey.T[::-1]),
        _repeated(grey[::-1]),
    )


def _repeated(rows: np.ndarray) -> float:
    steps = np.abs(np.diff(rows.astype(np.float32), axis=0)).mean(axis=1)
    moving = np.flatnonzero(steps >= SAME_ROW)
    return float(moving[0] if len(moving) else len(steps)) / len(rows)

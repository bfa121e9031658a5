"""How boxes move from one frame to the next, by sparse optical flow in small grey frames.

Median flow: of the points that come back to where they started the better half is kept, and medians
of them move and scale the box (Kalal, Mikolajczyk and Matas, "Forward-Backward Error: Automatic
Detection of Tracking Failures", ICPR 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.types import Floats, Image

Box = NDArray[np.float64]
"""(4,) xyxy."""

# Longer side in pixels of the grey frames: enough for a box, and a whole share of the usual widths,
# at which OpenCV shrinks twice as fast.
SIDE = 320
# Grey levels of 255 by which pixels differ on average from one frame to the next where a new shot
# begins; of 24 clips of talking heads no pair of neighbours came to 17.
CUT = 20.0
# A frame belongs to another shot than the last one looked at, however long before, if they have
# less than so much of their colours in common and their layouts correlate by less than so much. Of
# 24 clips of talking heads no two samples in a row had under 0.84 and none under 0.47; of pairs of
# frames of different clips 88 % are told apart. Light that changes leaves the layout as it is, a
# camera that moves the colours.
SAME_COLORS, SAME_LAYOUT = 0.6, 0.6
# Pixels a side that colours are counted of, levels a channel that are told apart, and pixels a side
# of the layout.
COUNTED, LEVELS, LAID_OUT = 64, 8, 32
# Points a side of the grid over a box, and the share of the box that it leaves out at each edge:
# there lie hair and background.
GRID, INSET = 8, 0.15
MIN_POINTS = 8
MAX_SCALE = 1.1
WINDOW = {"winSize": (15, 15), "maxLevel": 3}


@dataclass(frozen=True, eq=False)
class Motion:
    """What happened to a box between two frames, in pixels of these.

    Around `center` (2,) everything grew by `scale`, held within 1 / MAX_SCALE and MAX_SCALE, and
    then moved by `shift` (2,). `error` is the median distance at which the points, followed there
    and back, missed the place they came from.
    """

    center: NDArray[np.float64]
    shift: NDArray[np.float64]
    scale: float
    error: float

    def moved(self, points: NDArray) -> NDArray[np.float64]:
        """`points` (n, 2) of the first frame in the second; a box is its two corners."""
        return (points - self.center) * self.scale + self.center + self.shift


def shrunk(image: Image) -> tuple[Image, float]:
    """`image` (height, width, 3) BGR in grey with SIDE pixels at most, and by how much it shrank.

    The second is pixels of the small frame for each of the large.
    """
    scale = min(1.0, SIDE / max(image.shape[:2]))
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    # First small, then grey, which is a third of the work of the other way round.
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False), scale


def is_cut(last: Image, now: Image) -> bool:
    """Whether a new shot begins between two neighbouring frames, as `shrunk` makes them."""
    return last.shape != now.shape or float(cv2.absdiff(last, now).mean()) > CUT


@dataclass(frozen=True, eq=False)
class Look:
    """What a frame looks like from afar.

    `colors` (LEVELS³,) float32 are the shares of its colours, `layout` (LAID_OUT²,) float32 its
    grey levels, without their mean and of length 1.
    """

    colors: Floats
    layout: Floats

    @classmethod
    def of(cls, image: Image) -> Look:
        """The look of `image` (height, width, 3) BGR."""
        step = [max(1, side // COUNTED) for side in image.shape[:2]]
        pixels = np.ascontiguousarray(image[:: step[0], :: step[1]])
        counts = cv2.calcHist([pixels], [0, 1, 2], None, [LEVELS] * 3, [0, 256] * 3).ravel()
        small = cv2.resize(pixels, (LAID_OUT, LAID_OUT), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32).ravel()
        grey -= grey.mean()
        return cls(counts / counts.sum(), grey / max(float(np.linalg.norm(grey)), 1e-6))

    def is_other_shot(self, last: Look) -> bool:
        """Whether this frame and the `last` one belong to different shots."""
        common = float(np.minimum(self.colors, last.colors).sum())
        return common < SAME_COLORS and float(self.layout @ last.layout) < SAME_LAYOUT


def motions(last: Image, now: Image, boxes: Sequence[Box]) -> list[Motion | None]:
    """The Motion of each of `boxes`, in pixels of the grey frame `last`, on the way to `now`.

    None where too few points could be followed there and back.
    """
    if not boxes:
        return []
    grids = np.stack([_grid(box) for box in boxes]).astype(np.float32)
    before = grids.reshape(-1, 2)
    after, there, _ = cv2.calcOpticalFlowPyrLK(last, now, before, None, **WINDOW)  # type: ignore[call-overload]
    back, home, _ = cv2.calcOpticalFlowPyrLK(now, last, after, None, **WINDOW)  # type: ignore[call-overload]
    error = np.linalg.norm(back - before, axis=1)
    followed = (there.ravel() == 1) & (home.ravel() == 1)
    each = (part.reshape(len(boxes), GRID * GRID, -1) for part in (after, error, followed))
    return [
        _motion(box, grid, moved, error.ravel(), followed.ravel())
        for box, grid, moved, error, followed in zip(boxes, grids, *each, strict=True)
    ]


def _grid(box: Box) -> NDArray[np.float64]:
    """(GRID * GRID, 2) points over the middle of `box`."""
    shares = np.linspace(INSET, 1 - INSET, GRID)
    (left, top), (width, height) = box[:2], box[2:] - box[:2]
    return np.stack(np.meshgrid(left + width * shares, top + height * shares), -1).reshape(-1, 2)


def _motion(
    box: Box, before: NDArray, after: NDArray, error: NDArray, followed: NDArray
) -> Motion | None:
    if followed.sum() < MIN_POINTS:
        return None
    usual = float(np.median(error[followed]))
    # Half a pixel is noise: points that are all good are all kept.
    kept = followed & (error <= max(0.5, usual))
    if kept.sum() < MIN_POINTS:
        return None
    before, after = before[kept].astype(np.float64), after[kept].astype(np.float64)
    center = (box[:2] + box[2:]) / 2
    return Motion(center, np.median(after - before, axis=0), _scale(before, after), usual)


def _scale(before: NDArray, after: NDArray) -> float:
    """The median by which distances between the points grow."""
    one, other = np.triu_indices(len(before), 1)
    old = np.linalg.norm(before[one] - before[other], axis=1)
    new = np.linalg.norm(after[one] - after[other], axis=1)
    apart = old > 1
    if not apart.any():
        return 1.0
    return float(np.clip(np.median(new[apart] / old[apart]), 1 / MAX_SCALE, MAX_SCALE))

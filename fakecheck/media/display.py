"""How a clip's stored frames are meant to be shown: upright, with square pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from fakecheck.media.base import Turn

# Pixels that are more times as wide as high, or as high as wide, are taken for an error.
MAX_STRETCH = 4


def square(width: int, height: int, ratio: Fraction | None) -> tuple[int, int]:
    """Width and height of a frame in square pixels, given those stored and a pixel's width by
    height."""
    if not ratio or not 1 / MAX_STRETCH <= ratio <= MAX_STRETCH:
        return width, height
    return (round(width * ratio), height) if ratio >= 1 else (width, round(height / ratio))


def turn_of(frame: VideoFrame) -> Turn:
    """How to stand `frame` upright, by the display matrix of its container.

    The matrix (ISO/IEC 14496-12, 6.2.2) maps x to a·x + c·y and y to b·x + d·y; any other than the
    eight upright ones is taken for the nearest. Asked of a clip's first frame only: PyAV ties a
    frame whose side data was read into a cycle, which keeps its pixels until garbage is collected.
    """
    try:
        # PyAV's stub has a dict of names here; what it hands out is keyed by its Type.
        data = bytes(cast(Any, frame.side_data)[Type.DISPLAYMATRIX])
    except KeyError:
        return Turn()
    a, b, _, c, d = (int(v) for v in np.frombuffer(data[:20], "=i4"))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(mirror_x=a < 0, mirror_y=d < 0)
    return Turn(transpose=True, mirror_x=c < 0, mirror_y=b < 0)

"""Faces of a video's frames that lie close together: looked for on some, followed in between.

Looking takes ten times as long as following, and what is in a frame is nearly what was in the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fakecheck.faces import FaceFinder, clipped
from fakecheck.flow import MAX_SCALE, Motion, is_cut, motions, shrunk
from fakecheck.types import Face, Frame, Image

# Seconds between two frames over which faces are followed: further apart anything may have moved.
MAX_STEP = 0.1
# Seconds after which faces are looked for anew: every fifth frame of 25 a second.
LOOK_EVERY = 0.2
# Time stamps are rounded to a millisecond in many containers.
ROUNDING = 0.002
# A smaller face, in pixels of the small grey frame, has too little to follow.
MIN_SIDE = 16
# Forward-backward error in pixels of the small grey frame, and the share of a face's side that it
# moves, over which it was lost.
MAX_ERROR = 1.0
MAX_SHIFT = 0.25
# Share of a followed box that must lie within the frame.
MIN_INSIDE = 0.9


@dataclass(frozen=True, eq=False)
class _Known:
    """The frame before: small and grey, its time, its faces, None where nobody looked there."""

    grey: Image
    time: float
    faces: tuple[Face, ...] | None
    looked: float


class FaceFollower:
    """Goes through the frames of one video in their order; not to be shared by threads.

    Faces are looked for where a shot begins, LOOK_EVERY seconds after the last look, and where one
    was lost; between, their boxes and landmarks go with the flow and keep the look's score. So a
    face that comes into a shot is found up to LOOK_EVERY seconds late, and one that is covered may
    stay as long.
    """

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._last: _Known | None = None

    def next(self, frame: Frame) -> tuple[Face, ...] | None:
        """Faces of `frame`, the largest first, in its pixels.

        None for a frame over MAX_STEP seconds after the last one: nothing can be followed there,
        and any thread may look for its faces.
        """
        grey, scale = shrunk(frame.image)
        last, time = self._last, frame.time
        if time is None:
            return None
        if last is None or not 0 <= time - last.time <= MAX_STEP + ROUNDING:
            self._last = _Known(grey, time, None, time)
            return None
        faces: tuple[Face, ...] | None = None
        looked = last.looked
        if last.faces is not None and time - looked < LOOK_EVERY - ROUNDING:
            faces = follow(last.grey, grey, scale, last.faces)
        if faces is None:
            faces, looked = tuple(self._finder.find(frame.image, retry=False)), time
        self._last = _Known(grey, time, faces, looked)
        return faces


def follow(last: Image, now: Image, scale: float, faces: Sequence[Face]) -> tuple[Face, ...] | None:
    """Where `faces` of one frame are in the next one; None where any was lost, or a shot ended.

    `last` and `now` are the frames as `fakecheck.flow.shrunk` makes them, `scale` is what it says;
    faces are in pixels of the large frames.
    """
    if is_cut(last, now):
        return None
    boxes = [face.xyxy.astype(np.float64) * scale for face in faces]
    if any(face.size * scale < MIN_SIDE for face in faces):
        return None
    height, width = now.shape
    size = (width / scale, height / scale)
    found = zip(faces, motions(last, now, boxes), strict=True)
    moved = [_moved(face, motion, scale, size) for face, motion in found]
    kept = [face for face in moved if face is not None]
    return tuple(kept) if len(kept) == len(faces) else None


def _moved(
    face: Face, motion: Motion | None, scale: float, size: tuple[float, float]
) -> Face | None:
    """`face` after `motion`, None where that is not to be believed."""
    if motion is None or motion.error > MAX_ERROR:
        return None
    if not 1 / MAX_SCALE < motion.scale < MAX_SCALE:
        return None
    if np.abs(motion.shift).max() > MAX_SHIFT * face.size * scale:
        return None
    points = np.concatenate([face.xyxy.reshape(2, 2), face.landmarks]) * scale
    there = (motion.moved(points) / scale).astype(np.float32)
    whole = replace(face, xyxy=there[:2].ravel(), landmarks=there[2:])
    seen = clipped(whole, *size)
    inside = np.prod(seen.xyxy[2:] - seen.xyxy[:2]) / np.prod(whole.xyxy[2:] - whole.xyxy[:2])
    return seen if inside >= MIN_INSIDE else None

"""Faces followed by optical flow between the frames of a clip that were looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.errors import MediaError
from fakecheck.geometry import iou_matrix
from fakecheck.media import Media, Sampling, never
from fakecheck.types import Frame, Image

Box = NDArray[np.float64]
"""(4,) xyxy."""

# Longer side in pixels of the grey frames in which faces are followed: enough for a box.
SIDE = 360
# Points a side of the grid over a face, and the share of the box that it leaves out at each edge:
# there lie hair and background.
GRID, INSET = 10, 0.15
# Kalal, Mikolajczyk and Matas, "Forward-Backward Error", ICPR 2010: of the points that come back to
# where they started the better half is kept, and medians of it move and scale the box.
MIN_POINTS = 8
MAX_SCALE = 1.1
# A box that is that far off the face where it should arrive was lost on the way, as over a cut.
MIN_IOU = 0.3
WINDOW = {"winSize": (15, 15), "maxLevel": 3}


@dataclass
class _Way:
    """A face on its way from a sampled frame to the next."""

    track: int
    start: int
    end: int
    arrival: Box
    boxes: list[Box] = field(default_factory=list)


def follow_faces(
    media: Media,
    samples: Mapping[int, Mapping[int, Sequence[float]]],
    longest: int,
    stop: Callable[[], bool] = never,
) -> dict[int, dict[int, Box]]:
    """Boxes of each track on the frames between its samples, in pixels of the frame.

    `samples` has the known boxes by track and frame; gaps of over `longest` frames are not bridged.
    From one sample on the box goes with the flow, and what it is off at the next is spread over the
    way there, so that it meets both. Where the face is lost its track has no boxes, and none after
    the place where a clip breaks off.
    """
    starts: dict[int, list[_Way]] = {}
    for track, rows in samples.items():
        order = sorted(rows)
        for start, end in pairwise(order):
            if 1 < end - start <= longest:
                way = _Way(track, start, end, np.array(rows[end], float))
                way.boxes.append(np.array(rows[start], float))
                starts.setdefault(start, []).append(way)
    found: dict[int, dict[int, Box]] = {track: {} for track in samples}
    # Whoever draws on the frames comes to the place where they break off, and tells it.
    with suppress(MediaError):
        for way in _finished(media.frames(Sampling(frames=None), stop), starts):
            found[way.track].update(_between(way))
    return found


def _finished(frames: Iterator[Frame], starts: Mapping[int, list[_Way]]) -> Iterator[_Way]:
    under_way: list[_Way] = []
    last: Image | None = None
    for frame in frames:
        scale = min(1.0, SIDE / max(frame.image.shape[:2]))
        grey = _grey(frame.image, scale) if under_way or frame.index in starts else None
        for way in under_way:
            assert last is not None
            assert grey is not None
            way.boxes.append(_step(last, grey, way.boxes[-1] * scale) / scale)
        yield from (way for way in under_way if way.end <= frame.index)
        under_way = [way for way in under_way if way.end > frame.index]
        under_way += starts.get(frame.index, [])
        last = grey


def _between(way: _Way) -> dict[int, Box]:
    """The boxes on the frames between start and end; empty where the face was lost."""
    off = way.arrival - way.boxes[-1]
    pair = np.stack([way.arrival, way.boxes[-1]]).astype(np.float32)
    if iou_matrix(pair[:1], pair[1:])[0, 0] < MIN_IOU:
        return {}
    length = way.end - way.start
    return {way.start + n: way.boxes[n] + off * (n / length) for n in range(1, length)}


def _grey(image: Image, scale: float) -> Image:
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def _step(last: Image, now: Image, box: Box) -> Box:
    """Where `box` of the frame `last` is in `now`; where nothing can be followed it stays."""
    (left, top), (width, height) = box[:2], box[2:] - box[:2]
    shares = np.linspace(INSET, 1 - INSET, GRID)
    grid = np.stack(np.meshgrid(left + width * shares, top + height * shares), -1)
    before = grid.reshape(-1, 2).astype(np.float32)
    after, there, _ = cv2.calcOpticalFlowPyrLK(last, now, before, None, **WINDOW)  # type: ignore[call-overload]
    back, home, _ = cv2.calcOpticalFlowPyrLK(now, last, after, None, **WINDOW)  # type: ignore[call-overload]
    error = np.linalg.norm(back - before, axis=1)
    kept = (there.ravel() == 1) & (home.ravel() == 1)
    kept &= error <= max(0.5, float(np.median(error)))
    if kept.sum() < MIN_POINTS:
        return box
    before, after = before[kept], after[kept]
    center = (box[:2] + box[2:]) / 2 + np.median(after - before, axis=0)
    half = (box[2:] - box[:2]) / 2 * _scale(before, after)
    return np.concatenate([center - half, center + half])


def _scale(before: NDArray, after: NDArray) -> float:
    """The median by which distances between the points grow."""
    one, other = np.triu_indices(len(before), 1)
    old = np.linalg.norm(before[one] - before[other], axis=1)
    new = np.linalg.norm(after[one] - after[other], axis=1)
    apart = old > 1
    if not apart.any():
        return 1.0
    return float(np.clip(np.median(new[apart] / old[apart]), 1 / MAX_SCALE, MAX_SCALE))

"""Faces followed by optical flow between the frames of a clip that were looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from fakecheck.errors import MediaError
from fakecheck.flow import Box, is_cut, motions, shrunk
from fakecheck.geometry import iou_matrix
from fakecheck.media import Media, Sampling
from fakecheck.types import Frame, Image

# A box that is that far off the face where it should arrive was lost on the way, as over a cut.
MIN_IOU = 0.3


@dataclass(frozen=True)
class Followed:
    """`boxes` by track and frame, and the frames `cuts`, ascending, at which a new shot begins."""

    boxes: dict[int, dict[int, Box]] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()


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
) -> Followed:
    """Boxes of each track on the frames between its samples, in pixels of the frame.

    `samples` has the known boxes by track and frame; gaps of over `longest` frames are not bridged.
    From one sample on the box goes with the flow, and what it is off at the next is spread over the
    way there, so that it meets both. Where the face is lost, as over a cut, its track has no boxes,
    and none after the place where a clip breaks off.
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
    cuts: list[int] = []
    # Whoever draws on the frames comes to the place where they break off, and tells it.
    with suppress(MediaError):
        for way in _finished(media.frames(Sampling(frames=None)), starts, cuts):
            found[way.track].update(_between(way))
    return Followed(found, tuple(cuts))


def _finished(
    frames: Iterator[Frame], starts: Mapping[int, list[_Way]], cuts: list[int]
) -> Iterator[_Way]:
    """The ways that came to their end, those over a cut left out; `cuts` is added to."""
    under_way: list[_Way] = []
    last: Image | None = None
    for frame in frames:
        grey, scale = shrunk(frame.image)
        if last is not None and is_cut(last, grey):
            cuts.append(frame.index)
            under_way = []
        _step(last, grey, scale, under_way)
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


def _step(last: Image | None, now: Image, scale: float, under_way: Sequence[_Way]) -> None:
    """Move every box from the frame `last` on to `now`; where nothing can be followed it stays."""
    if last is None or not under_way:
        return
    boxes = [way.boxes[-1] for way in under_way]
    found = motions(last, now, [box * scale for box in boxes])
    for way, box, motion in zip(under_way, boxes, found, strict=True):
        moved = box if motion is None else motion.moved(box.reshape(2, 2) * scale).ravel() / scale
        way.boxes.append(moved)

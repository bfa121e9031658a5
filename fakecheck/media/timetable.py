"""When each frame of a clip is shown: by a clock, as frames are decoded, or by a timetable.

The timetable is read from packets, not decoded, and says where decoding may start: with it a few
frames of a long film cost seconds instead of the decoding of all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

# A seek has to jump over more frames than this to be faster than decoding them: flushed decoder
# threads start anew (benchmarks/seek.py).
SEEK_SKIPS = 40
# Demuxers whose index leads to the very keyframe that was asked for.
EXACT_SEEKS = frozenset({"mov", "matroska"})

DEFAULT_FPS = 25.0  # of a clip that has neither time stamps nor a rate
# Time stamps that jump back by more seconds than frames are ever reordered by start anew.
RESTART = 0.5


@dataclass(frozen=True, eq=False)
class Timetable:
    """`times` (n,) float64: seconds after the stream's start of all frames, ascending.

    `pts` (n,) int64 are the same in units of the time base and `keys` (m,) int64 the indices of the
    frames at which decoding may start; both are empty where the packets do not say.
    """

    times: NDArray[np.float64]
    pts: NDArray[np.int64]
    keys: NDArray[np.int64]

    def between(self, start: float, end: float | None) -> range:
        """The frames shown from `start` until before `end`."""
        first = int(np.searchsorted(self.times, start))
        return range(first, int(np.searchsorted(self.times, np.inf if end is None else end)))

    def index(self, pts: int | None) -> int | None:
        """Which frame is shown at `pts`, None if no packet announced one."""
        if pts is None:
            return None
        place = int(np.searchsorted(self.pts, pts))
        return place if place < len(self.pts) and self.pts[place] == pts else None

    def key_before(self, index: int) -> int:
        """The last frame at or before the frame `index` at which decoding may start."""
        return int(self.keys[np.searchsorted(self.keys, index, side="right") - 1])

    def seeks(self, wanted: Sequence[int]) -> bool:
        """Whether decoding just `wanted` (ascending) would jump at least once."""
        if not len(self.keys):
            return False
        befores = (0, *(index + 1 for index in wanted))
        return any(
            self.key_before(index) - before > SEEK_SKIPS
            for before, index in zip(befores, wanted, strict=False)
        )


def read_timetable(
    container: InputContainer,
    stream: VideoStream,
    fps: float | None,
    most: int,
    stop: Callable[[], bool],
) -> Timetable:
    """The timetable of the clip, of no more than `most` + 1 frames of it.

    Without time stamps, and where they start anew, frames are taken to follow each other at `fps`,
    or at 25 a second.
    """
    shown: list[int | None] = []
    keys: list[int | None] = []
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        if stop() or len(shown) > most:
            break
        if packet.is_keyframe:
            if not keys:
                # What a cut recording has before its first keyframe cannot be decoded.
                shown.clear()
            keys.append(packet.pts)
        # An edit list may say that packets are decoded, but not shown.
        if not packet.is_discard:
            shown.append(packet.pts)
    nothing = np.zeros(0, np.int64)
    base = stream.time_base
    unknown = None in shown or len(set(shown)) < len(shown)
    if base is None or unknown or _restarts(np.array(shown, np.int64), float(base)):
        return Timetable(np.arange(len(shown)) / (fps or DEFAULT_FPS), nothing, nothing)
    pts = np.sort(np.array(shown, np.int64))
    start = stream.start_time if stream.start_time is not None else int(pts[0]) if len(pts) else 0
    times = np.maximum((pts - start) * float(base), 0.0)
    places = np.searchsorted(pts, np.unique(np.array(keys, np.int64)))
    # Whatever is shown before the first keyframe cannot be sought.
    return Timetable(times, pts, places if len(places) and places[0] == 0 else nothing)


def _restarts(pts: NDArray[np.int64], time_base: float) -> bool:
    back = np.maximum.accumulate(pts) - pts if len(pts) else pts
    return bool((back * time_base > RESTART).any())


class Clock:
    """Time stamps → seconds after the stream's start, never going back.

    Where they start anew, as in recordings that were put one behind the other, time goes on.
    """

    def __init__(self, stream: VideoStream, fps: float | None) -> None:
        self._start = stream.start_time
        self._base = stream.time_base
        self._fps = fps
        self._last = 0.0
        self._joined = 0.0

    def time(self, index: int, frame: VideoFrame) -> float | None:
        """Of the next decoded frame, whose number is `index`; None where nothing tells it."""
        if frame.pts is not None and self._base is not None:
            if self._start is None:
                self._start = frame.pts
            time = float((frame.pts - self._start) * self._base) + self._joined
            if self._last - time > RESTART:
                joint = self._last + 1 / (self._fps or DEFAULT_FPS)
                self._joined, time = self._joined + joint - time, joint
            # AVI counts frames as stored, so reordered ones may seem to jump back.
            self._last = max(self._last, time)
            return self._last
        if self._fps:
            self._last = max(self._last, index / self._fps)
            return self._last
        return None

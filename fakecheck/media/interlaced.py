"""Frames of two fields, which were taken one after the other, made into whole ones.

Broadcasts, DVDs and camcorders store every second line of a frame some 20 ms later than the
others. Shown as they are, whatever moves has combs, which detectors have never seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction

from av.error import BlockingIOError, EOFError
from av.filter import Graph
from av.video.frame import VideoFrame

# Of FFmpeg's filters the one that moved the verdicts the least: training/EXPERIMENTS.md, 43.
FILTER = ("bwdif", "mode=send_frame:deint=interlaced")


def without_combs(frames: Iterable[VideoFrame | None]) -> Iterator[VideoFrame | None]:
    """The frames, from the first on that the decoder calls interlaced through a filter.

    That needs the frame before and the one after. None stands where a frame is lost.
    """
    weaver: _Weaver | None = None
    for frame in frames:
        if weaver and not (frame and weaver.takes(frame)):
            yield from weaver.end()
            weaver = None
        if weaver is None and frame and frame.interlaced_frame:
            weaver = _Weaver(frame)
        if weaver and frame:
            yield from weaver.add(frame)
        else:
            yield frame
    if weaver:
        yield from weaver.end()


class _Weaver:
    """The filter, for frames like `first`."""

    def __init__(self, first: VideoFrame) -> None:
        self._kind = _kind(first)
        self._times: deque[tuple[int | None, Fraction | None]] = deque()
        self._graph = Graph()
        self._graph.link_nodes(
            self._graph.add_buffer(
                width=first.width,
                height=first.height,
                format=first.format,
                time_base=first.time_base or Fraction(1, 1000),
            ),
            self._graph.add(*FILTER),
            self._graph.add("buffersink"),
        ).configure()

    def takes(self, frame: VideoFrame) -> bool:
        return _kind(frame) == self._kind

    def add(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        self._times.append((frame.pts, frame.time_base))
        self._graph.push(frame)
        yield from self._ready()

    def end(self) -> Iterator[VideoFrame]:
        self._graph.push(None)
        yield from self._ready()

    def _ready(self) -> Iterator[VideoFrame]:
        while self._times:
            try:
                frame = self._graph.vpull()
            except (BlockingIOError, EOFError):
                return
            # The filter has time stamps of its own, of half the base.
            frame.pts, time_base = self._times.popleft()
            if time_base is not None:
                frame.time_base = time_base
            yield frame


def _kind(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name

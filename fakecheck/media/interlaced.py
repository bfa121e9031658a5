"""Frames of two fields, which were taken one after the other, made into whole ones.

Broadcasts, DVDs and camcorders store every second line of a frame some 20 ms later than the
others. Shown as they are, whatever moves has combs, which detectors have never seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from typing import NamedTuple

from av.error import BlockingIOError, EOFError
from av.filter import Graph
from av.video.frame import VideoFrame

# Of FFmpeg's filters the one that moved the verdicts the least: training/EXPERIMENTS.md, 43.
FILTER = ("bwdif", "mode=send_frame:deint=interlaced")
# The smallest frames that it takes.
COLUMNS, LINES = 3, 4


class Stored(NamedTuple):
    """A frame as it was decoded, with its neighbours if it is interlaced and they are there."""

    frame: VideoFrame
    before: VideoFrame | None = None
    after: VideoFrame | None = None


def with_neighbours(frames: Iterable[VideoFrame | None]) -> Iterator[Stored | None]:
    """The frames in their order; None stands where one is lost."""
    before: VideoFrame | None = None
    held: VideoFrame | None = None
    for frame in frames:
        if held is not None:
            yield Stored(held, before, frame)
            before, held = held, None
        if frame is None:
            yield None
            before = None
        elif frame.interlaced_frame:
            held = frame
        else:
            yield Stored(frame)
            before = frame
    if held is not None:
        yield Stored(held, before)


def without_combs(stored: Stored) -> VideoFrame:
    """The frame itself, or of an interlaced one a whole one; it has no time stamp then."""
    frame = stored.frame
    if not frame.interlaced_frame or frame.width < COLUMNS or frame.height < LINES:
        return frame
    graph = Graph()
    graph.link_nodes(
        graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1, 1000),
        ),
        graph.add(*FILTER),
        graph.add("buffersink"),
    ).configure()
    around = (stored.before, frame, stored.after)
    alike = [one for one in around if one is not None and _kind(one) == _kind(frame)]
    for one in (*alike, None):
        graph.push(one)
    whole: list[VideoFrame] = []
    with suppress(BlockingIOError, EOFError):
        while len(whole) < len(alike):
            whole.append(graph.vpull())
    return whole[alike.index(frame)]


def _kind(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name

"""Videos by PyAV: decoded one frame after the other, only the sampled ones converted to BGR."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from fakecheck.errors import MediaError
from fakecheck.media.base import Limits, Media, Picker, Sampling, Turn, never
from fakecheck.media.containers import is_cut_off
from fakecheck.media.display import square, turn_of
from fakecheck.media.interlaced import Stored, with_neighbours, without_combs
from fakecheck.media.streams import duration_of, frames_and_gaps, opened
from fakecheck.media.timetable import (
    EXACT_SEEKS,
    SEEK_SKIPS,
    Clock,
    Timetable,
    read_timetable,
)
from fakecheck.types import Frame, Image, MediaInfo

_Decoded = tuple[int, float | None, Stored]
"""Index, seconds after the stream's start, frame."""


class Video(Media):
    """A clip. `fps` is the mean rate that the container states, None where it states none.

    Frames are as players show them: upright, and where their pixels are not square, with the
    shorter side stretched.
    """

    def __init__(
        self,
        path: Path,
        info: MediaInfo,
        fps: float | None,
        demuxer: str,
        turn: Turn,
        limits: Limits,
    ) -> None:
        super().__init__(path, info, fps)
        self.demuxer = demuxer
        self._turn = turn
        self._limits = limits

    def frames(
        self,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        stop: Callable[[], bool] = never,
    ) -> Iterator[Frame]:
        """See `Media.frames`.

        Where it helps, the packets are read first, which decodes nothing: for the number of frames
        if the container does not state it, and for the way to frames that lie far apart.
        """
        # One for the whole clip: a frame's own would set up libswscale anew for every frame.
        converter = VideoReformatter()
        taken = False
        for index, time, stored in self._sampled(sampling, stop):
            taken = True
            yield Frame(index, time, self._upright(stored, converter))
        if not taken and sampling.start and not stop():
            start, end = f"{sampling.start:g}", sampling.end
            if sampling.start >= (self.info.duration or 0):
                raise MediaError(f"{self.path}: ends before {start} s")
            when = f"after {start} s" if end is None else f"between {start} and {end:g} s"
            raise MediaError(f"{self.path}: shows no frame {when}")

    def _sampled(self, sampling: Sampling, stop: Callable[[], bool]) -> Iterator[_Decoded]:
        count, stated = sampling.frames, self._stated()
        if count is None and sampling.start == 0:
            return self._in_passing(sampling, stop)
        if count is not None and sampling.whole and stated and stated <= count * SEEK_SKIPS:
            if count >= stated:
                # The whole clip, also where it is longer than it says.
                return self._in_passing(sampling, stop)
            return self._in_order(sampling.spread(range(stated)), stop)
        table = self._timetable(stop)
        window = table.between(sampling.start, sampling.end)
        picker = Picker(sampling)
        wanted = (
            sampling.spread(window)
            if count is not None
            else [index for index in window if picker.takes(float(table.times[index]))]
        )
        self._check_window(window, table)
        if self.demuxer in EXACT_SEEKS and table.seeks(wanted):
            frames = self._by_seeking(wanted, table, stop)
        else:
            frames = self._in_order(wanted, stop)
        return (
            self._whole(frames, len(table.times), stop)
            if window.stop == len(table.times)
            else frames
        )

    def _check_window(self, window: range, table: Timetable) -> None:
        """The limits, for a clip that did not say how long it is."""
        if window.stop > self._limits.max_frames:
            raise MediaError(self._too_many())
        if len(window) and table.times[window.stop - 1] > self._limits.max_seconds:
            raise MediaError(self._too_long())

    def _whole(
        self, frames: Iterator[_Decoded], count: int, stop: Callable[[], bool]
    ) -> Iterator[_Decoded]:
        """`frames`, of a clip of whose packets `count` are there; MediaError if more should be."""
        yield from frames
        if not stop() and is_cut_off(self.path, self.demuxer):
            raise MediaError(f"{self.path}: is truncated after frame {count - 1}")

    def _stated(self) -> int | None:
        """How many frames the container says there are, where its duration does not contradict it.

        An edit list may leave out some of them, which are counted all the same.
        """
        frames, seconds, fps = self.info.frames, self.info.duration, self.fps
        if not frames or not seconds or not fps:
            return frames
        return frames if abs(frames - seconds * fps) <= max(2, 0.01 * frames) else None

    def _timetable(self, stop: Callable[[], bool]) -> Timetable:
        with opened(self.path, self.demuxer) as (container, stream):
            return read_timetable(container, stream, self.fps, self._limits.max_frames, stop)

    def _in_passing(self, sampling: Sampling, stop: Callable[[], bool]) -> Iterator[_Decoded]:
        """The frames that the sampling takes as they come by."""
        picker = Picker(sampling)
        for index, time, stored in self._decoded(stop):
            if picker.over(time):
                return
            if picker.takes(time):
                yield index, time, stored

    def _in_order(self, wanted: Sequence[int], stop: Callable[[], bool]) -> Iterator[_Decoded]:
        """The frames `wanted`, ascending, of all that are decoded up to the last of them."""
        if not wanted:
            return
        chosen: Container[int] = wanted if isinstance(wanted, range) else frozenset(wanted)
        for index, time, stored in self._decoded(stop):
            if index in chosen:
                yield index, time, stored
            if index == wanted[-1]:
                return

    def _by_seeking(
        self, wanted: Sequence[int], table: Timetable, stop: Callable[[], bool]
    ) -> Iterator[_Decoded]:
        """The frames `wanted`, ascending, decoding little beside them.

        In place of one that is damaged comes the next one that is not.
        """
        done = -1
        with opened(self.path, self.demuxer) as (container, stream):
            stream.codec_context.thread_type = "AUTO"
            decoded = self._frames(container, stream, False)
            for index in wanted:
                if index <= done:
                    continue
                key = table.key_before(index)
                if key - (done + 1) > SEEK_SKIPS:
                    container.seek(int(table.pts[key]), stream=stream)
                    decoded = self._frames(container, stream, False)
                for stored in decoded:
                    if stop():
                        return
                    shown = None if stored is None else table.index(stored.frame.pts)
                    if stored is not None and shown is not None and shown >= index:
                        done, time = shown, float(table.times[shown])
                        self._check_limits(shown, time)
                        yield shown, time, stored
                        break
        if done < 0:
            raise MediaError(f"{self.path}: no frame could be decoded")

    def _decoded(self, stop: Callable[[], bool]) -> Iterator[_Decoded]:
        """All frames with index and time; after the last one, MediaError for what is lost."""
        index, lost = 0, 0
        with opened(self.path, self.demuxer) as (container, stream):
            tail_lost = cut_off = is_cut_off(self.path, self.demuxer)
            stream.codec_context.thread_type = "AUTO"
            clock = Clock(stream, self.fps)
            for stored in self._frames(container, stream, cut_off):
                if stop():
                    return
                if stored is None:
                    lost, tail_lost = lost + 1, True
                    continue
                tail_lost = cut_off
                time = clock.time(index, stored.frame)
                self._check_limits(index, time)
                yield index, time, stored
                index += 1
        if index == 0:
            raise MediaError(f"{self.path}: no frame could be decoded")
        if tail_lost:
            raise MediaError(f"{self.path}: is truncated after frame {index - 1}")
        if lost:
            plural = "s were" if lost > 1 else " was"
            raise MediaError(f"{self.path}: {lost} damaged packet{plural} skipped")

    def _frames(
        self, container: InputContainer, stream: VideoStream, cut_off: bool
    ) -> Iterator[Stored | None]:
        """Frames and gaps; none is larger than the limit."""
        return with_neighbours(self._small_enough(frames_and_gaps(container, stream, cut_off)))

    def _small_enough(self, frames: Iterator[VideoFrame | None]) -> Iterator[VideoFrame | None]:
        for frame in frames:
            if frame is not None:
                self._limits.check_pixels(self.path, frame.width, frame.height)
            yield frame

    def _check_limits(self, index: int, time: float | None) -> None:
        limits = self._limits
        if index >= limits.max_frames:
            raise MediaError(self._too_many())
        if time is not None and time > limits.max_seconds:
            raise MediaError(self._too_long())

    def _too_many(self) -> str:
        return f"{self.path}: has more than {self._limits.max_frames} frames, the limit"

    def _too_long(self) -> str:
        return f"{self.path}: is longer than {self._limits.max_seconds:g} s, the limit"

    def _upright(self, stored: Stored, converter: VideoReformatter) -> Image:
        """BGR without combs, of the size of the clip's first frame, which a stream may leave."""
        # Transposing swaps the sides, so the way back from upright to stored is the same.
        width, height = self._turn.size(self.info.width, self.info.height)
        frame = without_combs(stored)
        pixels = converter.reformat(frame, width, height, format="bgr24").to_ndarray()
        return np.ascontiguousarray(self._turn.apply(pixels.astype(np.uint8, copy=False)))


def open_video(path: Path, demuxer: str, sha256: str, limits: Limits) -> Video:
    """The clip in `path`, opened with libavformat's `demuxer`; its first frame is decoded."""
    with opened(path, demuxer) as (container, stream):
        limits.check_pixels(path, stream.codec_context.width, stream.codec_context.height)
        frames, duration = stream.frames or None, duration_of(container, stream)
        if frames and frames > limits.max_frames:
            raise MediaError(f"{path}: has {frames} frames, the limit is {limits.max_frames}")
        if duration and duration > limits.max_seconds:
            raise MediaError(
                f"{path}: is {duration:.0f} s long, the limit is {limits.max_seconds:g} s"
            )
        rate = stream.average_rate
        cut_off = is_cut_off(path, demuxer)
        first = next(filter(None, frames_and_gaps(container, stream, cut_off)), None)
        if first is None:
            raise MediaError(f"{path}: no frame could be decoded")
        turn = turn_of(first)
        width, height = turn.size(*square(first.width, first.height, stream.sample_aspect_ratio))
        limits.check_pixels(path, width, height)
    info = MediaInfo(str(path), sha256, "video", width, height, frames, duration)
    return Video(path, info, float(rate) if rate else None, demuxer, turn, limits)

"""The sound of a clip, carried over into another file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from fractions import Fraction
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from fakecheck.media.streams import open_container
from fakecheck.media.videos import Video

# What players expect in an MP4; anything else is coded again. Names of decoders, without suffixes.
COPIED = ("aac", "ac3", "alac", "eac3", "flac", "mp3", "opus")


class Sound(AbstractContextManager["Sound"]):
    """The first sound of `video`, as packets for `output`, in which it adds a stream of its own.

    Copied where the codec is one that players expect in an MP4, else coded again as AAC. Where that
    fails there is no sound, and `remark` says so.
    """

    def __init__(self, video: Video, output: OutputContainer) -> None:
        self.remark: str | None = None
        self._output = output
        self._packets: Iterator[Packet[Any]] = iter(())
        self._next: Packet[Any] | None = None
        self._input = None
        try:
            self._input = open_container(video.path, video.demuxer)
            if self._input.streams.audio:
                self._packets = self._convert(self._input.streams.audio[0])
        except (av.FFmpegError, ValueError) as error:
            self._fail(error)

    def write_until(self, seconds: float | None) -> None:
        """Writes the packets that start before `seconds`, with None all that are left."""
        while True:
            try:
                packet = self._next or next(self._packets, None)
                self._next = packet
                if packet is None or (seconds is not None and _seconds(packet) > seconds):
                    return
                self._next = None
                self._output.mux(packet)
            except (av.FFmpegError, ValueError) as error:
                self._fail(error)
                return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._input is not None:
            self._input.close()

    def _fail(self, error: Exception) -> None:
        self.remark = f"the sound could not be kept: {getattr(error, 'strerror', None) or error}"
        self._packets, self._next = iter(()), None

    def _convert(self, source: AudioStream) -> Iterator[Packet[Any]]:
        """Packets of a new stream of the output; the stream is added at once."""
        offset = self._video_start()
        codec = source.codec_context.name
        if codec.startswith(COPIED):
            return self._copied(source, self._output.add_stream_from_template(source), offset)
        rates = av.Codec("aac", "w").audio_rates or [source.codec_context.sample_rate]
        # What is no rate of AAC's is resampled to the nearest that is.
        rate = min(rates, key=lambda known: abs(known - source.codec_context.sample_rate))
        target = self._output.add_stream("aac", rate=rate)
        target.codec_context.layout = "mono" if source.codec_context.channels == 1 else "stereo"
        return self._coded(source, target, offset)

    def _video_start(self) -> Fraction:
        """Seconds at which the picture begins: frames count from there, so must the sound."""
        stream = self._input.streams.video[0] if self._input else None
        if stream is None or stream.start_time is None or stream.time_base is None:
            return Fraction(0)
        return stream.start_time * stream.time_base

    def _copied(
        self, source: AudioStream, target: AudioStream, offset: Fraction
    ) -> Iterator[Packet[Any]]:
        assert self._input is not None
        for packet in self._input.demux(source):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            shift = round(offset / packet.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            if packet.pts + (packet.duration or 0) > 0:
                packet.stream = target
                yield packet

    def _coded(
        self, source: AudioStream, target: AudioStream, offset: Fraction
    ) -> Iterator[Packet[Any]]:
        assert self._input is not None
        for frame in self._input.decode(source):
            if frame.pts is not None and frame.time_base is not None:
                frame.pts -= round(offset / frame.time_base)
                before = round(-frame.pts * frame.time_base * frame.sample_rate)
                if before >= frame.samples:
                    continue
                if before > 0:
                    frame = _after(frame, before)
            yield from target.encode(frame)
        yield from target.encode(None)


def _after(frame: AudioFrame, samples: int) -> AudioFrame:
    """`frame` without its first `samples`, from time 0 on."""
    per_sample = 1 if frame.format.is_planar else frame.layout.nb_channels
    kept: Any = np.ascontiguousarray(frame.to_ndarray()[:, samples * per_sample :])
    rest = AudioFrame.from_ndarray(kept, format=frame.format.name, layout=frame.layout.name)
    rest.sample_rate, rest.pts, rest.time_base = frame.sample_rate, 0, frame.time_base
    return rest


def _seconds(packet: Packet[Any]) -> float:
    return float((packet.pts or 0) * (packet.time_base or 0))

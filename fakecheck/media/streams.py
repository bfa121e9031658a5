"""The stream of a clip in its container: opened, decoded, how long it is."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from fakecheck.errors import MediaError
from fakecheck.media.base import lack

MICROSECONDS = 1_000_000
# So that titles that are not UTF-8 are no error; PyAV 19 has no such option, and no such error.
ANY_TITLES: dict[str, Any] = (
    {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
)
# Streams that hold a cover or chapter pictures, not the clip.
NOT_THE_CLIP = Disposition.attached_pic | Disposition.timed_thumbnails


def open_container(path: Path, demuxer: str) -> InputContainer:
    """The container in `path`, by libavformat's `demuxer`. Raises what PyAV raises."""
    # MOV is the one that can name other files and addresses.
    options = {"protocol_whitelist": "file"}
    # An absolute path cannot be taken for an address.
    name = str(path.absolute())
    return cast(InputContainer, av.open(name, format=demuxer, options=options, **ANY_TITLES))


@contextmanager
def opened(path: Path, demuxer: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and the stream of the clip; libav's errors in the block become MediaErrors."""
    try:
        with open_container(path, demuxer) as container:
            yield container, _clip_stream(container, path)
    except FileNotFoundError as error:
        raise MediaError(f"{path}: does not exist") from error
    except (av.FFmpegError, ValueError, OSError, MemoryError) as error:
        # FFmpeg has these two of damaged files as well.
        doubtful = isinstance(error, av.FFmpegError) and error.errno in (errno.EIO, errno.ENOMEM)
        what = "is a video that is truncated or damaged"
        raise MediaError(f"{path}: {(not doubtful and lack(error)) or what}") from error


def _clip_stream(container: InputContainer, path: Path) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & NOT_THE_CLIP]
    if not streams:
        raise MediaError(f"{path}: holds no video stream")
    for stream in streams:
        if stream.codec_context is not None:
            return stream
    raise MediaError(f"{path}: its video is coded in a way that cannot be decoded here")


def frames_and_gaps(
    container: InputContainer, stream: VideoStream, cut_off: bool
) -> Iterator[VideoFrame | None]:
    """Decoded frames in order, None in place of what could not be read or decoded.

    `cut_off` says that the file is, so that a packet marked as corrupt is a torn one.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            yield None
            packet = None
        if packet is None:
            return
        if cut_off and packet.is_corrupt:
            yield None
            continue
        try:
            decoded = packet.decode()
        except av.error.EOFError:
            return
        except av.FFmpegError:
            yield None
            continue
        yield from decoded


def duration_of(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.duration > 0 and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        seconds = container.duration / MICROSECONDS
        if container.format.name.startswith("matroska"):  # whose duration is the last time stamp
            seconds -= float((stream.start_time or 0) * (stream.time_base or 0))
        return seconds if seconds > 0 else None
    return None

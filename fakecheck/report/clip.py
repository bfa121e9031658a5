"""A clip written again with every frame marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
from av.container import OutputContainer
from av.video.stream import VideoStream

from fakecheck.errors import MediaError, OutputError
from fakecheck.files import atomic_path
from fakecheck.media import Media, Sampling
from fakecheck.media.videos import Video
from fakecheck.report.between import RowsBetween
from fakecheck.report.drawing import Painter
from fakecheck.report.follow import follow_faces
from fakecheck.report.moments import several_faces, whose
from fakecheck.report.sound import Sound
from fakecheck.report.tiles import report_colors
from fakecheck.types import Frame, Image, Report

# The clock of MPEG systems: fine enough for the time stamps of any container.
TICKS = 90_000
DEFAULT_FPS = 25.0
# Visually lossless for a marked copy, and fast enough to keep up with decoding.
ENCODER = {"crf": "20", "preset": "veryfast"}
# From this distance between samples on a straight line from one to the next is seen to miss.
MIN_FOLLOWED = 3
BT709 = 1
LIMITED_RANGE = 1


def write_clip(
    media: Media,
    report: Report,
    path: Path,
    progress: Callable[[int], None] | None = None,
) -> tuple[str, ...]:
    """See `fakecheck.report.annotate.annotate_video`."""
    if not isinstance(media, Video):
        raise OutputError(f"{path}: a picture cannot be written as a video")
    try:
        with (
            atomic_path(path) as temporary,
            av.open(str(temporary.absolute()), "w", format="mp4") as output,
        ):
            return _write(media, report, output, progress)
    except (av.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{path}: cannot be written: {reason}") from error


def _write(
    video: Video,
    report: Report,
    output: OutputContainer,
    progress: Callable[[int], None] | None,
) -> tuple[str, ...]:
    fps = video.fps or DEFAULT_FPS
    painter = Painter(
        video.info.width,
        video.info.height,
        report.verdict,
        report.families,
        report_colors(report),
        numbered=several_faces(report),
        whose=whose(report),
    )
    timeline = _timeline(video, report, fps)
    stream = _add_video(output, painter.size, fps)
    remarks: list[str] = []
    last = -1
    with Sound(video, output) as sound:
        for frame in _until_broken(video, remarks):
            seconds = frame.index / fps if frame.time is None else frame.time
            # Two frames must not share a tick: AVI may give them one time.
            last = max(last + 1, round(seconds * TICKS))
            sound.write_until(seconds)
            marked = painter.paint(frame.image, *timeline.at(frame.index))
            output.mux(stream.encode(_to_yuv(marked, last)))
            if progress is not None:
                progress(frame.index + 1)
        output.mux(stream.encode(None))
        sound.write_until(None)
        if sound.remark:
            remarks.append(sound.remark)
    return tuple(remarks)


def _timeline(video: Video, report: Report, fps: float) -> RowsBetween:
    """What to draw when. Where samples lie apart the clip is read once more, to follow faces."""
    timeline = RowsBetween(report, round(fps))
    if timeline.interval < MIN_FOLLOWED:
        return timeline
    followed = follow_faces(video, timeline.samples(), timeline.gaps)
    return RowsBetween(report, round(fps), followed)


def _until_broken(video: Video, remarks: list[str]) -> Iterator[Frame]:
    """All frames; where the clip breaks off after some, that becomes a remark."""
    some = False
    try:
        for frame in video.frames(Sampling(frames=None)):
            some = True
            yield frame
    except MediaError as error:
        if not some:
            raise
        remarks.append(error.message)


def _add_video(output: OutputContainer, size: tuple[int, int], fps: float) -> VideoStream:
    stream = output.add_stream(
        "libx264", rate=Fraction(fps).limit_denominator(1001), options=dict(ENCODER)
    )
    # Chroma of yuv420p has half the size, so both sides must be even.
    stream.width, stream.height = (side + side % 2 for side in size)
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS)
    context.color_range = LIMITED_RANGE
    context.colorspace = context.color_primaries = context.color_trc = BT709
    return stream


def _to_yuv(image: Image, ticks: int) -> av.VideoFrame:
    height, width = image.shape[:2]
    if height % 2 or width % 2:
        image = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE).astype(
            image.dtype, copy=False
        )
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(
        format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
    )
    frame.pts, frame.time_base = ticks, Fraction(1, TICKS)
    return frame

"""Marked pictures and clips on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2

from fakecheck.errors import OutputError
from fakecheck.files import atomic_path
from fakecheck.media import Media
from fakecheck.report.clip import write_clip
from fakecheck.report.drawing import draw
from fakecheck.report.moments import several_faces, whose
from fakecheck.types import Image, Report

__all__ = ["annotate_image", "annotate_video", "draw"]

JPEG_QUALITY = 93
OPTIONS = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
    ".png": [],
}


def annotate_image(image: Image, report: Report, path: Path) -> None:
    """Writes `image` (height, width, 3) BGR, marked with what `report` says, to a .jpg or .png.

    Raises OutputError.
    """
    suffix = path.suffix.lower()
    if suffix not in OPTIONS:
        raise OutputError(f"{path}: a marked picture must end in .jpg or .png")
    marked = draw(
        image,
        report.faces,
        report.detections,
        report.verdict,
        report.families,
        numbered=several_faces(report),
        whose=whose(report),
    )
    with atomic_path(path) as temporary:
        written, data = cv2.imencode(suffix, marked, OPTIONS[suffix])
        if not written:
            raise OutputError(f"{path}: the marked picture could not be encoded")
        temporary.write_bytes(data.tobytes())


def annotate_video(
    media: Media,
    report: Report,
    path: Path,
    progress: Callable[[int], None] | None = None,
) -> tuple[str, ...]:
    """Writes the clip again with every frame marked, as an MP4 (H.264, with the sound it had).

    Boxes move with their faces between the frames that were looked at. `progress` is called with
    the number of frames done; where it raises nothing is written. Returns remarks, each one
    sentence, on what could not be kept, such as the sound, or on where the clip breaks off. Raises
    OutputError, or MediaError if no frame can be read.
    """
    if path.suffix.lower() != ".mp4":
        raise OutputError(f"{path}: a marked video must end in .mp4")
    return write_clip(media, report, path, progress)

"""A handful of marked frames as JPEGs, small enough to lie within a page."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from math import inf

import cv2
import numpy as np

from fakecheck.errors import MediaError
from fakecheck.media import Media, Sampling
from fakecheck.report.drawing import Painter
from fakecheck.report.moments import box_rank, several_faces
from fakecheck.report.tiles import report_colors
from fakecheck.types import DetectionRow, FaceRow, Frame, Image, Report

# Of a clip. Two beside each other, twice: more than anybody compares.
COUNT = 4
# Longer side in pixels: a picture may fill the page, two frames share its width.
PICTURE_SIDE, FRAME_SIDE = 1280, 800
# Heights of letters in their width, for labels of 12 and 18 pixels on a page of 890.
PICTURE_ACROSS, FRAME_ACROSS = 48, 36
MAX_BYTES = 200_000
QUALITIES = (85, 75, 65, 50)
# Frames beside each other look alike: those shown keep this share of the clip between them, unless
# there are too few.
APART = 0.08


@dataclass(frozen=True)
class Still:
    """A marked frame: `jpeg` of `width` times `height` pixels, and the boxes on it, best first."""

    frame: int
    time: float | None
    jpeg: bytes
    width: int
    height: int
    boxes: tuple[DetectionRow, ...]


def marked_stills(media: Media, report: Report, sampling: Sampling) -> list[Still]:
    """The picture, or the frames of a clip with the strongest evidence in order of time, marked.

    `sampling` is the one that `report` was made with: no other frame need be converted. Empty where
    the file cannot be read any more, or a clip shows neither a face nor a box.
    """
    wanted = set(best_frames(report)) if report.media.kind == "video" else {0}
    stills: list[Still] = []
    if not wanted:
        return stills
    try:
        for frame in media.frames(sampling):
            if frame.index in wanted:
                stills.append(_still(frame, report))
            if len(stills) == len(wanted):
                break
    except MediaError:
        # It breaks off: what could be read is shown, as it was judged.
        pass
    return stills


def best_frames(report: Report, count: int = COUNT) -> list[int]:
    """Indices of the frames whose boxes have the strongest evidence, those of the worst face first;
    of a clip without boxes, one frame in which a face is as large as anywhere.
    """
    rank = box_rank(report)
    strength: dict[int, tuple[bool, float]] = defaultdict(lambda: (False, -inf))
    for row in report.detections:
        strength[row.frame] = max(strength[row.frame], rank(row))
    if not strength:
        largest = max(report.faces, key=_area, default=None)
        return [] if largest is None else [largest.frame]
    ranked = sorted(strength, key=lambda frame: strength[frame], reverse=True)
    last = max(report.media.frames or 0, *strength)
    chosen: list[int] = []
    for distance in (APART * last, 1):
        for frame in ranked:
            if len(chosen) < count and all(abs(frame - other) >= distance for other in chosen):
                chosen.append(frame)
    return sorted(chosen)


def _still(frame: Frame, report: Report) -> Still:
    """Reduced first and marked then, so that labels stay readable."""
    is_video = report.media.kind == "video"
    side = FRAME_SIDE if is_video else PICTURE_SIDE
    height, width = frame.image.shape[:2]
    scale = min(1.0, side / max(width, height))
    image = frame.image
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    rows = sorted(
        (row for row in report.detections if row.frame == frame.index), key=lambda row: -row.llr
    )
    painter = Painter(
        image.shape[1],
        image.shape[0],
        None,
        report.families,
        report_colors(report),
        numbered=several_faces(report),
        across=FRAME_ACROSS if is_video else PICTURE_ACROSS,
    )
    marked = painter.paint(
        image,
        [
            replace(row, xyxy=_scaled(row.xyxy, scale))
            for row in report.faces
            if row.frame == frame.index
        ],
        [replace(row, xyxy=_scaled(row.xyxy, scale)) for row in rows],
    )
    return Still(
        frame.index, frame.time, _jpeg(marked), marked.shape[1], marked.shape[0], tuple(rows)
    )


def _jpeg(image: Image) -> bytes:
    for quality in QUALITIES:
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(data) <= MAX_BYTES:
            break
    return data


def _scaled(
    xyxy: tuple[float, float, float, float], scale: float
) -> tuple[float, float, float, float]:
    left, top, right, bottom = (value * scale for value in xyxy)
    return left, top, right, bottom


def _area(face: FaceRow) -> float:
    left, top, right, bottom = face.xyxy
    return (right - left) * (bottom - top)

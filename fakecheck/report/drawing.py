"""Boxes, labels and a verdict on a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fakecheck.report.tiles import Color, banner_tile, colors_of, label_tile
from fakecheck.types import DetectionRow, FaceRow, FamilyScore, Image, Verdict

# Below this longer side, in pixels, a picture is enlarged so that labels can be read.
MIN_SIDE = 480
# A longer side counts as so many of the shorter one for the size of what is written.
LONG = 1.6
# Best boxes that get a label; more would cover the picture.
MAX_LABELS = 16
# A covered label is as bad as this many times its area of covered picture.
LABEL_COST = 8
FACE_COLOR: Color = (205, 205, 205)
SHADE: Color = (25, 25, 25)
Point = tuple[int, int]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Tag:
    """A text on the canvas: its picture, its place, and the line that leads from it to its box."""

    tile: Image
    box: Box
    color: Color
    line: tuple[Point, Point] | None = None


def draw(
    image: Image,
    faces: Sequence[FaceRow],
    detections: Sequence[DetectionRow],
    verdict: Verdict | None,
    families: Sequence[FamilyScore] = (),
    numbered: bool = False,
    whose: str = "",
) -> Image:
    """`image` (height, width, 3) uint8 BGR with its faces and detections marked, as a new picture.

    A small picture is enlarged to a longer side of 480 pixels first. `verdict` adds a strip below
    the picture, so that nothing of it is covered, and says `whose` it is, where there are several
    faces. `numbered` faces get the numbers of their tracks.
    """
    colors = colors_of(families, [row.family for row in detections])
    painter = Painter(
        image.shape[1], image.shape[0], verdict, families, colors, numbered, whose=whose
    )
    return painter.paint(image, faces, detections)


class Painter:
    """Marks frames of one size alike: line widths, font, colours and the strip are chosen once.

    `colors` are those of all families that may occur in detections; `numbered` faces get the
    numbers of their tracks. `across` is how many heights of a letter go into the width, for frames
    that are shown smaller than they are; None fits the letters to the frame.
    """

    def __init__(
        self,
        width: int,
        height: int,
        verdict: Verdict | None,
        families: Sequence[FamilyScore],
        colors: Mapping[str, Color],
        numbered: bool = False,
        across: int | None = None,
        whose: str = "",
    ) -> None:
        self._numbered = numbered
        self.scale = max(1.0, MIN_SIDE / max(width, height))
        self.width = max(1, round(width * self.scale))
        self.height = max(1, round(height * self.scale))
        # Of a long screenshot, what can be looked at in one piece.
        longer = min(max(self.width, self.height), LONG * min(self.width, self.height))
        self._line = max(2, round(longer / 400))
        self._font = max(14, round(self.width / across if across else longer / 62))
        self._colors = colors
        self._strip = None
        if verdict is not None:
            size = max(14, round(longer / 48))
            self._strip = banner_tile(self.width, size, verdict, tuple(families), whose)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels of what paint() returns."""
        strip = 0 if self._strip is None else self._strip.shape[0]
        return self.width, self.height + strip

    def paint(
        self, image: Image, faces: Sequence[FaceRow], detections: Sequence[DetectionRow]
    ) -> Image:
        """A marked copy of `image`, whose size must be the one that this painter was made for."""
        if image.shape[1::-1] == (self.width, self.height):
            canvas = image.copy()
        else:
            size = (self.width, self.height)
            resized = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
            canvas = resized.astype(np.uint8, copy=False)
        for face in faces:
            _outline(canvas, self._box(face.xyxy), FACE_COLOR, max(1, self._line // 2))
        ranked = sorted(detections, key=lambda row: row.llr, reverse=True)
        # The best last, so that it lies on top.
        for row in reversed(ranked):
            _outline(canvas, self._box(row.xyxy), self._colors[row.family], self._line)
        tags = [self._number(face) for face in faces] if self._numbered else []
        boxes = [self._box(row.xyxy) for row in ranked]
        for row in ranked[:MAX_LABELS]:
            tags.append(self._label(row, boxes, faces, [tag.box for tag in tags]))
        for tag in tags:
            if tag.line is not None:
                _lead(canvas, tag.line, tag.color, max(2, self._line // 2))
        for tag in tags:
            left, top, right, bottom = tag.box
            canvas[top:bottom, left:right] = tag.tile[: bottom - top]
        if self._strip is not None:
            canvas = np.vstack([canvas, self._strip])
        return np.ascontiguousarray(canvas)

    def _number(self, face: FaceRow) -> Tag:
        """A face's number in the upper right corner of its box, or above a small one."""
        text = "?" if face.track is None else f"face {face.track}"
        tile = label_tile(text, self._font, FACE_COLOR, self.width)
        height, width = min(tile.shape[0], self.height), tile.shape[1]
        left, top, right, _ = self._box(face.xyxy)
        if 2 * width > right - left:
            top -= height
        x = max(0, min(right - width, self.width - width))
        y = max(0, min(top, self.height - height))
        return Tag(tile, (x, y, x + width, y + height), FACE_COLOR)

    def _label(
        self,
        row: DetectionRow,
        boxes: Sequence[Box],
        faces: Sequence[FaceRow],
        placed: Sequence[Box],
    ) -> Tag:
        """A box's label, led to the box by a line where it had to be put elsewhere."""
        text, color = f"{row.artifact} {row.score:.2f}", self._colors[row.family]
        tile = label_tile(text, self._font, color, self.width)
        height, width = tile.shape[:2]
        height = min(height, self.height)
        box = self._box(row.xyxy)
        others = [other for other in boxes if _shared(box, other) < _area(box)]
        # On another face it would pass for that one's.
        taken = [*placed, *(self._box(face.xyxy) for face in faces if face.track != row.track)]
        canvas_size = (self.width, self.height)
        x, y = place_label(box, (width, height), canvas_size, self._line, taken, others)
        label = (x, y, x + width, y + height)
        return Tag(tile, label, color, leader(label, box))

    def _box(self, xyxy: Sequence[float]) -> Box:
        left, top, right, bottom = (round(float(value) * self.scale) for value in xyxy)
        return left, top, right, bottom


def place_label(
    box: Box,
    size: tuple[int, int],
    canvas: tuple[int, int],
    line: int,
    placed: Sequence[Box],
    boxes: Sequence[Box] = (),
) -> tuple[int, int]:
    """Left top corner of a label of `size` for `box`, inside the canvas.

    Where it covers nothing of what is `placed`, other labels and other faces, and of other `boxes`,
    or else the least: above the box rather than below, beside, inside, or some steps away.
    """
    left, top, right, bottom = box
    width, height = size
    edge = (line + 1) // 2
    above, below = top - edge - height, bottom + edge
    spots = [
        *((x, y) for y in (above, below) for x in (left - edge, right + edge - width)),
        *((x, y) for y in (top, bottom - height) for x in (right + edge, left - edge - width)),
        *((left + edge, y) for y in (top + edge, bottom - edge - height)),
    ]
    for step in range(1, 5):
        away = edge + step * (height + 1)
        spots += [(left - edge, top - away - height), (left - edge, bottom + away)]
    best, least = (0, 0), float("inf")
    for wanted_x, wanted_y in spots:
        x = max(0, min(wanted_x, canvas[0] - width))
        y = max(0, min(wanted_y, canvas[1] - height))
        label = (x, y, x + width, y + height)
        cost = sum(LABEL_COST * _shared(label, other) for other in placed)
        cost += sum(_shared(label, other) for other in boxes)
        if cost < least:
            best, least = (x, y), cost
    return best


def leader(label: Box, box: Box) -> tuple[Point, Point] | None:
    """From `label` to `box` the shortest line, None where they are no further apart than a line of
    text.
    """
    spans = [(label[n], label[n + 2], box[n], box[n + 2]) for n in (0, 1)]
    (x0, x1), (y0, y1) = (_nearest(*span) for span in spans)
    if math.hypot(x1 - x0, y1 - y0) <= label[3] - label[1]:
        return None
    return (x0, y0), (x1, y1)


def _nearest(start: int, end: int, other_start: int, other_end: int) -> tuple[int, int]:
    """A number of the first range and one of the second that are as near as can be."""
    if end < other_start:
        return end, other_start
    if other_end < start:
        return start, other_end
    middle = (max(start, other_start) + min(end, other_end)) // 2
    return middle, middle


def _shared(first: Box, second: Box) -> int:
    """Area in pixels that two boxes share."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(0, width) * max(0, height)


def _area(box: Box) -> int:
    return max(1, (box[2] - box[0]) * (box[3] - box[1]))


def _lead(canvas: Image, line: tuple[Point, Point], color: Color, thickness: int) -> None:
    """A line with a dark rim, which shows on any ground."""
    for shade, width in ((SHADE, thickness + 2), (color, thickness)):
        cv2.line(canvas, *line, shade[::-1], width, cv2.LINE_AA)


def _outline(canvas: Image, box: Box, color: Color, line: int) -> None:
    """A frame with a dark rim, which shows on any ground; kept visible at the canvas' edge."""
    height, width = canvas.shape[:2]
    inset = (line + 1) // 2
    left, right = (max(inset, min(value, width - 1 - inset)) for value in box[::2])
    top, bottom = (max(inset, min(value, height - 1 - inset)) for value in box[1::2])
    for shade, thickness in ((SHADE, line + 2), (color, line)):
        cv2.rectangle(canvas, (left, top), (right, bottom), shade[::-1], thickness)

"""`--timeline`: what is said of a clip over its seconds, as a PNG."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

from PIL import Image as PillowImage
from PIL import ImageDraw

from fakecheck import __version__
from fakecheck.errors import OutputError
from fakecheck.files import atomic_path
from fakecheck.report.catalogue import Words
from fakecheck.report.percent import digits_of, percent
from fakecheck.report.plot import Curve, Lane, Plot, Point, Rect, plot
from fakecheck.report.tiles import VERDICT_COLORS, Color, font_of, ink, shortened
from fakecheck.types import Report

WIDTH = 960
# Drawn four times as large and reduced to twice: Pillow's lines have no smooth edges of their own.
DRAWN, WRITTEN = 4, 2
HEAD, FOOT, FOOT_LINE = 64, 46, 19
TEXT, FAINT, GRID = (32, 33, 36), (95, 99, 104), (225, 227, 230)
SPAN: Color = (255, 233, 213)
DOUBT: Color = (238, 239, 242)
LIMIT: Color = (166, 60, 0)
# Solid, dashed, dotted, and mixed: pixels drawn and left out. Told apart without colours.
DASHES: tuple[tuple[float, ...], ...] = ((), (8, 4), (2, 3), (10, 3, 2, 3), (4, 6))
SHADES: tuple[Color, ...] = (
    (20, 20, 24),
    (70, 72, 80),
    (70, 72, 80),
    (110, 112, 120),
    (110, 112, 120),
)


def write_timeline(report: Report, path: Path) -> None:
    """Writes the timeline of a clip to the .png `path`, 1920 pixels wide. Raises OutputError."""
    if path.suffix.lower() != ".png":
        raise OutputError(f"{path}: a timeline must end in .png")
    with atomic_path(path) as temporary:
        _paint(report).save(temporary, format="PNG", optimize=True)


def _paint(report: Report) -> PillowImage.Image:
    shapes = plot(report, WIDTH)
    foot = FOOT + (FOOT_LINE if shapes.bare else 0)
    size = (WIDTH * DRAWN, round((HEAD + shapes.height + foot) * DRAWN))
    image = PillowImage.new("RGB", size, (255, 255, 255))
    pen = _Pen(ImageDraw.Draw(image))
    words = Words("en")
    _head(pen, report)
    pen.down(HEAD)
    _ground(pen, shapes, report, words)
    for lane in shapes.lanes:
        _lane(pen, lane, words)
    for curve in reversed(shapes.curves):
        _curve(pen, curve, words)
    if not shapes.curves:
        middle = (shapes.area.x + shapes.area.width / 2, shapes.area.y + shapes.area.height * 3 / 8)
        pen.text(middle, words("video.empty"), 14, FAINT, "mm")
    pen.down(shapes.height)
    _foot(pen, shapes, words)
    return image.reduce(DRAWN // WRITTEN)


class _Pen:
    """Draws in pixels of the plot on the larger canvas."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw
        self._top = 0.0

    def down(self, step: float) -> None:
        """What comes next is drawn so many pixels further down."""
        self._top += step

    def _at(self, x: float, y: float) -> Point:
        return x * DRAWN, (y + self._top) * DRAWN

    def rect(self, rect: Rect, color: Color, edge: Color | None = None) -> None:
        box = (*self._at(rect.x, rect.y), *self._at(rect.x + rect.width, rect.y + rect.height))
        self._draw.rectangle(box, fill=color, outline=edge, width=DRAWN // 2)

    def line(self, points: tuple[Point, ...], color: Color, width: float) -> None:
        scaled = [self._at(x, y) for x, y in points]
        self._draw.line(scaled, fill=color, width=round(width * DRAWN), joint="curve")

    def dot(self, point: Point, radius: float, color: Color) -> None:
        x, y = self._at(*point)
        reach = radius * DRAWN
        self._draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=color)

    def text(self, at: Point, text: str, size: int, color: Color, anchor: str = "ls") -> float:
        """Writes `text` with a white rim and gives its width in pixels."""
        face = font_of(size * DRAWN)
        self._draw.text(
            self._at(*at),
            text,
            font=face,
            fill=color,
            anchor=anchor,
            stroke_width=DRAWN,
            stroke_fill=(255, 255, 255),
        )
        return face.getlength(text) / DRAWN

    def label(self, at: Point, text: str, size: int, fill: Color) -> float:
        """Writes `text` on a filled box and gives its width in pixels."""
        face = font_of(size * DRAWN)
        width = face.getlength(text) / DRAWN + size
        x, y = at
        box = (*self._at(x, y - size * 0.75), *self._at(x + width, y + size * 0.75))
        self._draw.rounded_rectangle(box, radius=3 * DRAWN, fill=fill)
        middle = self._at(x + width / 2, y)
        self._draw.text(middle, text, font=face, fill=ink(fill), anchor="mm", stroke_width=1)
        return width


def _head(pen: _Pen, report: Report) -> None:
    verdict = report.verdict
    x = 16 + pen.label((16, 22), verdict.label.upper(), 16, VERDICT_COLORS[verdict.label]) + 12
    if verdict.probability is not None:
        line = f"{percent(verdict.probability, digits_of(verdict))} probability of fake"
        pen.text((x, 22), line, 16, TEXT, "lm")
    # The built-in font has no other letters; the sum names the file in any script.
    name = Path(report.media.path).name
    name = name if all(" " <= char <= "ÿ" for char in name) else "clip"
    about = f"{name} · sha256 {report.media.sha256[:16]} · fakecheck {__version__}"
    room = (WIDTH - 32) * DRAWN
    pen.text((16, 48), shortened(about, font_of(12 * DRAWN), room), 12, FAINT, "lm")


def _ground(pen: _Pen, shapes: Plot, report: Report, words: Words) -> None:
    """What lies below the lines: shades, grid, axes, the threshold."""
    area = shapes.area
    right, bottom = area.x + area.width, area.y + area.height
    if shapes.doubt is not None:
        pen.rect(shapes.doubt, DOUBT)
    for span in shapes.spans:
        pen.rect(span, SPAN)
    for level in shapes.levels:
        pen.line(((area.x, level.place), (right, level.place)), GRID, 1)
        pen.text((area.x - 6, level.place), level.text, 11, FAINT, "rm")
    for tick in shapes.times:
        pen.line(((tick.place, bottom), (tick.place, bottom + 4)), FAINT, 1)
        pen.text((tick.place, bottom + 17), tick.text, 11, FAINT, "ms")
    unit = words("video.clock") if shapes.in_minutes else words("video.seconds")
    pen.text((right + 54, bottom + 31), unit, 11, FAINT, "rs")
    pen.line(((area.x, bottom), (right, bottom)), FAINT, 1)
    if shapes.threshold is not None and report.verdict.threshold is not None:
        ends = ((area.x, shapes.threshold), (right, shapes.threshold))
        for part in _dashed(ends, (6, 4)):
            pen.line(part, LIMIT, 1.25)
        limit = words.threshold(report.verdict.threshold, digits_of(report.verdict))
        text = words("video.threshold", threshold=limit)
        pen.text((area.x + 6, shapes.threshold + 14), text, 11, LIMIT)


def _lane(pen: _Pen, lane: Lane, words: Words) -> None:
    area = lane.area
    swatch = Rect(lane.title[0], lane.title[1] - 9, 10, 10)
    pen.rect(swatch, lane.color, FAINT)
    pen.text((lane.title[0] + 15, lane.title[1]), words.family(lane.family), 12, TEXT)
    for bar in lane.bars:
        pen.rect(bar, lane.color, FAINT if bar.width > 3 else None)
    bottom = area.y + area.height
    pen.line(((area.x, bottom), (area.x + area.width, bottom)), FAINT, 0.75)


def _curve(pen: _Pen, curve: Curve, words: Words) -> None:
    color, dashes = SHADES[curve.rank], DASHES[curve.rank]
    width = 2.0 if curve.rank == 0 else 1.5
    for run in curve.runs:
        for part in _dashed(run, dashes) if dashes else [run]:
            pen.line(part, color, width)
        if len(run) == 1 or curve.points <= 60:
            for point in run:
                pen.dot(point, width * 1.25, color)
    pen.text(curve.label, words.face(curve.track), 12, color, "lm")


def _dashed(points: tuple[Point, ...], dashes: tuple[float, ...]) -> list[tuple[Point, ...]]:
    """The parts of a broken line that are drawn, `dashes` pixels on and off in turn."""
    parts: list[tuple[Point, ...]] = []
    number, left, drawn = 0, dashes[0], [points[0]]
    for (x0, y0), (x1, y1) in pairwise(points):
        length, done = math.hypot(x1 - x0, y1 - y0), 0.0
        while length - done > left:
            done += left
            at = (x0 + (x1 - x0) * done / length, y0 + (y1 - y0) * done / length)
            if number % 2 == 0:
                parts.append((*drawn, at))
            number, drawn = number + 1, [at]
            left = dashes[number % len(dashes)]
        left -= length - done
        drawn.append((x1, y1))
    if number % 2 == 0 and len(drawn) > 1:
        parts.append(tuple(drawn))
    return parts


def _foot(pen: _Pen, shapes: Plot, words: Words) -> None:
    x = 16.0
    entries = []
    if shapes.spans:
        entries.append((SPAN, words("video.legend_span")))
    if shapes.doubt is not None:
        entries.append((DOUBT, words("video.legend_doubt")))
    for color, text in entries:
        pen.rect(Rect(x, 9, 14, 11), color, FAINT)
        x += 20 + pen.text((x + 20, 19), text, 12, TEXT) + 20
    if shapes.left_out:
        pen.text((x, 19), words("video.more_faces", count=shapes.left_out), 12, TEXT)
    if shapes.lanes:
        pen.text((16, 38), words("video.legend_lanes"), 12, FAINT)
    if shapes.bare:
        families = ", ".join(words.family(family) for family in shapes.bare)
        line = words("video.bare", families=families)
        room = (WIDTH - 32) * DRAWN
        pen.text((16, 38 + FOOT_LINE), shortened(line, font_of(12 * DRAWN), room), 12, FAINT)

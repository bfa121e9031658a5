"""Text and colours for marked pictures: small pictures with text on them, rendered once each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from zlib import crc32

import cv2
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from fakecheck.report.percent import digits_of, limit_percent, percent
from fakecheck.types import FamilyScore, Image, Label, Report, Verdict
from fakecheck.verdict import rate_percent

Color = tuple[int, int, int]  # red, green, blue

# Told apart with every kind of colour vision: seven of Okabe and Ito, "Color Universal Design"
# (2008), and three of Paul Tol's "muted" scheme (2021) that are unlike them.
PALETTE: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (51, 34, 136),
    (136, 34, 85),
    (153, 153, 51),
)
VERDICT_COLORS: dict[Label, Color] = {
    "fake": (213, 94, 0),
    "real": (0, 158, 115),
    "inconclusive": (130, 130, 130),
}
WHITE: Color = (255, 255, 255)
BLACK: Color = (0, 0, 0)
GREY: Color = (165, 165, 165)
STRIP: Color = (24, 24, 27)
MIN_FONT = 10
NO_PROOF = "evidence, not proof: about {rate} of real files are called fake"


@dataclass(frozen=True)
class Piece:
    """A run of text in the banner; `fill` puts a filled box behind it, `dot` one before it."""

    text: str
    color: Color = WHITE
    fill: Color | None = None
    dot: Color | None = None


def family_colors(families: Iterable[str]) -> dict[str, Color]:
    """A colour for every family: mostly the same on every picture, and within one picture distinct
    as long as there are colours.
    """
    taken: dict[int, str] = {}
    colors = {}
    for family in sorted(set(families)):
        slot = crc32(family.encode()) % len(PALETTE)
        for step in range(len(PALETTE)):
            if (slot + step) % len(PALETTE) not in taken:
                slot = (slot + step) % len(PALETTE)
                break
        taken[slot] = family
        colors[family] = PALETTE[slot]
    return colors


def colors_of(families: Sequence[FamilyScore], others: Iterable[str]) -> dict[str, Color]:
    """Those of a report's `families`, and of `others`, which do not change these."""
    return {**family_colors(others), **family_colors(row.family for row in families)}


def report_colors(report: Report) -> dict[str, Color]:
    """The colours of all families in a report, the same wherever it is drawn."""
    others = {row.family for row in report.detections}
    others |= {family for moment in report.timeline for family in moment.families}
    return colors_of(report.families, others)


def ink(background: Color) -> Color:
    """Black or white, whichever is easier to read on `background` (luma of ITU-R BT.601)."""
    red, green, blue = background
    return BLACK if 0.299 * red + 0.587 * green + 0.114 * blue > 125 else WHITE


@lru_cache(maxsize=1024)
def label_tile(text: str, size: int, background: Color, max_width: int) -> Image:
    """`text` on a filled box: (height, width, 3) BGR, at most `max_width` wide."""
    font = font_of(size)
    pad = max(2, size // 4)
    text = shortened(text, font, max_width - 2 * pad)
    width = min(max_width, round(font.getlength(text)) + 2 * pad)
    height = round(size * 1.35)
    tile = PillowImage.new("RGB", (max(1, width), height), background)
    draw = ImageDraw.Draw(tile)
    draw.text((pad, height / 2), text, font=font, fill=ink(background), anchor="lm")
    return _bgr(tile)


@lru_cache(maxsize=8)
def banner_tile(
    width: int, size: int, verdict: Verdict, families: tuple[FamilyScore, ...], whose: str = ""
) -> Image:
    """The strip under a picture: (height, `width`, 3) BGR with text of `size` pixels."""
    margin, step = round(size * 0.7), round(size * 1.7)
    rows: list[list[Piece]] = []
    for row in banner_rows(verdict, families, whose):
        if len(row) > 1 or row[0].dot or row[0].fill:
            rows.append(row)
        else:
            rows += [[line] for line in _wrapped(row[0], font_of(size), width - 2 * margin)]
    tile = PillowImage.new("RGB", (width, 2 * margin + step * len(rows) - step // 8), STRIP)
    draw = ImageDraw.Draw(tile)
    for number, row in enumerate(rows):
        middle = margin + step * number + step / 2 - step / 16
        _draw_row(draw, row, (margin, middle), width - 2 * margin, size)
    return _bgr(tile)


def banner_rows(
    verdict: Verdict, families: tuple[FamilyScore, ...], whose: str = ""
) -> list[list[Piece]]:
    """Rows of pieces, the most important first: what does not fit is left out from the end.

    `whose` is the face that the verdict goes by, where there are several.
    """
    color, digits = VERDICT_COLORS[verdict.label], digits_of(verdict)
    first = [Piece(verdict.label.upper(), ink(color), fill=color)]
    if verdict.probability is not None:
        first.append(Piece(f"{percent(verdict.probability, digits)} probability of fake"))
    if whose:
        first.append(Piece(whose))
    if verdict.threshold is not None:
        limit = limit_percent(verdict.threshold, digits)
        if verdict.real_below is None:
            first.append(Piece(f"threshold {limit}", GREY))
        else:
            low = limit_percent(verdict.real_below, digits)
            first += [Piece(f"fake over {limit}", GREY), Piece(f"real under {low}", GREY)]
    ranked = sorted(families, key=lambda row: (-row.probability, row.family))[:4]
    if ranked and verdict.label == "fake":
        colors = family_colors(row.family for row in families)
        second = [
            Piece(f"{row.family} {percent(row.probability, digits)}", dot=colors[row.family])
            for row in ranked
        ]
    else:
        second = [Piece(verdict.reason, GREY)] if verdict.reason else []
    rows = [first, second] if second else [first]
    if verdict.label != "fake":
        return rows
    return [*rows, [Piece(NO_PROOF.format(rate=rate_percent(verdict.false_alarm_rate)), GREY)]]


def _draw_row(
    draw: ImageDraw.ImageDraw,
    row: list[Piece],
    start: tuple[float, float],
    room: float,
    size: int,
) -> None:
    """The pieces from left to right: smaller where two do not fit, then fewer, then shortened."""
    while _row_width(row[:2], size) > room and size > MIN_FONT:
        size -= 1
    font = font_of(size)
    while len(row) > 1 and _row_width(row, size) > room:
        row = row[:-1]
    x, y = start
    end = x + room
    for piece in row:
        advance = _piece_width(piece, size)
        if piece.fill:
            box = (x, y - size * 0.72, max(x, min(x + advance, end)), y + size * 0.72)
            draw.rounded_rectangle(box, radius=size * 0.25, fill=piece.fill)
        if piece.dot:
            box = (x, y - size * 0.32, x + size * 0.64, y + size * 0.32)
            draw.rounded_rectangle(box, radius=size * 0.12, fill=piece.dot)
        offset = size * 0.5 if piece.fill else size * 0.95 if piece.dot else 0.0
        # A filled piece is the headline: its stroke stands in for a bold cut of the font.
        bold = size / 28 if piece.fill else 0
        text = shortened(piece.text, font, end - x - offset)
        draw.text(
            (x + offset, y), text, font=font, fill=piece.color, anchor="lm", stroke_width=bold
        )
        x += advance + _gap(size)


def _gap(size: int) -> float:
    return size * 0.9


def _row_width(row: list[Piece], size: int) -> float:
    return sum(_piece_width(piece, size) for piece in row) + _gap(size) * (len(row) - 1)


def _piece_width(piece: Piece, size: int) -> float:
    extra = size * (1.0 if piece.fill else 0.95 if piece.dot else 0.0)
    return font_of(size).getlength(piece.text) + extra


def shortened(text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """`text`, or as much of it with "..." after it as fits in `room` pixels."""
    text = " ".join(text.split())
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + "...") > room:
        text = text[:-1]
    return text.rstrip() + "..." if text else ""


def _wrapped(piece: Piece, font: ImageFont.FreeTypeFont, room: float) -> list[Piece]:
    """`piece` in lines that fit in `room` pixels; the third takes the rest, shortened."""
    lines = [""]
    for word in piece.text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if len(lines) == 3 or not lines[-1] or font.getlength(longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    lines[-1] = shortened(lines[-1], font, room)
    return [replace(piece, text=line) for line in lines]


@lru_cache(maxsize=64)
def font_of(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType")
    return font


def _bgr(tile: PillowImage.Image) -> Image:
    return np.asarray(cv2.cvtColor(np.asarray(tile), cv2.COLOR_RGB2BGR), dtype=np.uint8)

"""What a page says of one file: the sentences and numbers that its template sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fakecheck.report.catalogue import Words
from fakecheck.report.moments import (
    ranked_faces,
    ranked_families,
    several_faces,
    strongest_boxes,
    unjudged_faces,
    worst_face,
)
from fakecheck.report.percent import digits_of
from fakecheck.report.plot import Plot, plot
from fakecheck.report.record import visible
from fakecheck.report.stills import Still
from fakecheck.report.tiles import Color, report_colors
from fakecheck.report.troubles import of_file
from fakecheck.types import DetectionRow, Report
from fakecheck.verdict import EVEN, rate_percent

MAX_BOXES = 20
MAX_SPANS = 12
MAX_FACES = 12
# Boxes that the line under a picture names.
MAX_NAMED = 4
# Pixels: the widths of the page's text and of a phone's.
WIDE, NARROW = 860, 340


@dataclass(frozen=True)
class Figure:
    """A marked picture with its line and its description in words."""

    still: Still
    caption: str
    alt: str


@dataclass(frozen=True)
class FamilyView:
    """A family with its share of the probability, `width` in percent of a bar."""

    word: str
    color: str
    probability: float
    width: float


def file_view(
    report: Report, words: Words, stills: Sequence[Still], size: int | None, left_out: bool
) -> dict[str, Any]:
    """The fields of the template `file.html`; `left_out` says that there were too many stills."""
    is_video = report.media.kind == "video"
    boxes = strongest_boxes(report, MAX_BOXES)
    colors = {name: hex_color(color) for name, color in report_colors(report).items()}
    charts = _charts(report) if is_video else []
    bare = charts[0][1].bare if charts else ()
    return {
        "report": report,
        "errors": of_file(report),
        "digits": digits_of(report.verdict),
        "digits_of": digits_of,
        "is_video": is_video,
        "title": words(f"verdict.{_case(report)}.title"),
        "means": _means(report, words),
        "whose": _whose(report, words),
        "unjudged": unjudged_faces(report),
        "not_meant": words(f"verdict.{_case(report)}.not", **_rates(report)),
        "spans": _spans(report, words),
        "faces": ranked_faces(report)[:MAX_FACES],
        "more_faces": max(0, len(report.face_verdicts) - MAX_FACES),
        "charts": charts,
        "bare": ", ".join(words.family(family) for family in bare),
        "summary": _summary(report, words),
        "figures": [_figure(still, is_video, words) for still in stills],
        "left_out": left_out,
        "families": [
            FamilyView(row.family, colors[row.family], row.probability, 100 * row.probability)
            for row in ranked_families(report)
        ],
        "boxes": boxes,
        "several": several_faces(report),
        "more_boxes": len(report.detections) - len(boxes),
        "colors": colors,
        "size": size,
        "visible": visible,
        "place": _place,
        "hex": hex_color,
    }


def hex_color(color: Color) -> str:
    """A colour as CSS and SVG write it."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def _case(report: Report) -> str:
    return "nothing" if report.verdict.unjudged else report.verdict.label


def _means(report: Report, words: Words) -> str:
    """Built from the numbers, not from the verdict's own sentence, which is English."""
    case = _case(report)
    if case == "nothing":
        cause = f"verdict.nothing.{report.verdict.unjudged}"
        if report.verdict.unjudged == "no_face" and report.media.kind == "video":
            cause += "_video"
        sides = [max(f.xyxy[2] - f.xyxy[0], f.xyxy[3] - f.xyxy[1]) for f in report.faces]
        return words(cause, pixels=round(max(sides, default=0)))
    ranked = ranked_families(report)
    # Between the two limits lies both what is likelier than not and what is not.
    few = case == "inconclusive" and (report.verdict.probability or 0) < EVEN
    return words(
        f"verdict.{case}.{'few_' if few else ''}{report.media.kind}",
        **_rates(report),
        **(
            {"known": ", ".join(words.family(row.family) for row in ranked)}
            if case == "real"
            else {"family": words.family(ranked[0].family) if ranked else "?"}
        ),
    )


def _rates(report: Report) -> dict[str, str]:
    """Of the real files that the limit was set by: `rate` are over it, `most` under."""
    rate = report.verdict.false_alarm_rate
    return {"rate": rate_percent(rate), "most": rate_percent(1 - rate)}


def _whose(report: Report, words: Words) -> str:
    """Whose verdict the file's is, where there are several faces."""
    worst, count = worst_face(report), len(report.face_verdicts)
    if worst is None or not several_faces(report):
        return ""
    key = "faces.whose" if count > 1 else "faces.only"
    return words(key, face=words.face(worst.track), count=count)


def _spans(report: Report, words: Words) -> list[str]:
    """The seconds that carried the verdict, the face named where there are several."""
    several = len(report.face_verdicts) > 1
    parts = []
    for span in report.spans[:MAX_SPANS]:
        time = words.time(span.start, span.end)
        face = words.face(span.track)
        parts.append(words("video.span", time=time, face=face) if several else time)
    if len(report.spans) > MAX_SPANS:
        parts.append(words("video.more_spans", count=len(report.spans) - MAX_SPANS))
    return parts


def _charts(report: Report) -> list[tuple[str, Plot]]:
    """The timeline for wide pages and paper, and for phones."""
    return [("wide", plot(report, WIDE)), ("narrow", plot(report, NARROW))]


def _summary(report: Report, words: Words) -> str:
    """The timeline in words, for those who do not see it."""
    if not report.timeline:
        return words("video.empty")
    worst = worst_face(report)
    own = [m for m in report.timeline if worst is None or m.track == worst.track]
    peak = max(own or report.timeline, key=lambda moment: moment.probability)
    text = words(
        "video.alt_peak",
        probability=words.percent(peak.probability),
        face=words.face(peak.track),
        time=words.time(peak.time),
    )
    spans = _spans(report, words)
    return f"{text} {words('video.alt_spans', spans=', '.join(spans))}" if spans else text


def _figure(still: Still, is_video: bool, words: Words) -> Figure:
    names = list(dict.fromkeys(words.artifact(row.artifact) for row in still.boxes))
    more = len(names) - MAX_NAMED
    named = ", ".join(names[:MAX_NAMED]) + (" …" if more > 0 else "")
    boxes = named or words("frames.no_box")
    if not is_video:
        alt, caption = words("frames.alt_image"), words("frames.caption_image", boxes=boxes)
        return Figure(still, caption, f"{alt}. {caption}")
    time = "?" if still.time is None else words.time(still.time)
    caption = words("frames.caption_video", time=time, frame=still.frame, boxes=boxes)
    alt = words("frames.alt_video", time=time)
    return Figure(still, caption, f"{alt}. {words('frames.caption_image', boxes=boxes)}")


def _place(row: DetectionRow) -> str:
    left, top, right, bottom = (round(value) for value in row.xyxy)
    return f"{left}, {top} – {right}, {bottom}"

"""A report as a terminal shows it; reads as well without colour, at 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fakecheck import __version__
from fakecheck.report.moments import (
    clock,
    in_seconds,
    ranked_faces,
    ranked_families,
    several_faces,
    stretch,
    strongest_boxes,
    window_looked_at,
    worst_face,
)
from fakecheck.report.percent import digits_of
from fakecheck.report.record import visible
from fakecheck.types import DetectionRow, FaceRow, Label, Report

MAX_ROWS = 12
MAX_FAMILIES = 6
MAX_SPANS = 6
VERDICT_STYLES: dict[Label, str] = {
    "fake": "bold red",
    "real": "bold green",
    "inconclusive": "bold yellow",
}


def render(
    report: Report, console: Console, show_faces: bool = False, verbose: bool = False
) -> None:
    """Prints `report` on `console`: verdict, families, the best boxes, faces if wanted, errors.

    `verbose` shows every row, the file's details and the detectors' versions. Texts from outside,
    such as the file's name, are never read as markup.
    """
    is_video = report.media.kind == "video"
    # Not wrapped, so that it can be copied.
    console.print(Text(visible(report.media.path), style="bold"), soft_wrap=True)
    for line in _details(report, verbose):
        console.print(Padding(line, (0, 0, 0, 2), expand=False))
    tables = []
    if report.families:
        tables.append(_families_table(report, verbose))
    if report.detections:
        tables.append(_boxes_table(report, verbose))
    if show_faces and report.faces:
        tables.append(_faces_table(report.faces, is_video, verbose))
    for table, more in tables:
        console.print()
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
        if more:
            console.print(Text(f"    and {more} more", style="dim"))
    if show_faces and not report.faces:
        console.print(Text("  no faces were found"))
    if report.errors:
        console.print()
        for error in report.errors:
            where = f"{error.stage}, {error.detector}" if error.detector else error.stage
            line = Text.assemble(("error ", "bold red"), f"({where}): {visible(error.message)}")
            console.print(Padding(line, (0, 0, 0, 2), expand=False))


def _details(report: Report, verbose: bool) -> list[Text]:
    verdict, media = report.verdict, report.media
    # Of a fraction, not of percent.
    digits = 2 + digits_of(verdict, least=1)
    parts: list[str | tuple[str, str]] = [
        (verdict.label.upper(), VERDICT_STYLES[verdict.label]),
    ]
    if verdict.probability is not None:
        parts.append(f"  probability of fake {verdict.probability:.{digits}f}")
    if verdict.threshold is not None:
        limit = f"{verdict.threshold:.{digits}f}"
        if verdict.real_below is None:
            parts.append(f"  (threshold {limit})")
        else:
            parts.append(f"  (real under {verdict.real_below:.{digits}f}, fake over {limit})")
    lines = [Text.assemble(*parts)]
    if verdict.reason:
        lines.append(Text(visible(verdict.reason)))
    lines += _over_time(report, verbose)
    if (looked := _looked_at(report)) is not None:
        lines.append(looked)
    if verbose:
        about = f"{media.kind}, {media.width} x {media.height}"
        if media.kind == "video":
            about += f", {media.frames if media.frames is not None else 'unknown number of'} frames"
            about += "" if media.duration is None else f", {media.duration:.2f} s"
        lines.append(Text(about, style="dim"))
        lines.append(Text(f"sha256 {media.sha256}", style="dim"))
        detectors = sorted(report.detector_versions.items())
        versions = ", ".join(f"{name} {version}" for name, version in detectors)
        lines.append(Text(f"fakecheck {__version__}; {versions or 'no detectors'}", "dim"))
    return lines


def _looked_at(report: Report) -> Text | None:
    """How much of a clip the verdict is on."""
    looked, media = report.looked_at, report.media
    if looked is None:
        return None
    total = "" if media.frames is None else f" of {media.frames}"
    parts = [f"looked at {looked.frames}{total} frames"]
    if window := window_looked_at(report):
        start, end = window
        until = "the end" if end is None else clock(end)
        unit = " s" if end is not None and in_seconds(end) else ""
        parts.append(f"only from {clock(start)} to {until}{unit}")
    return Text(", ".join(parts), style="dim")


def _over_time(report: Report, verbose: bool) -> list[Text]:
    """Which face is the worst, what the others are, and the seconds that carried the verdict."""
    lines = []
    worst, others = worst_face(report), len(report.face_verdicts) - 1
    if worst is not None and others:
        line = Text(f"worst of {others + 1} faces: {_face(worst.track)}, ")
        line.append(worst.label.upper(), VERDICT_STYLES[worst.label])
        lines.append(line.append(f" {worst.probability:.3f}"))
        if verbose:
            for row in ranked_faces(report)[1:]:
                score = "not judged" if row.probability is None else f"{row.probability:.3f}"
                lines.append(Text(f"{_face(row.track)}: {row.label} {score}", style="dim"))
    if report.spans:
        shown = report.spans if verbose else report.spans[:MAX_SPANS]
        parts = [
            f"{stretch(span.start, span.end)}{' s' if in_seconds(span.end) else ''} "
            f"({_face(span.track)})"
            for span in shown
        ]
        if len(shown) < len(report.spans):
            parts.append(f"and {len(report.spans) - len(shown)} more")
        lines.append(Text(f"carried by {', '.join(parts)}"))
    return lines


def _face(track: int | None) -> str:
    return "the whole frame" if track is None else f"face {track}"


def _table(*columns: tuple[str, bool]) -> Table:
    """An empty table; each column has a title and whether it holds numbers."""
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1), collapse_padding=True
    )
    for title, numeric in columns:
        table.add_column(
            title, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold"
        )
    return table


def _families_table(report: Report, verbose: bool) -> tuple[Table, int]:
    ranked = ranked_families(report)
    shown = ranked if verbose else ranked[:MAX_FAMILIES]
    table = _table(("family", False), ("probability", True))
    for row in shown:
        table.add_row(Text(visible(row.family)), f"{row.probability:.3f}")
    return table, len(ranked) - len(shown)


def _boxes_table(report: Report, verbose: bool) -> tuple[Table, int]:
    rows, is_video, several = report.detections, report.media.kind == "video", several_faces(report)
    shown = strongest_boxes(report, len(rows) if verbose else MAX_ROWS)
    when = [("frame", True), ("time", True)] if is_video else []
    whose = [("face", True)] if several else []
    table = _table(
        ("artifact", False),
        ("family", False),
        ("detector", False),
        ("score", True),
        ("llr", True),
        *whose,
        *when,
        ("box", True),
    )
    for row in shown:
        moment = [str(row.frame), _time(row)] if is_video else []
        owner = ["" if row.track is None else str(row.track)] if several else []
        table.add_row(
            Text(visible(row.artifact)),
            Text(visible(row.family)),
            Text(visible(row.detector)),
            f"{row.score:.2f}",
            f"{row.llr:+.1f}",
            *owner,
            *moment,
            _where(row.xyxy),
        )
    return table, len(rows) - len(shown)


def _faces_table(rows: Sequence[FaceRow], is_video: bool, verbose: bool) -> tuple[Table, int]:
    shown = rows if verbose else rows[:MAX_ROWS]
    when = [("frame", True), ("face", True)] if is_video else []
    table = _table(*when, ("score", True), ("size", True), ("box of the face", True))
    for row in shown:
        size = max(row.xyxy[2] - row.xyxy[0], row.xyxy[3] - row.xyxy[1])
        track = "" if row.track is None else str(row.track)
        moment = [str(row.frame), track] if is_video else []
        table.add_row(*moment, f"{row.score:.2f}", f"{size:.0f} px", _where(row.xyxy))
    return table, len(rows) - len(shown)


def _time(row: DetectionRow) -> str:
    return "" if row.time is None else f"{row.time:.2f} s"


def _where(xyxy: Sequence[float]) -> str:
    left, top, right, bottom = (round(value) for value in xyxy)
    return f"{left},{top}-{right},{bottom}"

"""A report as a terminal shows it; reads as well without colour, at 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
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
    unjudged_faces,
    window_looked_at,
    worst_face,
)
from fakecheck.report.percent import digits_of
from fakecheck.report.record import visible
from fakecheck.report.troubles import of_file
from fakecheck.types import FALSE_ALARM_RATE, DetectionRow, FaceVerdict, Label, Report
from fakecheck.verdict import rate_percent

MAX_ROWS = 12
MAX_FAMILIES = 6
MAX_SPANS = 6
# Between two columns.
GAP = 2
# Columns of boxes that are left out where there is no room, the first of them first: words that
# are folded cannot be read.
SPARE = ("frame", "box", "detector", "llr", "time", "face", "score")
TEXTS = ("artifact", "family", "detector")
Columns = Mapping[str, Sequence[str]]
VERDICT_STYLES: dict[Label, str] = {
    "fake": "bold red",
    "real": "bold green",
    "inconclusive": "bold yellow",
}


def render(
    report: Report, console: Console, show_faces: bool = False, verbose: bool = False
) -> None:
    """Prints `report` on `console`: verdict, families, the best boxes, faces if wanted, errors of
    the file; those of the run are told once, on stderr.

    `verbose` shows every row, the file's details and the detectors' versions. Texts from outside,
    such as the file's name, are never read as markup.
    """
    # Not wrapped, so that it can be copied.
    console.print(Text(visible(report.media.path), style="bold"), soft_wrap=True)
    for line in _details(report, verbose):
        console.print(Padding(line, (0, 0, 0, 2), expand=False))
    tables, room = [], console.width - 2
    if report.families:
        tables.append(_families_table(report, room, verbose))
    if report.detections:
        tables.append(_boxes_table(report, room, verbose))
    if show_faces and report.faces:
        tables.append(_faces_table(report, room, verbose))
    for table, more in tables:
        console.print()
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
        if more:
            console.print(Text(f"    and {more} more", style="dim"))
    if show_faces and not report.faces:
        console.print(Text("  no faces were found"))
    if errors := of_file(report):
        console.print()
        for error in errors:
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
        other = verdict.false_alarm_rate != FALSE_ALARM_RATE
        asked = f", for {rate_percent(verdict.false_alarm_rate)} false alarms" if other else ""
        if verdict.real_below is None:
            parts.append(f"  (threshold {limit})")
        else:
            parts.append(
                f"  (real under {verdict.real_below:.{digits}f}, fake over {limit}{asked})"
            )
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
        lines.append(line.append(f" {_probability(report, worst)}"))
        if verbose:
            for row in ranked_faces(report)[1:]:
                told = f"{row.label} {_probability(report, row)}"
                lines.append(Text(f"{_face(row.track)}: {told}", style="dim"))
    if left := unjudged_faces(report):
        faces = "one more face was" if left == 1 else f"{left} more faces were"
        lines.append(Text(f"{faces} not judged: too small, seen too briefly, or a detector failed"))
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


def _probability(report: Report, row: FaceVerdict) -> str:
    if row.probability is None:
        return "not judged"
    return f"{row.probability:.{2 + digits_of(report.verdict, row, least=1)}f}"


def _face(track: int | None) -> str:
    return "the whole frame" if track is None else f"face {track}"


def _table(columns: Columns, room: int, spare: Sequence[str] = ()) -> Table:
    """A table of `columns`, without as many of those that are `spare`, the first of them first, as
    do not fit in `room` characters.
    """
    columns = dict(columns)
    for title in spare:
        if _width(columns) <= room:
            break
        columns.pop(title, None)
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1), collapse_padding=True
    )
    for title in columns:
        text = title in TEXTS
        table.add_column(title, justify="left" if text else "right", no_wrap=not text)
        table.columns[-1].overflow = "fold"
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, cells))
    return table


def _width(columns: Columns) -> int:
    """Characters in the longest line of a table whose cells are not folded."""
    widths = [max(map(cell_len, (title, *cells))) for title, cells in columns.items()]
    return sum(widths) + GAP * (len(widths) - 1)


def _families_table(report: Report, room: int, verbose: bool) -> tuple[Table, int]:
    ranked = ranked_families(report)
    shown = ranked if verbose else ranked[:MAX_FAMILIES]
    columns = {
        "family": [visible(row.family) for row in shown],
        "probability": [f"{row.probability:.3f}" for row in shown],
    }
    return _table(columns, room), len(ranked) - len(shown)


def _boxes_table(report: Report, room: int, verbose: bool) -> tuple[Table, int]:
    rows = report.detections
    shown = strongest_boxes(report, len(rows) if verbose else MAX_ROWS)
    columns = {
        "artifact": [visible(row.artifact) for row in shown],
        "family": [visible(row.family) for row in shown],
        "detector": [visible(row.detector) for row in shown],
        "score": [f"{row.score:.2f}" for row in shown],
        "llr": [f"{row.llr:+.1f}" for row in shown],
        "face": [_track(row.track) for row in shown],
        "frame": [str(row.frame) for row in shown],
        "time": [_time(row) for row in shown],
        "box": [_where(row.xyxy) for row in shown],
    }
    said = {
        # A detector mostly has the name of its family.
        "detector": columns["detector"] != columns["family"],
        "face": several_faces(report),
        "frame": report.media.kind == "video",
        "time": report.media.kind == "video",
    }
    columns = {title: cells for title, cells in columns.items() if said.get(title, True)}
    return _table(columns, room, SPARE), len(rows) - len(shown)


def _faces_table(report: Report, room: int, verbose: bool) -> tuple[Table, int]:
    rows = report.faces
    shown = rows if verbose else rows[:MAX_ROWS]
    sizes = [max(row.xyxy[2] - row.xyxy[0], row.xyxy[3] - row.xyxy[1]) for row in shown]
    columns = {
        "frame": [str(row.frame) for row in shown],
        "face": [_track(row.track) for row in shown],
        "score": [f"{row.score:.2f}" for row in shown],
        "size": [f"{size:.0f} px" for size in sizes],
        "box of the face": [_where(row.xyxy) for row in shown],
    }
    if report.media.kind != "video":
        del columns["frame"]
        if not several_faces(report):
            del columns["face"]
    return _table(columns, room, ("frame", "box of the face")), len(rows) - len(shown)


def _track(track: int | None) -> str:
    return "" if track is None else str(track)


def _time(row: DetectionRow) -> str:
    return "" if row.time is None else f"{row.time:.2f} s"


def _where(xyxy: Sequence[float]) -> str:
    left, top, right, bottom = (round(value) for value in xyxy)
    return f"{left},{top}-{right},{bottom}"

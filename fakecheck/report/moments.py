"""What every report says of a clip's faces and seconds, in one place."""

from __future__ import annotations

from collections.abc import Callable
from heapq import nlargest

from fakecheck.types import DetectionRow, FaceVerdict, FamilyScore, Report

# From here on seconds alone are hard to find in a player.
MINUTE = 60.0


def clock(seconds: float) -> str:
    """A time as players show it: `7.2`, `1:02.5`, `1:00:00.0`; to a tenth of a second."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    if not minutes:
        return f"{rest / 10:.1f}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"


def stretch(start: float, end: float) -> str:
    """`2.0–3.5`, or one time where both are the same to a tenth of a second."""
    first, last = clock(start), clock(end)
    if in_seconds(start) and not in_seconds(end):
        first = f"0:{start:04.1f}"
    return first if first == last else f"{first}–{last}"


def in_seconds(end: float) -> bool:
    """Whether times up to `end` are shown as plain seconds, which need their unit."""
    return round(end * 10) < 10 * MINUTE


def ranked_families(report: Report) -> list[FamilyScore]:
    """The families, the most probable first."""
    return sorted(report.families, key=lambda row: (-row.probability, row.family))


def ranked_faces(report: Report) -> list[FaceVerdict]:
    """The faces that were judged, the worst first, then those that were not."""
    return sorted(report.face_verdicts, key=lambda row: row.badness, reverse=True)


def worst_face(report: Report) -> FaceVerdict | None:
    """The judged face that is the likeliest to be forged, if any was judged."""
    ranked = ranked_faces(report)
    return ranked[0] if ranked and ranked[0].probability is not None else None


def unjudged_faces(report: Report) -> int:
    """How many faces were found beside those judged: too small, or seen too briefly."""
    if report.verdict.probability is None:
        return 0
    found = {row.track for row in report.faces}
    judged = {row.track for row in report.face_verdicts if row.probability is not None}
    return len(found - judged) if judged else 0


def whose(report: Report) -> str:
    """The face that the verdict goes by, where there are several; else nothing."""
    worst = worst_face(report)
    return f"face {worst.track}" if several_faces(report) and worst and worst.track else ""


def box_rank(report: Report) -> Callable[[DetectionRow], tuple[bool, float]]:
    """What boxes are ranked by: whether they are the worst face's, then evidence; scores of two
    detectors cannot be compared.
    """
    worst = worst_face(report)
    return lambda row: (worst is None or row.track in (worst.track, None), row.llr)


def strongest_boxes(report: Report, count: int) -> list[DetectionRow]:
    """The first of the boxes by `box_rank`."""
    return nlargest(count, report.detections, key=box_rank(report))


def window_looked_at(report: Report) -> tuple[float, float | None] | None:
    """Start and end in seconds of the part of a clip that was looked at, None for all of it.

    The end is None where nobody knows how long the clip is.
    """
    looked = report.looked_at
    if looked is None or (looked.start == 0 and looked.end is None):
        return None
    return looked.start, report.media.duration if looked.end is None else looked.end


def several_faces(report: Report) -> bool:
    """Whether faces have to be told apart, on pictures and in sentences."""
    return len({face.track for face in report.faces}) > 1

"""Report → a record of plain JSON types, as `schema.json` has it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any

from fakecheck import __version__
from fakecheck.report.moments import ranked_families
from fakecheck.types import DetectionRow, FaceRow, FaceVerdict, Moment, Report, Span

SCHEMA = "fakecheck.report/1"
# Digits after the point: a hundredth of a pixel, a tenth of a millisecond, a millionth of the rest.
PIXEL_DIGITS = 2
SECOND_DIGITS = 4
SCORE_DIGITS = 6
LLR_DIGITS = 4


def to_record(report: Report, timeline: bool = True) -> dict[str, Any]:
    """`report` as a `fakecheck.report/1`: families by probability, other rows in their order.

    `looked_at`, `face_verdicts`, `spans` and `timeline` are keys of a video's record; of a
    picture's only where they hold something. Without `timeline`, which has a row a face and sampled
    frame, that one is left out. Raises ValueError, with the field's name, for a number that JSON
    cannot hold.
    """
    parts = record_parts(report, timeline)
    return {
        name: list(value) if isinstance(value, Iterator) else value for name, value in parts.items()
    }


def record_parts(report: Report, timeline: bool = True) -> dict[str, Any]:
    """What `to_record` has, but `faces` and `detections` are iterators that make one row at a time:
    a film has hundreds of thousands of them.
    """
    media, verdict = report.media, report.verdict
    return {
        "schema": SCHEMA,
        "media": {
            "path": printable(media.path),
            "sha256": media.sha256,
            "kind": media.kind,
            "width": media.width,
            "height": media.height,
            "frames": media.frames,
            "duration": _maybe("duration", media.duration, SECOND_DIGITS),
        },
        "verdict": {
            "label": verdict.label,
            "probability": _maybe("probability", verdict.probability, SCORE_DIGITS),
            "threshold": _maybe("threshold", verdict.threshold, SCORE_DIGITS),
            "real_below": _maybe("real_below", verdict.real_below, SCORE_DIGITS),
            "unjudged": verdict.unjudged,
            "false_alarm_rate": verdict.false_alarm_rate,
            "reason": verdict.reason,
        },
        "families": [
            {
                "family": row.family,
                "probability": number("probability", row.probability, SCORE_DIGITS),
            }
            for row in ranked_families(report)
        ],
        "faces": map(_face, report.faces),
        "detections": map(_detection, report.detections),
        "errors": [
            {"stage": row.stage, "detector": row.detector, "message": printable(row.message)}
            for row in report.errors
        ],
        "versions": {
            "fakecheck": __version__,
            "detectors": dict(sorted(report.detector_versions.items())),
        },
        **_looked_at(report),
        **_over_time(report, timeline),
    }


def _looked_at(report: Report) -> dict[str, Any]:
    looked = report.looked_at
    if looked is None:
        return {}
    return {
        "looked_at": {
            "frames": looked.frames,
            "start": number("start", looked.start, SECOND_DIGITS),
            "end": _maybe("end", looked.end, SECOND_DIGITS),
        }
    }


def _over_time(report: Report, timeline: bool) -> dict[str, list[dict[str, Any]]]:
    rows = {
        "face_verdicts": [_face_verdict(row) for row in report.face_verdicts],
        "spans": [_span(row) for row in report.spans],
    }
    if timeline:
        rows["timeline"] = [_moment(row) for row in report.timeline]
    is_video = report.media.kind == "video"
    return {name: found for name, found in rows.items() if found or is_video}


def load_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `to_record`'s records."""
    text = files("fakecheck.report").joinpath("schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def printable(text: str) -> str:
    """`text` in valid Unicode: bytes of a file name that are no UTF-8 become marks."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def visible(text: str) -> str:
    """`text` in one line of characters that can be seen: what would steer a terminal, or turn the
    direction of writing in a page, is shown as an escape.
    """
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in printable(text)
    )


def number(field: str, value: float, digits: int) -> float:
    """`value`, also a numpy one, as a rounded Python float; never NaN, infinite or -0."""
    plain = float(value)
    if not math.isfinite(plain):
        raise ValueError(f"{field} must be finite, got {plain}")
    return round(plain, digits) + 0.0


def _maybe(field: str, value: float | None, digits: int) -> float | None:
    return None if value is None else number(field, value, digits)


def _box(xyxy: Sequence[float]) -> list[float]:
    return [number("xyxy", value, PIXEL_DIGITS) for value in xyxy]


def _track(track: int | None) -> int | None:
    return None if track is None else int(track)


def _face_verdict(row: FaceVerdict) -> dict[str, Any]:
    return {
        "track": _track(row.track),
        "label": row.label,
        "probability": _maybe("probability", row.probability, SCORE_DIGITS),
        "threshold": _maybe("threshold", row.threshold, SCORE_DIGITS),
    }


def _span(row: Span) -> dict[str, Any]:
    return {
        "start": number("start", row.start, SECOND_DIGITS),
        "end": number("end", row.end, SECOND_DIGITS),
        "track": _track(row.track),
    }


def _moment(row: Moment) -> dict[str, Any]:
    return {
        "frame": int(row.frame),
        "time": number("time", row.time, SECOND_DIGITS),
        "track": _track(row.track),
        "probability": number("probability", row.probability, SCORE_DIGITS),
        "families": {
            family: number("families", llr, LLR_DIGITS)
            for family, llr in sorted(row.families.items())
        },
    }


def _face(row: FaceRow) -> dict[str, Any]:
    return {
        "frame": int(row.frame),
        "track": _track(row.track),
        "xyxy": _box(row.xyxy),
        "score": number("score", row.score, SCORE_DIGITS),
    }


def _detection(row: DetectionRow) -> dict[str, Any]:
    return {
        "frame": int(row.frame),
        "time": _maybe("time", row.time, SECOND_DIGITS),
        "track": _track(row.track),
        "detector": row.detector,
        "family": row.family,
        "artifact": row.artifact,
        "score": number("score", row.score, SCORE_DIGITS),
        "llr": number("llr", row.llr, LLR_DIGITS),
        "xyxy": _box(row.xyxy),
    }

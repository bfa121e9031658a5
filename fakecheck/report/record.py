"""Report → a record of plain JSON types, as `schema.json` has it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from fakecheck import __version__
from fakecheck.types import DetectionRow, FaceRow, Report

SCHEMA = "fakecheck.report/1"
# Digits after the point: a hundredth of a pixel, a tenth of a millisecond, a millionth of the rest.
PIXEL_DIGITS = 2
SECOND_DIGITS = 4
SCORE_DIGITS = 6
LLR_DIGITS = 4


def to_record(report: Report) -> dict[str, Any]:
    """`report` as a `fakecheck.report/1`: families by probability, other rows in their order.

    Raises ValueError, with the field's name, for a number that JSON cannot hold.
    """
    media, verdict = report.media, report.verdict
    families = sorted(report.families, key=lambda row: (-row.probability, row.family))
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
            "reason": verdict.reason,
        },
        "families": [
            {
                "family": row.family,
                "probability": number("probability", row.probability, SCORE_DIGITS),
            }
            for row in families
        ],
        "faces": [_face(row) for row in report.faces],
        "detections": [_detection(row) for row in report.detections],
        "errors": [
            {"stage": row.stage, "detector": row.detector, "message": printable(row.message)}
            for row in report.errors
        ],
        "versions": {
            "fakecheck": __version__,
            "detectors": dict(sorted(report.detector_versions.items())),
        },
    }


def load_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `to_record`'s records."""
    text = files("fakecheck.report").joinpath("schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def printable(text: str) -> str:
    """`text` in valid Unicode: bytes of a file name that are no UTF-8 become marks."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


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


def _face(row: FaceRow) -> dict[str, Any]:
    return {
        "frame": int(row.frame),
        "track": None if row.track is None else int(row.track),
        "xyxy": _box(row.xyxy),
        "score": number("score", row.score, SCORE_DIGITS),
    }


def _detection(row: DetectionRow) -> dict[str, Any]:
    return {
        "frame": int(row.frame),
        "time": _maybe("time", row.time, SECOND_DIGITS),
        "track": None if row.track is None else int(row.track),
        "detector": row.detector,
        "family": row.family,
        "artifact": row.artifact,
        "score": number("score", row.score, SCORE_DIGITS),
        "llr": number("llr", row.llr, LLR_DIGITS),
        "xyxy": _box(row.xyxy),
    }

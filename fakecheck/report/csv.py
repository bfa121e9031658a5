"""Reports as a table for spreadsheets: a row a detection, and one for a file without any."""

from __future__ import annotations

import csv
import re
from typing import TextIO

from fakecheck.report.record import (
    LLR_DIGITS,
    PIXEL_DIGITS,
    SCORE_DIGITS,
    SECOND_DIGITS,
    number,
    printable,
)
from fakecheck.types import DetectionRow, FaceVerdict, Report

COLUMNS = (
    "file",
    "frame",
    "seconds",
    "face",
    "detector",
    "family",
    "artifact",
    "score",
    "left",
    "top",
    "right",
    "bottom",
    "face_verdict",
    "face_probability",
    "in_span",
    "file_verdict",
    "file_probability",
    "threshold",
    "llr",
    "false_alarm_rate",
)
# What a spreadsheet takes for the start of a formula (OWASP, "CSV Injection"), in both widths.
FORMULA_STARTS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Control characters, line separators and what turns the direction of writing. Not all that cannot
# be seen: a file may be called by joined emoji, or with the narrow space of macOS' screenshots.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class CsvWriter:
    """Writes a header and a row for each detection; that of a file without any has no box.

    `face` is the track's id, empty for a detector of whole frames; `seconds` is empty for a
    picture. `face_verdict` and `face_probability` are the face's own, `in_span` is yes where the
    box lies in the seconds in which that face carried the verdict; all three are empty where nobody
    said so. `file_verdict`, `file_probability`, `threshold` and `false_alarm_rate` are the file's,
    the same in all of its rows, `llr` is the box's. A text that a spreadsheet would run as a
    formula, such as the file name `=1+1.jpg`, gets a `'` in front, and control characters in it
    become escapes such as `\\x1b`. Open the stream with newline="", as Python's csv module asks
    for.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._writer = csv.writer(stream, lineterminator="\n")
        # Where the comma is in numbers, spreadsheets split cells at semicolons.
        self._quoter = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self._writer.writerow(COLUMNS)

    def add(self, report: Report) -> None:
        """Writes the detections of `report` in their order."""
        file = report.media.path
        writer = self._quoter if ";" in file else self._writer
        verdicts = {one.track: one for one in report.face_verdicts}
        said, rate = _said_of_file(report), report.verdict.false_alarm_rate
        writer.writerows(
            [
                *_cells(file, row),
                *_said_of_face(row, verdicts.get(row.track), report),
                *said,
                number("llr", row.llr, LLR_DIGITS),
                rate,
            ]
            for row in report.detections
        )
        if not report.detections:
            empty = len(COLUMNS) - 3 - len(said)
            writer.writerow([_safe(file), *[""] * empty, *said, "", rate])
        self._stream.flush()

    def close(self) -> None:
        """Nothing is left to write; the stream stays open."""
        self._stream.flush()


def _cells(file: str, row: DetectionRow) -> list[str | int | float]:
    return [
        _safe(file),
        int(row.frame),
        "" if row.time is None else number("time", row.time, SECOND_DIGITS),
        "" if row.track is None else int(row.track),
        _safe(row.detector),
        _safe(row.family),
        _safe(row.artifact),
        number("score", row.score, SCORE_DIGITS),
        *(number("xyxy", value, PIXEL_DIGITS) for value in row.xyxy),
    ]


def _said_of_face(
    row: DetectionRow, verdict: FaceVerdict | None, report: Report
) -> list[str | int | float]:
    carried = row.time is not None and any(
        span.track == row.track and span.start <= row.time <= span.end for span in report.spans
    )
    probability = None if verdict is None else verdict.probability
    return [
        "" if verdict is None else verdict.label,
        "" if probability is None else number("probability", probability, SCORE_DIGITS),
        "yes" if carried else "no" if report.spans else "",
    ]


def _said_of_file(report: Report) -> list[str | float]:
    verdict = report.verdict
    numbers = {"probability": verdict.probability, "threshold": verdict.threshold}
    return [
        verdict.label,
        *(
            "" if value is None else number(name, value, SCORE_DIGITS)
            for name, value in numbers.items()
        ),
    ]


def _safe(text: str) -> str:
    text = _STEERING.sub(_escape, printable(text))
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")

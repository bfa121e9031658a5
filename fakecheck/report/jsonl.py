"""Reports as JSON Lines: one record a line, each on its way as soon as it is ready."""

from __future__ import annotations

from typing import TextIO

from fakecheck.report.encode import encoded
from fakecheck.report.record import record_parts
from fakecheck.types import Report

# Line separators of Unicode are valid within JSON, but split lines for some readers.
MARKS = {ord(mark): f"\\u{ord(mark):04x}" for mark in ("\u0085", "\u2028", "\u2029")}


class JsonlWriter:
    """Writes one report a line, without `timeline`, and flushes it, so that a reader can follow."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def add(self, report: Report) -> None:
        """Writes `report` as a line."""
        for text in encoded(record_parts(report, timeline=False)):
            self._stream.write(text.translate(MARKS))
        self._stream.write("\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is left to write; the stream stays open."""
        self._stream.flush()

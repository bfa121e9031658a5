"""Reports as JSON Lines: one record a line, each on its way as soon as it is ready."""

from __future__ import annotations

import json
from typing import TextIO

from fakecheck.report.record import to_record
from fakecheck.types import Report


class JsonlWriter:
    """Writes one report a line, without `timeline`, and flushes it, so that a reader can follow."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def add(self, report: Report) -> None:
        """Writes `report` as a line."""
        text = json.dumps(
            to_record(report, timeline=False),
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
        )
        # Line separators of Unicode are valid within JSON, but split lines for some readers.
        for mark in ("\u0085", "\u2028", "\u2029"):
            text = text.replace(mark, f"\\u{ord(mark):04x}")
        self._stream.write(text + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is left to write; the stream stays open."""
        self._stream.flush()

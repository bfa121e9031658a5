"""Reports as JSON Lines: one record a line, each on its way as soon as it is ready."""

from __future__ import annotations

from typing import TextIO

from fakecheck.report.encode import encoded
from fakecheck.report.record import record_parts
from fakecheck.types import Report


class JsonlWriter:
    """Writes one report a line, without `timeline`, and flushes it, so that a reader can follow."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def add(self, report: Report) -> None:
        """Writes `report` as a line."""
        self._stream.writelines(encoded(record_parts(report, timeline=False)))
        self._stream.write("\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing is left to write; the stream stays open."""
        self._stream.flush()

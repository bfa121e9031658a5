"""Reports as one JSON document."""

from __future__ import annotations

from typing import TextIO

from fakecheck.report.encode import encoded
from fakecheck.report.record import record_parts
from fakecheck.types import Report


class JsonWriter:
    """Writes an array of reports, or with `single` one report as an object, which a user who gave
    one file expects.

    Each report is written as it comes; the text is valid JSON after close(). `single` without a
    report, because the file could not be read, writes nothing.
    """

    def __init__(self, stream: TextIO, single: bool = False) -> None:
        self._stream = stream
        self._single = single
        self._count = 0

    def add(self, report: Report) -> None:
        """Writes `report`; a second one to a `single` writer is a ValueError."""
        if self._single and self._count:
            raise ValueError("a writer of a single report got a second one")
        if not self._single:
            self._stream.write(",\n" if self._count else "[\n")
        self._stream.writelines(encoded(record_parts(report), indent=2))
        self._count += 1

    def close(self) -> None:
        """Ends the document; the stream stays open."""
        if self._single:
            self._stream.write("\n" if self._count else "")
        else:
            self._stream.write("\n]\n" if self._count else "[]\n")
        self._stream.flush()

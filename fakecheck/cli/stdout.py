"""Standard output in whatever encoding it has: on Windows, a file or a pipe seldom has UTF-8."""

from __future__ import annotations

import codecs
import io
import json
import sys
from typing import Any

import click

from fakecheck.report.encode import dumped

ESCAPES = "fakecheck.escapes"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error(ESCAPES, _escaped)


def forgive() -> None:
    """A letter that the encoding does not have is printed as JSON escapes it, and no error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=ESCAPES)


def for_programs(form: str) -> None:
    """Makes what is printed from now on valid in the format `form`, whoever reads it.

    Of JSON without UTF-8 all beyond ASCII is escaped, which is the same to its readers and comes
    through shells that take the bytes for another encoding. CSV has no escapes: it is UTF-8.
    """
    if not isinstance(sys.stdout, io.TextIOWrapper) or form == "text":
        return
    if codecs.lookup(sys.stdout.encoding).name != "utf-8":
        sys.stdout.reconfigure(encoding="utf-8" if form == "csv" else "ascii", errors=ESCAPES)


def print_json(content: Any) -> None:
    """`content` as a JSON document."""
    for_programs("json")
    click.echo(dumped(content))

"""Records as JSON text, piece by piece: a film's would take a gigabyte at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def encoded(record: Mapping[str, Any], indent: int | None = None) -> Iterator[str]:
    """The text that json.dumps makes of `record`, compact without `indent`, in pieces.

    A value that is an iterator is an array whose items are made and written one by one. Raises
    ValueError for a number that JSON cannot hold, after the pieces before it.
    """
    compact = indent is None
    separators = (",", ":") if compact else (",", ": ")
    encode = json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
    ).encode
    line = "" if indent is None else "\n" + " " * indent
    between = "{"
    for key, value in record.items():
        yield between + line + encode(key) + separators[1]
        between = ","
        if isinstance(value, Iterator):
            yield from _array(map(encode, value), line, 2 * line[1:])
        else:
            # No text in JSON holds a line break of its own.
            yield encode(value).replace("\n", line)
    yield "}" if compact else "\n}"


def _array(items: Iterator[str], line: str, inner: str) -> Iterator[str]:
    """`inner` is the indentation of an item, `line` a line break and the indentation of the key."""
    start = line and "\n" + inner
    between = "["
    for item in items:
        yield between + start + (item.replace("\n", start) if start else item)
        between = ","
    yield "[]" if between == "[" else line + "]"

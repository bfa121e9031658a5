"""Records as JSON text, piece by piece: a film's would take a gigabyte at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]")


def encoded(record: Mapping[str, Any], indent: int | None = None) -> Iterator[str]:
    """The text that json.dumps makes of `record`, compact without `indent`, in pieces.

    A value that is an iterator is an array whose items are made and written one by one. Raises
    ValueError for a number that JSON cannot hold, after the pieces before it.
    """
    compact = indent is None
    separators = (",", ":") if compact else (",", ": ")
    encoder = json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
    )

    def encode(value: Any) -> str:
        return _escaped(encoder.encode(value))

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


def dumped(content: Any, indent: int = 2) -> str:
    """`content` as JSON for the terminal: letters of all languages stay, nothing steers it."""
    return _escaped(json.dumps(content, indent=indent, ensure_ascii=False))


def _escaped(text: str) -> str:
    """JSON in which every character that cannot be seen is an escape; json sees to those below 32.

    Others that steer a terminal, or turn the direction of writing, would reach it as they are.
    """
    if text.isascii() and "\x7f" not in text:  # as most texts, of which a film has many
        return text
    return _BEYOND_ASCII.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return char if char.isprintable() else json.dumps(char)[1:-1]


def _array(items: Iterator[str], line: str, inner: str) -> Iterator[str]:
    """`inner` is the indentation of an item, `line` a line break and the indentation of the key."""
    start = line and "\n" + inner
    between = "["
    for item in items:
        yield between + start + (item.replace("\n", start) if start else item)
        between = ","
    yield "[]" if between == "[" else line + "]"

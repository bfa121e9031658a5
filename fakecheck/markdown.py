"""Texts of cards and errors in Markdown, where they are to be shown as they are."""

from __future__ import annotations

import re

from fakecheck.report.record import visible

# An underscore between letters stands for itself, and the words of cards are full of them.
_MARKS = re.compile(r"[\\`*|<>\[\]#~&]|(?<![^\W_])_|_(?![^\W_])")


def plain(text: str) -> str:
    """`text` in one line, as a part of a paragraph or a table that no mark in it can change."""
    return _MARKS.sub(lambda mark: f"\\{mark.group()}", visible(" ".join(text.split())))


def code(text: str) -> str:
    """`text` in one line as code; there nothing can be escaped, so backticks become quotes."""
    return f"`{visible(' '.join(text.split())).replace('`', chr(39))}`"

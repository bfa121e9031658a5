"""Texts from outside on the terminal: neither markup nor anything that would steer it."""

from __future__ import annotations

from rich import markup

from fakecheck.report.record import visible


def escape(text: str) -> str:
    """`text` for rich, line by line, as it is."""
    return markup.escape("\n".join(visible(line) for line in text.split("\n")))

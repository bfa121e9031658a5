"""HTML pages as tests read them: with the standard library, and in a browser if there is one."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br", "hr", "input", "link"}
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
# Nothing but the page: a browser asks its maker for much of its own accord.
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


@dataclass
class Element:
    """An element with the text directly and deeply in it."""

    name: str
    attributes: dict[str, str | None]
    path: tuple[str, ...]
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    @property
    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()


class Page(HTMLParser):
    """All elements of a page in order. An end that fits no start is an AssertionError."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(text)
        self.close()
        assert not self._open, [element.name for element in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        path = tuple(element.name for element in self._open)
        element = Element(tag, dict(attrs), path)
        assert len(element.attributes) == len(attrs), f"an attribute of {tag} is there twice"
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open
        assert self._open[-1].name == tag, f"</{tag}> ends {self._open[-1].name}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.parts.append(data)

    def all(self, name: str, *classes: str) -> list[Element]:
        return [
            element
            for element in self.elements
            if element.name == name and set(classes) <= set(element.classes)
        ]

    def one(self, name: str, *classes: str) -> Element:
        (element,) = self.all(name, *classes)
        return element

    @property
    def text(self) -> str:
        return self.one("body").text


def browse(page: Path, *options: str) -> str:
    """What a browser prints when it opens `page`, standard error last."""
    assert BROWSER is not None
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [BROWSER, *QUIET, f"--user-data-dir={profile}", *options, page.absolute().as_uri()],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
    return done.stdout + done.stderr

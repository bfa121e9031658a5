"""`--html FILE`: what was found, on a page for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakecheck.errors import MediaError
from fakecheck.media import open_media
from fakecheck.pipeline import Options, Outcome
from fakecheck.report.catalogue import Words
from fakecheck.report.html import HtmlReport
from fakecheck.report.stills import marked_stills


class PageWriter:
    """Puts each outcome on `page`, with marked frames out of its file."""

    def __init__(self, page: HtmlReport, options: Options) -> None:
        self._page = page
        self._options = options

    def add(self, outcome: Outcome) -> None:
        path = str(outcome.path)
        if outcome.same_as is not None:
            self._page.add_same(path, str(outcome.same_as))
            return
        if outcome.report is None:
            self._page.add_unread(path, str(outcome.error))
            return
        try:
            media = open_media(outcome.path, self._options.limits)
            size = outcome.path.stat().st_size
        except (MediaError, OSError):
            # Gone since it was looked at: the page has what was found, without pictures.
            self._page.add(outcome.report)
            return
        stills = marked_stills(media, outcome.report, self._options.sampling)
        self._page.add(outcome.report, stills, size)


@contextmanager
def open_page(path: Path, language: str, options: Options, overview: bool) -> Iterator[PageWriter]:
    """The writer of the page at `path`, which is in its place when the block ends."""
    with HtmlReport(path, Words(language), overview, rate=options.false_alarm_rate) as page:
        yield PageWriter(page, options)

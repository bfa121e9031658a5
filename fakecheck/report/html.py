"""One HTML page on pictures and clips, whole in itself: no script, no network, no font."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import IO

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fakecheck import __version__
from fakecheck.errors import OutputError
from fakecheck.files import atomic_path, takes_all
from fakecheck.report.catalogue import Words
from fakecheck.report.moments import ranked_families
from fakecheck.report.page import file_view
from fakecheck.report.percent import digits_of
from fakecheck.report.record import visible
from fakecheck.report.stills import Still
from fakecheck.report.troubles import of_run
from fakecheck.types import FALSE_ALARM_RATE, Report
from fakecheck.verdict import rate_percent

# Bytes of pictures in one page: beyond some 100 MB, which these are when encoded, browsers become
# slow. Half of it is kept for files that are called fake.
PICTURE_BYTES = 60_000_000
CHUNK = 1 << 16
# Nothing is loaded but the pictures within the page; its own style is let in by its hash.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'sha256-{hash}'; base-uri 'none'; "
    "form-action 'none'"
)


@dataclass(frozen=True)
class Row:
    """A file in the overview: `label` is a verdict's, or `unread` or `same` (as `other`);
    `digits` are those of `probability` in percent.
    """

    anchor: str
    name: str
    label: str
    probability: float | None = None
    family: str | None = None
    other: str | None = None
    digits: int = 0


class HtmlReport:
    """A page at `path` that grows file by file and is put in its place when the context ends.

    Sections wait in an unnamed file beside it, so that memory holds one row a file and no more.
    However the context ends, the page holds what was added until then; an exception puts a remark
    on it, and before the first file it leaves what was at `path`. `overview` puts a table of all
    files first; `rate` is that of false alarms. Raises OutputError.
    """

    def __init__(
        self,
        path: Path,
        words: Words,
        overview: bool = True,
        now: datetime | None = None,
        rate: float = FALSE_ALARM_RATE,
    ) -> None:
        self._path = path
        self._words = words
        self._overview = overview
        self._now = now or datetime.now(timezone.utc)
        self._environment = _environment(words)
        self._rows: list[Row] = []
        self._detectors: dict[str, str] = {}
        self._artifacts: set[str] = set()
        self._unusable: dict[str, None] = {}
        self._spent = 0
        self._rate = rate

    def __enter__(self) -> HtmlReport:
        with ExitStack() as stack:
            self._target = stack.enter_context(atomic_path(self._path))
            folder = None if takes_all(self._path) else self._path.absolute().parent
            self._body: IO[str] = stack.enter_context(
                tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n", dir=folder)
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            if error is not None and not self._rows:
                raise error  # so that what was at the path stays
            self._write(complete=error is None)

    def add(self, report: Report, stills: Sequence[Still] = (), size: int | None = None) -> None:
        """Appends what is said of one file: `stills` are its marked frames, `size` its bytes.

        A file of which no frame could be read is one that could not be read.
        """
        self._unusable.update(dict.fromkeys(map(visible, of_run(report))))
        if report.verdict.unjudged == "no_frame":
            messages = [error.message for error in report.errors if error.stage == "media"]
            self.add_unread(report.media.path, "; ".join(messages))
            return
        kept = self._affordable(report, stills)
        row = self._row(
            report.media.path,
            report.verdict.label,
            report.verdict.probability,
            next((row.family for row in ranked_families(report)), None),
            digits=digits_of(report.verdict),
        )
        view = file_view(report, self._words, kept, size, left_out=bool(stills) and not kept)
        self._detectors.update(report.detector_versions)
        self._artifacts |= {visible(box.artifact) for box in report.detections}
        self._append("file.html", row=row, view=view)

    def add_unread(self, path: str, message: str) -> None:
        """Appends a file that could not be read."""
        self._append("unread.html", row=self._row(path, "unread"), message=visible(message))

    def add_same(self, path: str, other: str) -> None:
        """Appends a file with the bytes of `other`, which was judged before."""
        self._append("unread.html", row=self._row(path, "same", other=visible(other)), message="")

    def _row(
        self,
        path: str,
        label: str,
        probability: float | None = None,
        family: str | None = None,
        other: str | None = None,
        digits: int = 0,
    ) -> Row:
        anchor = f"file-{len(self._rows) + 1}"
        row = Row(anchor, visible(path), label, probability, family, other, digits)
        self._rows.append(row)
        return row

    def _affordable(self, report: Report, stills: Sequence[Still]) -> Sequence[Still]:
        size = sum(len(still.jpeg) for still in stills)
        limit = PICTURE_BYTES if report.verdict.label == "fake" else PICTURE_BYTES // 2
        if self._spent + size > limit:
            return ()
        self._spent += size
        return stills

    def _append(self, template: str, **fields: object) -> None:
        text = self._environment.get_template(template).render(overview=self._overview, **fields)
        try:
            self._body.write(text)
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{self._path}: cannot be written: {reason}") from error

    def _write(self, complete: bool) -> None:
        style = files("fakecheck.report").joinpath("templates/report.css").read_text("utf-8")
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        page = self._environment.get_template("page.html").generate(
            style=Markup(style),
            policy=POLICY.format(hash=digest),
            version=__version__,
            date=self._now.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            complete=complete,
            overview=self._overview,
            rows=self._rows,
            ranked=sorted(self._rows, key=_order),
            body=self._chunks(),
            detectors=sorted(self._detectors.items()),
            artifacts=sorted(self._artifacts),
            unusable=list(self._unusable),
            rate=rate_percent(self._rate),
        )
        with self._target.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(page)

    def _chunks(self) -> Iterator[Markup]:
        """What was rendered and escaped before, piece by piece."""
        self._body.seek(0)
        while text := self._body.read(CHUNK):
            yield Markup(text)


def data_uri(jpeg: bytes) -> str:
    """A JPEG as an address that holds it."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _environment(words: Words) -> Environment:
    environment = Environment(
        loader=PackageLoader("fakecheck.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(t=words, data_uri=data_uri)
    return environment


def _order(row: Row) -> tuple[bool, float]:
    """The likeliest forged first, then what was not judged, in the order of the run."""
    return row.probability is None, -(row.probability or 0.0)

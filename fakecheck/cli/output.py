"""Where reports go: stdout or a file, in the format asked for, and a CSV beside it."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

from rich.console import Console

from fakecheck.cli.stdout import for_programs
from fakecheck.cli.text import render
from fakecheck.errors import OutputError, UsageError
from fakecheck.files import atomic_path, takes_all
from fakecheck.media.find import identity
from fakecheck.report.csv import CsvWriter
from fakecheck.report.json import JsonWriter
from fakecheck.report.jsonl import JsonlWriter
from fakecheck.types import Report


class Sink(Protocol):
    """Takes reports one by one; `close` ends the document."""

    def add(self, report: Report) -> None: ...

    def close(self) -> None: ...


class TextWriter:
    """Tables for a person, a blank line between files."""

    def __init__(self, stream: TextIO, faces: bool, verbose: bool) -> None:
        # A file or a pipe has no width; wide enough that no cell is cut.
        width = None if stream.isatty() else 100
        self._console = Console(file=stream, width=width, highlight=False)
        self._faces = faces
        self._verbose = verbose
        self._first = True

    def add(self, report: Report) -> None:
        if not self._first:
            self._console.print()
        self._first = False
        render(report, self._console, show_faces=self._faces, verbose=self._verbose)

    def close(self) -> None:
        """Nothing ends a text."""


def check_outputs(outputs: Mapping[str, Path | None], inputs: Container[str]) -> None:
    """Raises UsageError where an option would overwrite a file whose `identity` is among `inputs`,
    or two write one file."""
    owner: dict[str, str] = {}
    for option, path in outputs.items():
        # Devices and pipes take what comes, from several too.
        if path is None or takes_all(path):
            continue
        place = identity(path)
        if place in inputs:
            raise UsageError(f"{option} {path} would overwrite a file that is to be looked at")
        if place in owner:
            raise UsageError(f"{owner[place]} and {option} would both write {path}")
        owner[place] = option


class _NoReport(Exception):
    """The only file had none."""


class _Noting:
    """A sink that knows whether it was given anything."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.used = False

    def add(self, report: Report) -> None:
        self.used = True
        self._sink.add(report)

    def close(self) -> None:
        self._sink.close()


@contextmanager
def open_sinks(
    form: str,
    output: Path | None,
    csv: Path | None,
    *,
    single: bool,
    faces: bool,
    verbose: bool,
) -> Iterator[list[Sink]]:
    """The writers for `--format`, `--output` and `--csv`.

    What they hold is closed and put in its place however the block ends, so that an interrupted run
    keeps the reports that it had written; one that had none leaves the files that were there, and
    so does the `single` file that cannot be read.
    Raises OutputError where a file cannot be written.
    """
    try:
        with ExitStack() as stack:
            if output is None and sys.stdout is None:
                raise OutputError("the reports cannot be printed: standard output is closed")
            if output is None:
                for_programs(form)
            stream = _open(output, stack) if output is not None else sys.stdout
            first = _Noting(_writer(form, stream, single=single, faces=faces, verbose=verbose))
            sinks: list[Sink] = [first]
            stack.callback(first.close)
            if csv is not None:
                beside = CsvWriter(_open(csv, stack))
                stack.callback(beside.close)
                sinks.append(beside)
            failure: BaseException | None = None
            try:
                yield sinks
            except BaseException as error:
                if not first.used:
                    raise
                failure = error
            if single and not first.used:
                raise _NoReport
            stack.close()
            if failure is not None:
                raise failure
    except _NoReport:
        pass


def _open(path: Path, stack: ExitStack) -> TextIO:
    temporary = stack.enter_context(atomic_path(path))
    try:
        return stack.enter_context(temporary.open("w", encoding="utf-8", newline=""))
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def _writer(form: str, stream: TextIO, *, single: bool, faces: bool, verbose: bool) -> Sink:
    if form == "json":
        return JsonWriter(stream, single=single)
    if form == "jsonl":
        return JsonlWriter(stream)
    if form == "csv":
        return CsvWriter(stream)
    return TextWriter(stream, faces, verbose)

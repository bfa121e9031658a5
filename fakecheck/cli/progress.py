"""Progress on stderr: a bar for many files, one for a clip; nothing where stderr is no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from fakecheck.report.record import visible


class ProgressBars:
    """A context in which bars are shown, if `enabled` and stderr is a terminal."""

    def __init__(self, enabled: bool) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not (enabled and console.is_terminal),
        )
        self._files: TaskID | None = None
        self._clip: TaskID | None = None

    def __enter__(self) -> ProgressBars:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Nothing of the bars is on the terminal while the block prints to it."""
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()

    def say(self, line: str) -> None:
        """One line on stderr, above the bars; what would steer a terminal is escaped."""
        line = visible(line)
        if self._progress.disable:
            click.echo(line, err=True)
        else:
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def expect(self, files: int) -> None:
        """So many files are to be looked at."""
        if files > 1:
            self._files = self._progress.add_task("files", total=files)

    def progress(self, path: Path, done: int, expected: int | None) -> None:
        """A frame of `path` is done: see `fakecheck.pipeline.Progress`."""
        if expected == 1:
            return
        if self._clip is None:
            self._clip = self._progress.add_task(_short(path), total=expected)
        self._progress.update(self._clip, completed=done, total=expected)

    def finished_clip(self) -> None:
        """The clip whose frames were counted is done."""
        if self._clip is not None:
            self._progress.remove_task(self._clip)
            self._clip = None

    def finished_file(self) -> None:
        """A file is done, whatever it was."""
        self.finished_clip()
        if self._files is not None:
            self._progress.advance(self._files)


def _short(path: Path) -> str:
    name = visible(path.name)
    # Square brackets would be read as markup.
    return (name if len(name) <= 30 else f"{name[:14]}…{name[-15:]}").replace("[", r"\[")

"""What the commands of this package share: options, progress, and errors as one clear sentence."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from fakecheck.errors import FakecheckError

T = TypeVar("T")
REPORT_EVERY = 10.0  # seconds between two lines of progress

data_option = click.option(
    "--data",
    envvar="FAKECHECK_DATA",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Folder of the data pack. [env: FAKECHECK_DATA]",
)
work_option = click.option(
    "--work",
    envvar="FAKECHECK_WORK",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".work"),
    show_default=True,
    help="Folder of caches, records and checkpoints. [env: FAKECHECK_WORK]",
)
out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(__file__).resolve().parent.parent / "detectors",
    help="Folder of the bundles, by default the repository's detectors/.",
)
recipe_argument = click.argument("recipe", type=click.Path(path_type=Path))


def cli(function: Callable[..., None]) -> click.Command:
    """A click command whose known errors end in one sentence and the error's exit code."""

    @functools.wraps(function)
    def guarded(*arguments: Any, **options: Any) -> None:
        try:
            function(*arguments, **options)
        except FakecheckError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(int(error.exit_code))
        except OSError as error:
            raise click.ClickException(str(error)) from error

    return click.command()(guarded)


def progress(items: Iterable[T], total: int | None, what: str) -> Iterator[T]:
    """Passes `items` on and says on stderr every ten seconds how far it has come.

    `total` is None where it is known at the end only.
    """
    start = last = time.monotonic()
    for count, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - last >= REPORT_EVERY or count == total:
            last = now
            rate = count / max(now - start, 1e-9)
            far = f"{count}" if total is None else f"{count} of {total}"
            click.echo(f"{what}: {far}, {rate:.{0 if rate >= 10 else 1}f} a second", err=True)

"""`fakecheck detectors validate`: what a detector package must satisfy, checked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from fakecheck.cli.markup import escape
from fakecheck.cli.stdout import print_json
from fakecheck.errors import ExitCode, InputError, UsageError

if TYPE_CHECKING:
    from fakecheck.validate.examine import Validation
    from fakecheck.validate.findings import Finding

STYLES = {"ok": "green", "failed": "bold red", "skipped": "dim"}
EPILOG = """\b
Examples:
  fakecheck detectors validate contrib/mygan
  fakecheck detectors validate contrib/mygan --load --faces photos/
  fakecheck detectors validate contrib/mygan --load --data mine/ --format markdown
  fakecheck detectors validate contrib/mygan --data mine/ --set "CelebA, 300" --calibrate

\b
Exit codes: 0 all checks passed, 1 a check failed, 2 the command line is wrong, 3 a folder cannot be
read.
"""


@click.command("validate", epilog=EPILOG)
@click.argument("target", metavar="NAME_OR_PATH")
@click.option("--load", is_flag=True, help="Open the graphs and run them on drawn faces, too.")
@click.option(
    "--faces",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --load: also on the faces in these pictures.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Measure accuracy on the files in DIR/real and DIR/fake.",
)
@click.option(
    "--set",
    "data_set",
    metavar="NAME",
    help="What the card, and with it the index, calls the data set of --data.  [default: as the"
    " folder is called]",
)
@click.option(
    "--calibrate",
    is_flag=True,
    help="With --data: fit the card's calibration to them, and write it with the figures.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to print it; markdown is for a pull request.",
)
def validate(
    target: str,
    load: bool,
    faces: Path | None,
    data: Path | None,
    data_set: str | None,
    calibrate: bool,
    form: str,
) -> int:
    """Check a detector: an installed one by its id, or a folder.

    The folder is that of a bundle (with detector.yaml) or of a package (with pyproject.toml).
    Without options nothing of it is imported or run: card, words, files, ops and the graph's ends
    are read. With --load an installed package's hook is imported as well.
    """
    if faces is not None and not load:
        raise UsageError("--faces is for --load", "give both")
    if calibrate and data is None:
        raise UsageError("--calibrate needs --data DIR with the folders real and fake")
    if data_set is not None and (data is None or not data_set.strip()):
        raise UsageError("--set needs a name, and --data DIR with the folders real and fake")
    if faces is not None and not faces.is_dir():
        raise InputError(f"{faces} is no folder")
    # Not at the top: the engines are imported only by those who need them.
    from fakecheck.validate.examine import Options
    from fakecheck.validate.examine import validate as examine
    from fakecheck.validate.record import markdown, validation_record

    options = Options(load, faces, data, calibrate, data_set)
    console = Console(stderr=True)
    with console.status("looking at the files") as status:

        def watch(name: str, check: str) -> None:
            status.update(f"{escape(name)}: {check}")

        def progress(done: int, total: int) -> None:
            status.update(f"{done} of {total} files looked at")

        validation = examine(target, options, watcher=watch, progress=progress)
    if form == "json":
        print_json(validation_record(validation))
    elif form == "markdown":
        click.echo(markdown(validation), nl=False)
    else:
        _show(validation)
    return int(ExitCode.OK if validation.passed else ExitCode.OTHER)


def _show(validation: Validation) -> None:
    from fakecheck.validate.record import verdict_line

    # A file or a pipe has no width; wide enough that most sentences stay whole.
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    if validation.package:
        console.print("[bold]package[/]")
        _show_findings(console, validation.package)
    for bundle in validation.bundles:
        console.print(f"[bold]{escape(bundle.name)}[/]  {escape(str(bundle.folder))}")
        _show_findings(console, bundle.findings)
    style = STYLES["ok" if validation.passed else "failed"]
    console.print(f"[{style}]{verdict_line(validation)}[/]")


def _show_findings(console: Console, findings: tuple[Finding, ...]) -> None:
    from fakecheck.validate.record import MARKS

    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in findings:
        style = STYLES[one.status]
        said = escape(one.message) + (f"\n[italic]{escape(one.advice)}[/]" if one.advice else "")
        table.add_row(f"[{style}]{MARKS[one.status]}[/]", f"[{style}]{one.check}[/]", said)
    console.print(Padding(table, (0, 0, 0, 2), expand=False))
    console.print()

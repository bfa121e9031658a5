"""`fakecheck registry add`: cards of new or changed detectors, and the index made again."""

from __future__ import annotations

from pathlib import Path

import click

from fakecheck.errors import UsageError
from fakecheck.index import FAMILIES_FILE, installed_folder
from fakecheck.index_files import (
    CARDS,
    distribution_of,
    entry_of,
    find_bundles,
    read_cards,
    source_of,
    write_entries,
)


@click.command()
@click.argument(
    "package_dirs", metavar="[PACKAGE_DIR]...", nargs=-1, type=click.Path(path_type=Path)
)
@click.option(
    "--registry",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder registry/ of a checkout.  [the one that this folder is in, or was installed"
    " from with pip install -e]",
)
@click.option("--distribution", metavar="NAME", help="What pip calls it.  [as its project says]")
@click.option(
    "--source",
    metavar="URL",
    help="Where to get it: contrib/NAME or an https address.  [told by where it lies]",
)
def add(
    package_dirs: tuple[Path, ...],
    folder: Path | None,
    distribution: str | None,
    source: str | None,
) -> None:
    """Write the cards of all detectors in PACKAGE_DIR into the index, for a pull request.

    Run it again whenever a detector has changed: `fakecheck registry add detectors` takes all the
    bundled ones. Without PACKAGE_DIR the index is made again of the cards that are there, as after
    one was deleted.
    """
    place = folder or _checkout()
    new = []
    for bundle in (bundle for given in package_dirs for bundle in find_bundles(given)):
        where = source or source_of(bundle, place)
        if where is None:
            raise UsageError(
                f"{bundle}: lies outside of the checkout, so nobody can tell where to get it",
                "--source https://... says so",
            )
        new.append(entry_of(bundle, distribution or distribution_of(bundle, place), where))
    before = {entry.id: entry for entry in read_cards(place)}
    changed = write_entries(place, new)
    for entry in new:
        old = before.get(entry.id)
        if old and old.version == entry.version and old.files != entry.files:
            click.echo(
                f"Note: {entry.id} {entry.version} had other files in the index; if that version "
                "was published, raise it",
                err=True,
            )
    for path in changed:
        click.echo(f"wrote {path}")
    if not changed:
        click.echo("The index is up to date.")


def _checkout() -> Path:
    """The folder registry/ of the checkout around the current folder, else of that installed."""
    here = Path.cwd()
    candidates = [folder / "registry" for folder in (here, *here.parents)]
    # Only a checkout has the cards; what pip installs holds the index made of them.
    for folder in (*candidates, installed_folder()):
        if (folder / FAMILIES_FILE).is_file() and (folder / CARDS).is_dir():
            return folder
    raise UsageError(
        "No checkout of fakecheck is here, and none was installed with pip install -e",
        "run this in a clone of the repository, or give its folder with --registry DIR",
    )

"""`fakecheck detectors new`: a package for a detector that is still to be made."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from fakecheck.card import Kind
from fakecheck.errors import UsageError
from fakecheck.index import registry
from fakecheck.plugins import PluginHost
from fakecheck.regions import REGIONS
from fakecheck.scaffold.names import Names, check_free, kind_of
from fakecheck.validate.words import ENGLISH, KOREAN


@click.command()
@click.argument("name")
@click.option(
    "--family", required=True, metavar="WORD", help="The generators whose traces it is to find."
)
@click.option(
    "--kind",
    type=click.Choice(get_args(Kind)),
    help="Of what kind the family is; needed for one that fakecheck does not know.",
)
@click.option(
    "--region",
    "regions",
    type=click.Choice(REGIONS),
    multiple=True,
    default=("face",),
    show_default=True,
    help="What it looks at; parts of the face may be repeated.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Make the package's folder in there.  [default: here]",
)
@click.option("--author", default="", metavar="NAME", help="For the package's metadata.")
@click.option(
    "--licence",
    default="Apache-2.0",
    show_default=True,
    metavar="SPDX",
    help="SPDX identifier; LICENSE gets the text of Apache-2.0 and MIT.",
)
def new(
    name: str,
    family: str,
    kind: str | None,
    regions: tuple[str, ...],
    out: Path,
    author: str,
    licence: str,
) -> None:
    """Make a package for a new detector: card, hook, test and workflow.

    NAME is the detector's id. The package fakecheck-NAME can be installed once `fakecheck detectors
    pack` has put a graph into it. Nothing that is there already is overwritten.
    """
    # Not at the top: Jinja is imported only by those who need it.
    from fakecheck.scaffold.render import NewPackage, check_author, render_package, spdx

    if "frame" in regions and len(regions) > 1:
        raise UsageError("Region frame cannot be joined with regions of a face")
    names = Names.of(name)
    words = registry()
    check_free(names, PluginHost.discover(), words)
    known = family in words.families
    kind = kind_of(family, kind, words)
    licence, author = spdx(licence), check_author(author)
    # Twice the same region would look twice at the same pixels.
    package = NewPackage(names, family, kind, list(dict.fromkeys(regions)), author, licence)
    folder = out / names.distribution
    for path in render_package(package, folder):
        click.echo(folder / path)
    if not known:
        click.echo(
            f"\nThe family {family} is new. In your pull request its word needs an entry in "
            "registry/families.yaml,\n"
            f"  {family}:\n    name: ...\n    kind: {kind}\n    reference: ...\n"
            f"and one under families_known in {ENGLISH},\n"
            f"  {family}:\n    name: ...\n    text: ...\n({KOREAN}).",
            err=True,
        )
    click.echo(f"\nNext: fakecheck detectors pack GRAPH.pb LABELS.pbtxt {folder}", err=True)

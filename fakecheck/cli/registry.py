"""`fakecheck registry`: the known detectors, and how the installed ones stand to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from textwrap import wrap
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from fakecheck.card import FITTED, Metric
from fakecheck.cli.markup import escape
from fakecheck.cli.registry_add import add
from fakecheck.cli.shared import FORMAT
from fakecheck.cli.stdout import print_json
from fakecheck.errors import ExitCode, UsageError
from fakecheck.index import BUNDLED, IndexEntry, Registry, registry
from fakecheck.index_files import artifacts_of
from fakecheck.installed import InstalledDetector
from fakecheck.plugins import PluginHost
from fakecheck.trust import Standing, standing

# Columns of the list that are left out where words would have to be folded, the first one first.
SPARE = ("ROC AUC", "from")
# Columns of which no line is wrapped.
WHOLE = ("detector", "family", "ROC AUC")
# Between two columns.
GAP = 2
STYLES = {"known": "green", "changed": "bold red"}


@click.group("registry")
def registry_() -> None:
    """Show the index of known detectors, compare with it, and add to it.

    The index came with this version of fakecheck; nothing is asked of the network.
    """


registry_.add_command(add)


@registry_.command("list")
@FORMAT
def list_(form: str) -> None:
    """List the known detectors, installed or not."""
    _print_entries(registry().entries, form)


@registry_.command()
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@FORMAT
def search(words: tuple[str, ...], form: str) -> None:
    """List the known detectors of which every WORD is said.

    Looked through are id, family with its name, kind and members, artifacts, regions and summary.
    """
    known = registry()
    found = [entry for entry in known.entries if _matches(entry, known, words)]
    if found or form == "json":
        _print_entries(found, form)
        return
    click.echo(f"No known detector matches {' '.join(words)!r}.")
    for word in words:
        family = known.families.get(word.lower())
        if family is not None:
            click.echo(f"The family {family.word} ({family.name}) has no detector yet.")
        elif close := get_close_matches(word.lower(), _vocabulary(known), n=3):
            click.echo(f"Close to {word!r}: {', '.join(close)}.")


@registry_.command()
@click.argument("detector_id", metavar="ID")
@FORMAT
def show(detector_id: str, form: str) -> None:
    """Show what the index knows of a detector, and where to get it."""
    known = registry()
    entry = known.entry(detector_id)
    if entry is None:
        ids = [one.id for one in known.entries]
        close = get_close_matches(detector_id.lower(), ids, n=1)
        raise UsageError(
            f"No known detector is called {detector_id!r}",
            f"did you mean {close[0]}?" if close else f"known are {', '.join(ids) or 'none'}",
        )
    if form == "json":
        print_json(_content(entry))
        return
    _show(Console(), entry, known)


@registry_.command()
@FORMAT
def check(form: str) -> int:
    """Compare the installed detectors with the index.

    Tells those that are unknown, older or newer than the index, or changed: of the same version,
    with another sha256 of a file. Every file is read. Exits with code 1 if one is changed.
    """
    host = PluginHost.discover()
    entries = registry().entries
    found = [
        (one, standing(one.card, one.origin.distribution, entries))
        for one in host.detectors.values()
    ]
    if form == "json":
        rows = [_standing(one, place) for one, place in found]
        print_json({"detectors": rows})
    else:
        _print_standings(found, len(host.problems))
    changed = any(place.state == "changed" for _, place in found)
    return int(ExitCode.OTHER if changed else ExitCode.OK)


def _matches(entry: IndexEntry, known: Registry, words: Iterable[str]) -> bool:
    text = "\n".join(_words(entry, known)).lower()
    return all(word.lower() in text for word in words)


def _words(entry: IndexEntry, known: Registry) -> list[str]:
    words = [entry.id, entry.family, entry.kind, entry.summary, *entry.classes]
    words.append(entry.kind.replace("_", " "))
    if family := known.families.get(entry.family):
        words.append(family.name)
        for member in family.members:
            words.append(member)
            if member in known.families:
                words.append(known.families[member].name)
    return words


def _vocabulary(known: Registry) -> list[str]:
    words = {*known.families, *known.artifacts.regions, *known.artifacts.artifacts}
    return sorted(words | {entry.id for entry in known.entries})


def _content(entry: IndexEntry) -> dict[str, Any]:
    content: dict[str, Any] = entry.model_dump(mode="json")
    return content


def _print_entries(entries: Sequence[IndexEntry], form: str) -> None:
    if form == "json":
        content = {"detectors": [_content(entry) for entry in entries]}
        print_json(content)
        return
    if not entries:
        click.echo("No detector is known.")
        return
    console = Console()
    columns = _columns(entries)
    for title in SPARE:
        if _least_width(columns) > console.width:
            del columns[title]
    table = _table(*columns)
    for column in table.columns:
        column.no_wrap = column.header in WHOLE
    for cells in zip(*columns.values(), strict=True):
        table.add_row(*map(escape, cells))
    console.print(table)
    if "ROC AUC" in columns:
        _explain_fitted(entries)


def _set(row: Metric) -> str:
    return f"{row.set} ({FITTED})" if row.split == FITTED else row.set


def _explain_fitted(entries: Sequence[IndexEntry]) -> None:
    if any(row.split == FITTED for entry in entries for row in entry.accuracy):
        click.echo(f"({FITTED}): not held back; the detector's calibration was fitted to these.")


def _columns(entries: Sequence[IndexEntry]) -> dict[str, list[str]]:
    sources = [BUNDLED if one.source == BUNDLED else one.distribution for one in entries]
    return {
        "detector": [f"{one.id}\n{one.version}" for one in entries],
        "family": [f"{one.family}\n{one.kind.replace('_', ' ')}" for one in entries],
        "finds": [artifacts_of(one.classes) for one in entries],
        "ROC AUC": [
            "\n".join(f"{row.auc:.3f} {_set(row)}" for row in one.accuracy) or "not stated"
            for one in entries
        ],
        # A distribution's name may be parted at its hyphens.
        "from": ["\n".join(wrap(source, 14, break_long_words=False)) for source in sources],
    }


def _least_width(columns: Mapping[str, Sequence[str]]) -> int:
    """Characters that a table needs so that no word is folded, and no line of what is WHOLE."""
    widths = []
    for title, cells in columns.items():
        split = str.splitlines if title in WHOLE else str.split
        widths.append(max(cell_len(part) for text in (title, *cells) for part in split(text)))
    return sum(widths) + GAP * (len(widths) - 1)


def _where_to_get(entry: IndexEntry) -> str:
    if entry.source == BUNDLED:
        return "comes with fakecheck"
    if entry.source.startswith("contrib/"):
        return f"{entry.distribution}: pip install {entry.source}, in a checkout of fakecheck"
    return f"{entry.distribution}, from {entry.source}"


def _show(console: Console, entry: IndexEntry, known: Registry) -> None:
    console.print(f"[bold]{escape(entry.id)}[/] {entry.version}, {entry.date}")
    console.print(escape(entry.summary), end="\n\n")
    facts = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    family = known.families.get(entry.family)
    members = [known.families[word].name for word in (family.members if family else ())]
    for key, value in (
        ("family", f"{family.name if family else entry.family} ({entry.kind.replace('_', ' ')})"),
        ("stands for", ", ".join(members)),
        ("finds", ", ".join(entry.classes)),
        ("get it", _where_to_get(entry)),
        ("licence", f"{entry.licence.graph}; data: {entry.licence.data}"),
        ("reference", family.reference if family else ""),
        ("sha256", "\n".join(f"{name}\n  {sha}" for name, sha in entry.files.items())),
    ):
        if value:
            facts.add_row(key, escape(value))
    console.print(facts)
    if entry.accuracy:
        console.print("\n[bold]Measured[/] of this detector alone, on undegraded pictures")
        console.print(_accuracy(entry))
        _explain_fitted([entry])


def _accuracy(entry: IndexEntry) -> Table:
    table = _table("set", "ROC AUC", "recall at 1 % FPR", "fakes", "reals", "reals from")
    for row in entry.accuracy:
        table.add_row(
            escape(_set(row) if row.split in ("val", FITTED) else f"{row.set} ({row.split})"),
            f"{row.auc:.3f}",
            "" if row.recall_at_fpr01 is None else f"{row.recall_at_fpr01:.2f}",
            str(row.positives),
            str(row.negatives),
            escape(row.negatives_from),
        )
    return table


def _standing(one: InstalledDetector, place: Standing) -> dict[str, Any]:
    return {
        "id": one.card.id,
        "version": one.card.version,
        "distribution": one.origin.distribution,
        "state": place.state,
        "cause": place.cause,
        "advice": place.advice,
    }


def _print_standings(found: Sequence[tuple[InstalledDetector, Standing]], problems: int) -> None:
    console = Console()
    table = _table("detector", "from", "state", "why")
    for one, place in found:
        style = STYLES.get(place.state, "yellow")
        who = f"{escape(one.card.id)} {one.card.version}"
        state = f"[{style}]{place.state}[/]"
        table.add_row(who, escape(str(one.origin)), state, escape(str(place)))
    console.print(table if found else "No detector is installed.")
    if problems:
        noun = "detector or plug-in" if problems == 1 else "detectors or plug-ins"
        click.echo(f"{problems} {noun} cannot be used: fakecheck detectors list says why.")


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table

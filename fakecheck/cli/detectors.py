"""`fakecheck detectors`: what is installed, what is known of it, and models made fast."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console
from rich.table import Table

from fakecheck.card import ONNX_FILE, DetectorCard
from fakecheck.cli.markup import escape
from fakecheck.cli.new import new
from fakecheck.cli.pack import pack
from fakecheck.cli.shared import FORMAT, TRUSTED_ONLY
from fakecheck.cli.stdout import print_json
from fakecheck.cli.validate import validate
from fakecheck.errors import FakecheckError, UsageError
from fakecheck.installed import InstalledDetector, PluginProblem
from fakecheck.plugins import PluginHost


@click.group()
def detectors() -> None:
    """Show the installed detectors, and prepare them."""


detectors.add_command(new)
detectors.add_command(pack)
detectors.add_command(validate)


@detectors.command("list")
@FORMAT
@TRUSTED_ONLY
def list_(form: str, trusted_only: bool) -> None:
    """List the detectors, and the plug-ins that cannot be used with the cause.

    The files of every detector are read and checked: sha256, allowed ops, label map.
    """
    host = PluginHost.discover(trusted_only=trusted_only or None)
    damaged = host.check_files()
    problems = (*host.problems, *damaged)
    unusable = {problem.detector for problem in damaged}
    usable = [one for one in host.detectors.values() if one.card.id not in unusable]
    if form == "json":
        content = {
            "detectors": [_row(one) for one in usable],
            "problems": [_problem(problem) for problem in problems],
        }
        print_json(content)
        return
    console = Console()
    if usable:
        console.print(_table(usable))
    else:
        console.print("No detector can be used.")
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        console.print(f"\n[bold red]{len(problems)} {noun}[/], the rest works:")
        for problem in problems:
            line = f"  [bold]{escape(_who(problem))}[/]: {escape(problem.cause)}"
            # Paths stay whole: the terminal wraps, and a pipe gets one line.
            console.print(line, soft_wrap=True, highlight=False)


@detectors.command()
@click.argument("detector_id", metavar="ID")
@FORMAT
def show(detector_id: str, form: str) -> None:
    """Show a detector's card: what it finds, how well, and the terms of its data."""
    one = _find(PluginHost.discover(), detector_id)
    if form == "json":
        content = {**one.card.model_dump(mode="json", by_alias=True), "from": str(one.origin)}
        print_json(content)
        return
    _show(Console(), one)


@detectors.command()
@click.argument("detector_ids", metavar="ID...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every detector that has no model yet.")
@click.option("--force", is_flag=True, help="Make the model again where there is one.")
def optimize(detector_ids: tuple[str, ...], everything: bool, force: bool) -> None:
    """Make a detector's ONNX model from its TensorFlow graph, once.

    With it the detector runs without TensorFlow and faster. The two are compared on sample pictures
    first, and the model's sha256 goes onto the card. Needs the extra fakecheck[tensorflow].
    """
    if everything == bool(detector_ids):
        raise UsageError("Name the detectors to optimize, or give --all")
    host = PluginHost.discover()
    chosen = list(host.detectors.values())
    if not everything:
        chosen = [_find(host, word) for word in detector_ids]
    # Not at the top: the engines are imported only by those who need them.
    from fakecheck.engines.optimize import optimize_bundle

    console = Console(stderr=True)
    failures: list[FakecheckError] = []
    for one in chosen:
        card = one.card
        if card.onnx is not None and not force:
            click.echo(f"{card.id}: has a model already")
            continue
        try:
            with console.status(f"{card.id}: converting and comparing"):
                agreement = optimize_bundle(card)
        except FakecheckError as error:
            # The others first; the last failure then ends the command with its exit code.
            failures.append(error)
            if len(chosen) > 1:
                click.echo(f"{card.id}: {error}", err=True)
            continue
        click.echo(
            f"{card.id}: {ONNX_FILE} written; {agreement.boxes} boxes compared, scores equal "
            f"within {agreement.score:.1g}, coordinates within {agreement.coordinate:.1g}"
        )
    if failures:
        raise failures[-1]


def _find(host: PluginHost, identifier: str) -> InstalledDetector:
    if identifier in host.detectors:
        return host.detectors[identifier]
    if broken := host.broken(identifier):
        raise broken
    known = ", ".join(host.detectors)
    raise UsageError(
        f"No detector is called {identifier!r}",
        (f"known are {known}" if known else "no detector is installed") + host.hint,
    )


def _engines(card: DetectorCard) -> list[str]:
    return ["onnx", "tensorflow"] if card.onnx is not None else ["tensorflow"]


def _who(problem: PluginProblem) -> str:
    origin = problem.origin
    plugin = "" if origin.distribution is None else f", plug-in {origin.plugin}"
    who = f"{origin}{plugin if origin.plugin else ''}"
    return f"{problem.detector} ({who})" if problem.detector else who


def _row(one: InstalledDetector) -> dict[str, Any]:
    card, origin = one.card, one.origin
    return {
        "id": card.id,
        "version": card.version,
        "family": card.family,
        "kind": card.kind,
        "artifacts": [spec.name for spec in card.classes],
        "engines": _engines(card),
        "licence": card.licence.graph,
        "plugin": origin.plugin,
        "distribution": origin.distribution,
        "distribution_version": origin.version,
    }


def _problem(problem: PluginProblem) -> dict[str, Any]:
    return {
        "detector": problem.detector,
        "plugin": problem.origin.plugin,
        "distribution": problem.origin.distribution,
        "distribution_version": problem.origin.version,
        "cause": problem.cause,
    }


def _table(rows: list[InstalledDetector]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    # Words of the taxonomy stay whole on a narrow terminal; sentences may wrap.
    for heading in ("detector", "family", "finds", "engines"):
        table.add_column(heading, no_wrap=True)
    table.add_column("from")
    for one in rows:
        card = one.card
        cells = (
            f"{card.id}\n{card.version}",
            f"{card.family}\n{card.kind.replace('_', ' ')}",
            "\n".join(spec.name for spec in card.classes),
            "\n".join(_engines(card)),
            str(one.origin),
        )
        table.add_row(*(escape(cell) for cell in cells))
    return table


def _show(console: Console, one: InstalledDetector) -> None:
    card, made = one.card, one.card.training
    console.print(f"[bold]{escape(card.id)}[/] {card.version}, from {escape(str(one.origin))}")
    console.print(escape(card.summary), end="\n\n")
    crop = f"{', '.join(card.crop.regions)}, margin {card.crop.margin:g}"
    facts = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    size = f"{card.input.width} x {card.input.height} {card.input.color}"
    for key, value in (
        ("family", f"{card.family} ({card.kind.replace('_', ' ')})"),
        ("finds", ", ".join(spec.name for spec in card.classes)),
        ("looks at", f"{crop}, upright if tilted by over {card.crop.max_tilt:g}°; {size} pixels"),
        ("filters", ", ".join(str(step["name"]) for step in card.filters) or "none"),
        ("architecture", card.architecture),
        ("engines", ", ".join(_engines(card))),
        ("licence", f"{card.licence.graph}; data: {card.licence.data}"),
        ("limits", "\n".join(card.limits)),
        ("made by", made.command),
        ("made on", f"{made.date}, {made.steps} steps, seed {made.seed}"),
        ("files", "\n".join(f"{name}  sha256 {sha[:16]}…" for name, sha in card.files.items())),
        ("folder", str(card.folder)),
    ):
        facts.add_row(key, escape(value))
    console.print(facts)
    _show_data(console, card)
    _show_metrics(console, card)


def _show_data(console: Console, card: DetectorCard) -> None:
    table = Table("set", "split", "use", "terms", box=None, pad_edge=False, header_style="bold")
    table.add_column("pictures", justify="right")
    for data in card.training.data:
        cells = (data.set, data.split, data.use, data.terms, str(data.pictures))
        table.add_row(*(escape(cell) for cell in cells))
    console.print("\n[bold]Trained on[/]")
    console.print(table)


def _show_metrics(console: Console, card: DetectorCard) -> None:
    if not card.metrics:
        return
    table = Table("of", "set", "degradation", box=None, pad_edge=False, header_style="bold")
    for heading in ("ROC AUC", "recall at 1 % FPR", "fakes", "reals"):
        table.add_column(heading, justify="right")
    table.add_column("reals from")
    for row in card.metrics:
        recall = "" if row.recall_at_fpr01 is None else f"{row.recall_at_fpr01:.2f}"
        table.add_row(
            row.of,
            escape(row.set if row.split == "val" else f"{row.set} ({row.split})"),
            escape(row.degradation),
            f"{row.auc:.3f}",
            recall,
            str(row.positives),
            str(row.negatives),
            escape(row.negatives_from),
        )
    console.print("\n[bold]Measured[/]")
    console.print(table)

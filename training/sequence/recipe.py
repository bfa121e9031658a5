"""The recipe of the temporal model, and where its training keeps what it makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import click

from fakecheck_training.recipe import load_recipe
from fakecheck_training.sequence.corpus import FOLDER
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
    false_alarm_rate: float = 0.01
    miss_rate: float = 0.05
    augment: Augment = field(default_factory=Augment)


recipe_argument = click.argument(
    "recipe", type=click.Path(path_type=Path), default=Path("sequence")
)


def load_sequence_recipe(path: Path) -> SequenceRecipe:
    """The recipe in the file `path`, or in `recipes/NAME.yaml` of this package."""
    return load_recipe(SequenceRecipe, path)


def model_folder(work: Path, recipe: SequenceRecipe) -> Path:
    """Where weights and held-back scores are kept."""
    return work / FOLDER / "models" / recipe.name

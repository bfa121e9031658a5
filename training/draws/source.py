"""What a training example is, and what a source of them must do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from fakecheck.types import Floats, Image
from fakecheck_training.augment import Rng
from fakecheck_training.data import Sample


@dataclass(frozen=True, eq=False)
class Draw:
    """One training example.

    `image` is (height, width, 3) uint8 BGR, `xyxy` (n, 4) float32 in pixels of it: what a detector
    shall box, `labels` their class names; `family` is empty for a real one.
    """

    image: Image
    fake: bool
    family: str
    xyxy: Floats
    labels: tuple[str, ...]
    source: str


@dataclass(frozen=True, eq=False)
class Pair:
    """A fake made from a real face, and the same crop (height, width, 3) uint8 before that."""

    before: Image
    after: Draw


class Source(Protocol):
    """Makes draws: what the classifier stage and the records are fed from."""

    @property
    def families(self) -> list[str]:
        """The families that a fake draw may have."""

    def draw(self, fake: bool, rng: Rng) -> Draw:
        """A fake or a real example, entirely determined by the state of `rng`."""


@runtime_checkable
class PairSource(Source, Protocol):
    """A source that makes fakes from real faces, and can show how."""

    def pair(self, rng: Rng) -> Pair:
        """A fake example and what it was made from."""


def balanced(
    samples: Sequence[Sample], power: float, weights: dict[str, float]
) -> tuple[list[list[Sample]], Floats]:
    """Samples set by set and the chance of each set: its size to the `power`, times its weight."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.dataset, []).append(sample)
    names = sorted(groups)
    chance = np.array([len(groups[n]) ** power * weights.get(n, 1.0) for n in names])
    return [groups[n] for n in names], chance / chance.sum()


def pick_one(pool: tuple[list[list[Sample]], Floats], rng: Rng) -> Sample:
    """A sample of what `balanced` gave."""
    groups, chance = pool
    group = groups[rng.choice(len(groups), p=chance)]
    return group[rng.integers(len(group))]

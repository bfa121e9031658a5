"""Draws of real faces with simulated artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fakecheck.errors import InputError
from fakecheck.regions import MAX_TILT
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Degrader, Rng
from fakecheck_training.data import Sample
from fakecheck_training.draws.source import Draw, Pair, balanced, pick_one
from fakecheck_training.draws.views import clip_boxes, degraded_crop, random_picture
from fakecheck_training.recipe import Simulate
from fakecheck_training.simulation.artifacts import (
    NO_BOXES,
    add_artifacts,
    random_labels,
    spoil_whole,
)

FAMILY = "attributes"
TRIES = 40
# Of the reals: as an artifact's picture was before it, so that real and fake are the same pictures
# under the same degradations; and flawed all over.
TWIN, SPOILED = 0.4, 0.35


@dataclass(frozen=True, eq=False)
class ArtifactSource:
    """Face crops of `size` (width, height) pixels of real pictures, with artifacts as fakes.

    An artifact comes before the degradation, and is left out where it would not be seen after it.
    """

    root: Path
    faces: dict[str, Face]
    reals: Sequence[Sample]
    degrader: Degrader
    size: tuple[int, int]
    margin: float
    simulate: Simulate
    power: float = 0.5
    real_weights: dict[str, float] | None = None
    max_tilt: float = MAX_TILT

    def __post_init__(self) -> None:
        pool = balanced(self.reals, self.power, self.real_weights or {})
        object.__setattr__(self, "_reals", pool)

    @property
    def families(self) -> list[str]:
        """One: no generator is simulated, only what many of them leave."""
        return [FAMILY]

    def draw(self, fake: bool, rng: Rng) -> Draw:
        """A crop with artifacts, or one without."""
        if fake:
            return self.pair(rng).after
        kind = rng.random()
        if kind < TWIN:
            pair = self.pair(rng)
            return untouched(pair.before, pair.after.source)
        sample, image, face = self._picture(rng)
        if kind < TWIN + SPOILED:
            image = spoil_whole(image, face, rng)
        return untouched(self._cut(image, face, NO_BOXES, rng)[0], sample.key)

    def pair(self, rng: Rng) -> Pair:
        """A crop with artifacts, and as it would be without them."""
        # Classes first: else those that are soonest hidden would be the rarest.
        labels = random_labels(self.simulate.artifacts, self.simulate.regions, rng)
        for _ in range(TRIES):
            sample, image, face = self._picture(rng)
            seed = int(rng.integers(2**32))

            def view(
                picture: Image, xyxy: Floats, face: Face = face, seed: int = seed
            ) -> tuple[Image, Floats]:
                return self._cut(picture, face, xyxy, np.random.default_rng(seed))

            made = add_artifacts(image, face, labels, view, rng)
            if made.changes:
                draw = Draw(
                    image=made.after,
                    fake=True,
                    family=FAMILY,
                    xyxy=np.stack([change.seen for change in made.changes]),
                    labels=tuple(change.label for change in made.changes),
                    source=sample.key,
                )
                return Pair(made.before, draw)
        raise InputError(f"no artifact to be seen in {TRIES} tries: is the degradation too much?")

    def _picture(self, rng: Rng) -> tuple[Sample, Image, Face]:
        sample = pick_one(self._reals, rng)  # type: ignore[attr-defined]
        return sample, *random_picture(self.root, sample, self.faces, rng)

    def _cut(self, image: Image, face: Face, xyxy: Floats, rng: Rng) -> tuple[Image, Floats]:
        crop, boxes = degraded_crop(
            image, face, xyxy, self.degrader, self.size, self.margin, rng, self.max_tilt
        )
        return crop, clip_boxes(boxes, *self.size)


def untouched(image: Image, source: str) -> Draw:
    """A real example."""
    return Draw(image, False, "", NO_BOXES, (), source)

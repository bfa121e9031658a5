"""Draws of real faces with simulated artifacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fakecheck.types import Face, Floats, Image
from fakecheck_training.artifacts import (
    Change,
    add_artifacts,
    random_labels,
    spoil_whole,
    visibility,
)
from fakecheck_training.augment import Degrader, Rng
from fakecheck_training.data import Sample
from fakecheck_training.draws import (
    Draw,
    Pair,
    balanced,
    clip_boxes,
    degraded_crop,
    pick_one,
    random_picture,
)
from fakecheck_training.recipe import Simulate

FAMILY = "attributes"
TRIES = 60
# Under this share of what makes a positive, an artifact is not there.
HIDDEN = 0.4
NO_BOXES = np.zeros((0, 4), np.float32)
# Of the reals: as an artifact's picture was before it, so that real and fake are the same pictures
# under the same degradations; and flawed all over.
TWIN, SPOILED = 0.4, 0.35


@dataclass(frozen=True, eq=False)
class ArtifactSource:
    """Face crops of `size` (width, height) pixels of real pictures, with artifacts as fakes.

    An artifact comes before the degradation; it is boxed where it is still seen after it.
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
            changes = add_artifacts(image, face, labels, rng)
            states, boxes = self._seen(image, face, changes, int(rng.integers(2**32)))
            kept = visible(states, boxes, [change.label for change in changes])
            if kept:
                draw = Draw(
                    image=states[-1],
                    fake=True,
                    family=FAMILY,
                    xyxy=boxes[kept],
                    labels=tuple(changes[i].label for i in kept),
                    source=sample.key,
                )
                return Pair(states[0], draw)
        raise RuntimeError(f"no artifact to be seen in {TRIES} tries: is the degradation too much?")

    def _picture(self, rng: Rng) -> tuple[Sample, Image, Face]:
        sample = pick_one(self._reals, rng)  # type: ignore[attr-defined]
        return sample, *random_picture(self.root, sample, self.faces, rng)

    def _cut(self, image: Image, face: Face, xyxy: Floats, rng: Rng) -> tuple[Image, Floats]:
        return degraded_crop(image, face, xyxy, self.degrader, self.size, self.margin, rng)

    def _seen(
        self, image: Image, face: Face, changes: Sequence[Change], seed: int
    ) -> tuple[list[Image], Floats]:
        """The crops before and after each change, degraded alike, and the boxes (n, 4) in them."""
        placed = np.array([change.xyxy for change in changes], np.float32).reshape(-1, 4)
        cut = [
            self._cut(state, face, placed, np.random.default_rng(seed))
            for state in (image, *(change.image for change in changes))
        ]
        return [crop for crop, _ in cut], clip_boxes(cut[0][1], *self.size)


def visible(states: Sequence[Image], boxes: Floats, labels: Sequence[str]) -> list[int]:
    """Which changes can be seen: `states` are the crops before and after each of them.

    None at all where one is neither seen nor hidden: such a crop would teach that there is none. A
    grid may cover more than its box.
    """
    kept = []
    for i, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        before, after = states[i], states[i + 1]
        seen = visibility(before, after, box, label)
        if seen >= 1:
            kept.append(i)
            continue
        if label == "face_gridnoise":
            whole = np.array([0, 0, after.shape[1], after.shape[0]], np.float32)
            seen = max(seen, visibility(before, after, whole, label))
        if seen >= HIDDEN:
            return []
    return kept


def untouched(image: Image, source: str) -> Draw:
    """A real example."""
    return Draw(image, False, "", NO_BOXES, (), source)

"""Draws of whole faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fakecheck.errors import InputError
from fakecheck.regions import MAX_TILT
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Degrader, Rng
from fakecheck_training.data import Sample
from fakecheck_training.draws.source import Draw, balanced, pick_one
from fakecheck_training.draws.views import (
    clip_boxes,
    degraded_crop,
    random_view,
    shown_share,
)
from fakecheck_training.faces import read_image

# A face crop has a box for what it shows this much of.
SHOWN = 0.5
TRIES = 30


def drawn_as(fake: bool, draw: Callable[[], Draw]) -> Draw:
    """The first of `draw`'s results that is so: of a fake the crop may not show what is forged."""
    for _ in range(TRIES):
        found = draw()
        if found.fake == fake:
            return found
    raise InputError(f"no forged face to be seen in {TRIES} tries: are the boxes right?")


@dataclass(frozen=True, eq=False)
class FaceSource:
    """Face crops of real and fake pictures; the box of a fake lies over its face if not annotated.

    `size` is (width, height) in pixels, `power` and `weights` as for `balanced`.
    """

    root: Path
    faces: dict[str, Face]
    fakes: Sequence[Sample]
    reals: Sequence[Sample]
    degrader: Degrader
    size: tuple[int, int]
    margin: float
    label: str = "face_synthesis"
    power: float = 0.5
    fake_weights: dict[str, float] | None = None
    real_weights: dict[str, float] | None = None
    max_tilt: float = MAX_TILT

    def __post_init__(self) -> None:
        if not self.fakes or not self.reals:
            raise ValueError(
                f"both fake and real pictures are needed, got {len(self.fakes)} and "
                f"{len(self.reals)}"
            )
        pools = {
            True: balanced(self.fakes, self.power, self.fake_weights or {}),
            False: balanced(self.reals, self.power, self.real_weights or {}),
        }
        object.__setattr__(self, "_pools", pools)

    @property
    def families(self) -> list[str]:
        """The families of the fakes, sorted."""
        return sorted({sample.family for sample in self.fakes})

    def draw(self, fake: bool, rng: Rng) -> Draw:
        """A face crop of a set and a picture picked at random."""
        return drawn_as(fake, lambda: self._any(fake, rng))

    def _any(self, fake: bool, rng: Rng) -> Draw:
        sample = self.pick(fake, rng)
        return self.cut(sample, read_image(self.root / sample.key), rng)

    def pick(self, fake: bool, rng: Rng) -> Sample:
        """A sample of a set picked at random."""
        return pick_one(self._pools[fake], rng)  # type: ignore[attr-defined]

    def cut(self, sample: Sample, image: Image, rng: Rng, margins: Floats | None = None) -> Draw:
        """A face crop of `image`, the sample's picture as read or with other colours.

        `margins` (4,) as for `random_view`.
        """
        face, labels = self.faces[sample.key], sample.labels or (self.label,)
        marked = np.array(sample.boxes or [face.xyxy] * len(labels), np.float32)
        image, face, xyxy, _ = random_view(image, face, marked, rng, margins)
        crop, boxes = degraded_crop(
            image, face, xyxy, self.degrader, self.size, self.margin, rng, self.max_tilt
        )
        seen = np.array([shown_share(box, *self.size) >= SHOWN for box in boxes])
        fake = sample.fake and bool(seen.any())
        return Draw(
            image=crop,
            fake=fake,
            family=sample.family if fake else "",
            xyxy=clip_boxes(boxes[seen], *self.size) if fake else np.zeros((0, 4), np.float32),
            labels=tuple(np.array(labels)[seen].tolist()) if fake else (),
            source=sample.key,
        )

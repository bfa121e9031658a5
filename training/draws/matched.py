"""Draws of whole faces whose frame and light tell nothing, for sets that they would give away."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fakecheck.regions import crop_regions
from fakecheck.types import Floats, Image
from fakecheck_training.augment import Rng
from fakecheck_training.data import Sample
from fakecheck_training.draws.faces import FaceSource, drawn_as
from fakecheck_training.draws.source import Draw
from fakecheck_training.draws.views import match_colours, picture_margins
from fakecheck_training.faces import read_image

# A matched real is the best of so many, by crops shrunk to LOOK × LOOK pixels.
CANDIDATES, LOOK = 48, 8


@dataclass(frozen=True, eq=False)
class MatchedSource:
    """What `faces` draws, but a `share` of the draws, fake and real, is matched.

    Reals are then those that look most like some fake from afar; fake and real alike have the
    closer frame of a fake's and such a real's picture, and the colours of some fake's crop.
    """

    faces: FaceSource
    share: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "_looks", {})

    @property
    def families(self) -> list[str]:
        """The families of the fakes, sorted."""
        return self.faces.families

    def draw(self, fake: bool, rng: Rng) -> Draw:
        """A face crop of a set and a picture picked at random, matched or not."""
        if rng.random() >= self.share:
            return self.faces.draw(fake, rng)
        return drawn_as(fake, lambda: self._matched(fake, rng))

    def _matched(self, fake: bool, rng: Rng) -> Draw:
        like, other = (self.faces.pick(True, rng) for _ in range(2))
        real = self._real_like(like, rng)
        sample, framed = (other, real) if fake else (real, other)
        image = match_colours(self._read(sample), self._crop(sample), self._crop(like))
        margins = picture_margins(self._read(framed), self.faces.faces[framed.key])
        return self.faces.cut(sample, image, rng, margins)

    def _real_like(self, fake: Sample, rng: Rng) -> Sample:
        candidates = [self.faces.pick(False, rng) for _ in range(CANDIDATES)]
        looks = np.stack([self._look(sample) for sample in candidates])
        return candidates[int(np.abs(looks - self._look(fake)).sum(axis=1).argmin())]

    def _look(self, sample: Sample) -> Floats:
        """(LOOK * LOOK * 3,) float32: the crop from afar."""
        looks: dict[str, Floats] = self._looks  # type: ignore[attr-defined]
        if sample.key not in looks:
            small = cv2.resize(self._crop(sample), (LOOK, LOOK), interpolation=cv2.INTER_AREA)
            looks[sample.key] = small.ravel().astype(np.float32)
        return looks[sample.key]

    def _crop(self, sample: Sample) -> Image:
        """What a detector would see of the picture."""
        face, own = self.faces.faces[sample.key], self.faces
        return crop_regions(
            self._read(sample), [face], ("face",), own.size, own.margin, own.max_tilt
        )[0].image

    def _read(self, sample: Sample) -> Image:
        return read_image(self.faces.root / sample.key)

"""Draws of whole faces, a share of the fakes being blends of real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from fakecheck.errors import InputError
from fakecheck.regions import eye_distance
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Rng
from fakecheck_training.data import Sample
from fakecheck_training.draws.faces import FaceSource
from fakecheck_training.draws.source import Draw, Pair
from fakecheck_training.draws.views import clip_boxes, degraded_crop, random_picture
from fakecheck_training.simulation.blends import SWAP, Blend, blend_labels, cross_blend, self_blend
from fakecheck_training.simulation.masks import mask_box, roll, turned

FAMILY = "blended"
TRIES = 30
SELF = 0.65  # the share of blends of a face with itself
NEAREST = 40  # donors to choose from


def upright_landmarks(face: Face) -> Floats:
    """(10,) float32 the landmarks from between the eyes, in eye distances, the eyes level."""
    marks = face.landmarks - face.landmarks[:2].mean(axis=0)
    return (turned(marks, -roll(face)) / eye_distance(face)).ravel().astype(np.float32)


class Donors:
    """Real faces, to be found by their landmarks, as Face X-ray does."""

    def __init__(self, samples: Sequence[Sample], faces: dict[str, Face]) -> None:
        self._samples = samples
        self._marks = np.stack([upright_landmarks(faces[sample.key]) for sample in samples])

    def like(self, face: Face, group: str, rng: Rng) -> Sample | None:
        """One of the nearest that is of another group; None where all of them are of this one."""
        distance = np.square(self._marks - upright_landmarks(face)).sum(axis=1)
        count = min(NEAREST, len(distance) - 1)
        nearest = np.argpartition(distance, count)[: count + 1]
        others = [i for i in nearest if self._samples[i].group != group]
        return self._samples[others[rng.integers(len(others))]] if others else None


@dataclass(frozen=True, eq=False)
class BlendSource:
    """What `faces` draws, but a `share` of the fakes are made of its real pictures.

    A blend is boxed as each of `labels` that is seen in the crop: a swap over the face, the other
    marks over what was blended.
    """

    faces: FaceSource
    share: float
    labels: Sequence[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_donors", Donors(self.faces.reals, self.faces.faces))

    @property
    def families(self) -> list[str]:
        """The families of the pictures, and that of the blends."""
        return sorted({*self.faces.families, FAMILY})

    def draw(self, fake: bool, rng: Rng) -> Draw:
        """A face crop of a picture, or of a blend."""
        if fake and rng.random() < self.share:
            return self.pair(rng).after
        return self.faces.draw(fake, rng)

    def pair(self, rng: Rng) -> Pair:
        """A crop of a blend, and the same of the picture that it was blended onto."""
        for _ in range(TRIES):
            sample = self.faces.pick(False, rng)
            image, face = random_picture(self.faces.root, sample, self.faces.faces, rng)
            blend = self._blend(image, face, sample, rng)
            box = mask_box(blend.mask) if blend else None
            if blend is None or box is None:
                continue
            whole = [0, 0, image.shape[1], image.shape[0]]
            placed = np.array([whole, face.xyxy, box], np.float32)
            seen, boxes = self._seen(blend, face, placed, int(rng.integers(2**32)))
            found = blend_labels(seen)
            labels = tuple(label for label in self.labels if label in found)
            if labels:
                marked = np.stack([boxes[0] if label == SWAP else boxes[1] for label in labels])
                clipped = clip_boxes(marked, *self.faces.size)
                return Pair(seen.outer, Draw(seen.image, True, FAMILY, clipped, labels, sample.key))
        raise InputError(f"no blend to be seen in {TRIES} tries: is the degradation too much?")

    def _blend(self, image: Image, face: Face, sample: Sample, rng: Rng) -> Blend | None:
        if rng.random() < SELF:
            return self_blend(image, face, rng)
        donors: Donors = self._donors  # type: ignore[attr-defined]
        donor = donors.like(face, sample.group, rng)
        if donor is None:
            return None
        other, other_face = random_picture(self.faces.root, donor, self.faces.faces, rng)
        return cross_blend(image, face, other, other_face, rng)

    def _seen(self, blend: Blend, face: Face, placed: Floats, seed: int) -> tuple[Blend, Floats]:
        """The blend as it looks in the degraded crop, and where the boxes (n, 4) lie there.

        The first of `placed` (n + 1, 4) is the whole picture's.
        """
        own = self.faces
        crops = []
        for image in (blend.image, blend.outer):
            rng = np.random.default_rng(seed)
            crop, boxes = degraded_crop(
                image, face, placed, own.degrader, own.size, own.margin, rng, own.max_tilt
            )
            crops.append(crop)
        left, top, right, bottom = boxes[0]
        height, width = blend.mask.shape
        matrix = np.array([[(right - left) / width, 0, left], [0, (bottom - top) / height, top]])
        mask = cv2.warpAffine(blend.mask, matrix, own.size)
        return replace(blend, image=crops[0], outer=crops[1], mask=mask), boxes[1:]

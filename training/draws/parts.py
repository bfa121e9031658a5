"""Draws of part crops: eyes, nose and mouth, real, from CIPLab's forgeries, and simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fakecheck.errors import InputError
from fakecheck.regions import MAX_TILT, Crop, crop_regions
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Degrader, Rng
from fakecheck_training.data import Sample
from fakecheck_training.draws.source import Draw, balanced
from fakecheck_training.draws.views import (
    clip_boxes,
    degrade_with_face,
    flip_face,
    jitter_face,
    random_view,
    shown_share,
)
from fakecheck_training.faces import read_image
from fakecheck_training.simulation.parts import PARTS, part_box, random_parts, swap_parts

FAMILY = "partswap"
MIRRORED = {"left_eye": "right_eye", "right_eye": "left_eye"}
# A replaced part is boxed in a crop that shows this much of it; one that shows between the two is
# no example of an untouched part either.
SHOWN, HIDDEN = 0.7, 0.25
TRIES = 20


def part_label(part: str) -> str:
    """`left_eye` → `eyes_partswap`: the class of the label map."""
    return f"{part_region(part)}_partswap"


def part_region(part: str) -> str:
    """`left_eye` → `eyes`: the word of `fakecheck.regions`."""
    return "eyes" if part.endswith("_eye") else part


def part_crop(
    image: Image, face: Face, part: str, side: int, margin: float, max_tilt: float = MAX_TILT
) -> Crop:
    """The crop around one part, as the runtime cuts it."""
    crops = crop_regions(image, [face], (part_region(part),), (side, side), margin, max_tilt)
    return crops[1] if part == "right_eye" else crops[0]


def _marked(face: Face, replaced: Sequence[str], sample: Sample) -> tuple[list[str], Floats]:
    """Class names and boxes (n, 4) of the replaced parts; annotated ones go before landmarks."""
    if replaced and sample.boxes:
        return list(sample.labels), np.array(sample.boxes, np.float32)
    boxes = [part_box(face, part) for part in replaced]
    return [part_label(part) for part in replaced], np.array(boxes, np.float32).reshape(-1, 4)


@dataclass(frozen=True, eq=False)
class PartSource:
    """Part crops of `side` pixels; each replaced part that a crop shows has a box.

    `simulated` is the share of fakes that are made from two real faces, `untouched` the share of
    reals that are untouched parts of forged pictures.
    """

    root: Path
    faces: dict[str, Face]
    fakes: Sequence[Sample]
    reals: Sequence[Sample]
    degrader: Degrader
    side: int
    margin: float
    simulated: float = 0.45
    untouched: float = 0.0
    power: float = 0.5
    real_weights: dict[str, float] | None = None
    max_tilt: float = MAX_TILT

    def __post_init__(self) -> None:
        groups, chance = balanced(self.reals, self.power, self.real_weights or {})
        object.__setattr__(self, "_reals", (groups, chance))
        partly = [sample for sample in self.fakes if len(sample.parts) < len(PARTS)]
        object.__setattr__(self, "_partly", partly)

    @property
    def families(self) -> list[str]:
        """One: who replaced the part is not to be told."""
        return [FAMILY]

    def draw(self, fake: bool, rng: Rng) -> Draw:
        """A crop with a replaced part, or one without."""
        for _ in range(TRIES):
            if not fake:
                found = self._untouched(rng) if rng.random() < self.untouched else self._real(rng)
            elif rng.random() < self.simulated:
                found = self._simulated(rng)
            else:
                found = self._forged(self.fakes[int(rng.integers(len(self.fakes)))], rng)
            if found is not None:
                return found
        raise InputError(f"no part crop in {TRIES} tries: are the faces of the pack right?")

    def _pick_real(self, rng: Rng) -> Sample:
        groups, chance = self._reals  # type: ignore[attr-defined]
        group = groups[rng.choice(len(groups), p=chance)]
        return group[rng.integers(len(group))]

    def _load(self, sample: Sample) -> tuple[Image, Face]:
        return read_image(self.root / sample.key), self.faces[sample.key]

    def _real(self, rng: Rng) -> Draw | None:
        sample = self._pick_real(rng)
        image, face = self._load(sample)
        return self._cut(image, face, (), PARTS[rng.integers(4)], sample, rng)

    def _forged(self, sample: Sample, rng: Rng) -> Draw | None:
        image, face = self._load(sample)
        part = sample.parts[rng.integers(len(sample.parts))]
        return self._cut(image, face, sample.parts, part, sample, rng)

    def _untouched(self, rng: Rng) -> Draw | None:
        sample = self._partly[rng.integers(len(self._partly))]  # type: ignore[attr-defined]
        image, face = self._load(sample)
        whole = [part for part in PARTS if part not in sample.parts]
        found = self._cut(
            image, face, sample.parts, whole[rng.integers(len(whole))], sample, rng, strict=True
        )
        return found if found is not None and not found.fake else None

    def _simulated(self, rng: Rng) -> Draw | None:
        sample, donor = self._pick_real(rng), self._pick_real(rng)
        if sample.group == donor.group:
            return None
        image, face = self._load(sample)
        other, other_face = self._load(donor)
        if rng.random() < 0.5:
            other, other_face = cv2.flip(other, 1), flip_face(other_face, other.shape[1])
        image, parts = swap_parts(image, face, other, other_face, random_parts(rng), rng)
        if not parts:
            return None
        return self._cut(image, face, parts, parts[rng.integers(len(parts))], sample, rng)

    def _cut(
        self,
        image: Image,
        face: Face,
        replaced: Sequence[str],
        part: str,
        sample: Sample,
        rng: Rng,
        strict: bool = False,
    ) -> Draw | None:
        """The crop around `part`; with `strict`, None where a replaced part is half shown."""
        names, marked = _marked(face, replaced, sample)
        view, face, xyxy, mirrored = random_view(image, face, marked, rng)
        degraded, face = degrade_with_face(view, face, self.degrader, rng)
        part = MIRRORED.get(part, part) if mirrored else part
        crop = part_crop(
            degraded, jitter_face(face, rng), part, self.side, self.margin, self.max_tilt
        )
        size = (self.side, self.side)
        scale = np.tile(np.array(degraded.shape[1::-1]) / view.shape[1::-1], 2)
        boxes, labels = [], []
        for name, box in zip(names, crop.to_crop(xyxy * scale), strict=True):
            share = shown_share(box, *size)
            if share >= SHOWN:
                boxes.append(box)
                labels.append(name)
            elif strict and share > HIDDEN:
                return None
        return Draw(
            image=crop.image,
            fake=bool(boxes),
            family=FAMILY if boxes else "",
            xyxy=clip_boxes(np.array(boxes, np.float32).reshape(-1, 4), *size),
            labels=tuple(labels),
            source=sample.key,
        )

"""Draws: a picture of the pack, degraded, jittered and cut to what a detector is fed, with boxes.

The crop itself is cut by `fakecheck.regions`, as at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from fakecheck.regions import crop_regions
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Degrader, Rng
from fakecheck_training.data import Sample
from fakecheck_training.faces import read_image

# The picture is cut to this many face sides before it is degraded: enough for every crop.
CONTEXT = 2.2
# Some sets are cut close to the face, so their crops end in repeated border pixels: any picture may
# come as close as that, or the streaks would tell the set.
TIGHT, TIGHT_CONTEXT = 0.35, (1.0, 1.5)
# Detectors must bear what the face finder's boxes and landmarks do from picture to picture.
BOX_SHIFT, BOX_SCALE, MARK_SHIFT = 0.05, 0.1, 0.03


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


class Source(Protocol):
    """Makes draws: what the classifier stage and the records are fed from."""

    @property
    def families(self) -> list[str]:
        """The families that a fake draw may have."""

    def draw(self, fake: bool, rng: Rng) -> Draw:
        """A fake or a real example, entirely determined by the state of `rng`."""


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


def longer_side(face: Face) -> float:
    """The longer side of the face's box in pixels, at least 1."""
    return float(max(face.xyxy[2] - face.xyxy[0], face.xyxy[3] - face.xyxy[1], 1.0))


def move_face(face: Face, scale_x: float, scale_y: float, dx: float = 0, dy: float = 0) -> Face:
    """The face after its picture was scaled and then shifted."""
    scale, shift = np.array([scale_x, scale_y]), np.array([dx, dy])
    xyxy = face.xyxy.reshape(2, 2) * scale + shift
    marks = face.landmarks * scale + shift
    return replace(face, xyxy=xyxy.ravel().astype(np.float32), landmarks=marks.astype(np.float32))


def flip_face(face: Face, width: int) -> Face:
    """The face after its picture, `width` pixels wide, was mirrored: left and right swap names."""
    left, top, right, bottom = face.xyxy
    marks = face.landmarks[[1, 0, 2, 4, 3]].copy()
    marks[:, 0] = width - marks[:, 0]
    box = np.array([width - right, top, width - left, bottom], np.float32)
    return replace(face, xyxy=box, landmarks=marks)


def random_context(image: Image, face: Face, rng: Rng) -> tuple[Image, Face]:
    """The picture cut around the face, now and then tightly and off the middle; the face in it."""
    if rng.random() < TIGHT:
        return cut_context(image, face, rng.uniform(*TIGHT_CONTEXT), rng.normal(0, BOX_SHIFT, 2))
    return cut_context(image, face, CONTEXT, np.zeros(2))


def cut_context(image: Image, face: Face, context: float, shift: np.ndarray) -> tuple[Image, Face]:
    """`context` face sides around the face, moved by `shift` (2,) face sides; the face there."""
    left, top, right, bottom = (float(v) for v in face.xyxy)
    side = longer_side(face)
    half = side * context / 2
    x, y = (left + right) / 2 + side * shift[0], (top + bottom) / 2 + side * shift[1]
    height, width = image.shape[:2]
    x0, y0 = max(0, int(x - half)), max(0, int(y - half))
    x1, y1 = min(width, int(x + half) + 1), min(height, int(y + half) + 1)
    return image[y0:y1, x0:x1], move_face(face, 1, 1, -x0, -y0)


def jitter_face(face: Face, rng: Rng) -> Face:
    """The face as a finder that is slightly off would give it."""
    box = face.xyxy.reshape(2, 2)
    centre, extent = box.mean(axis=0), box[1] - box[0]
    centre = centre + rng.normal(0, BOX_SHIFT, 2) * extent
    half = extent / 2 * rng.uniform(1 - BOX_SCALE, 1 + BOX_SCALE)
    span = float(np.linalg.norm(face.landmarks[1] - face.landmarks[0]))
    marks = (
        face.landmarks
        + rng.normal(0, MARK_SHIFT * span, 2)
        + rng.normal(0, MARK_SHIFT / 2 * span, (5, 2))
    )
    return replace(
        face,
        xyxy=np.concatenate([centre - half, centre + half]).astype(np.float32),
        landmarks=marks.astype(np.float32),
    )


def degrade_with_face(image: Image, face: Face, degrader: Degrader, rng: Rng) -> tuple[Image, Face]:
    """The picture degraded, and the face where it now lies."""
    degraded = degrader(image, longer_side(face), rng)
    scale_x = degraded.shape[1] / image.shape[1]
    scale_y = degraded.shape[0] / image.shape[0]
    return degraded, move_face(face, scale_x, scale_y)


def clip_boxes(xyxy: Floats, width: int, height: int) -> Floats:
    """Boxes (n, 4) with what sticks out of the crop cut off."""
    return np.clip(xyxy, 0, np.array([width, height, width, height])).astype(np.float32)


@dataclass(frozen=True, eq=False)
class FaceSource:
    """Face crops of real and fake pictures; the box of a fake lies over its face.

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
        groups, chance = self._pools[fake]  # type: ignore[attr-defined]
        group = groups[rng.choice(len(groups), p=chance)]
        return self.draw_sample(group[rng.integers(len(group))], rng)

    def draw_sample(self, sample: Sample, rng: Rng) -> Draw:
        """A face crop of this picture."""
        image, face = random_context(
            read_image(self.root / sample.key), self.faces[sample.key], rng
        )
        if rng.random() < 0.5:
            image, face = cv2.flip(image, 1), flip_face(face, image.shape[1])
        image, face = degrade_with_face(image, face, self.degrader, rng)
        (crop,) = crop_regions(image, [jitter_face(face, rng)], ("face",), self.size, self.margin)
        boxes = clip_boxes(crop.to_crop(face.xyxy[None]), *self.size)
        return Draw(
            image=crop.image,
            fake=sample.fake,
            family=sample.family,
            xyxy=boxes if sample.fake else np.zeros((0, 4), np.float32),
            labels=(self.label,) if sample.fake else (),
            source=sample.key,
        )

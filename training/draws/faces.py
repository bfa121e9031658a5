"""Draws: a picture of the pack, degraded, jittered and cut to what a detector is fed, with boxes.

The crop itself is cut by `fakecheck.regions`, as at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

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
# A face crop has a box for what it shows this much of.
SHOWN = 0.5


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


def picture_margins(image: Image, face: Face) -> Floats:
    """(4,) left, top, right, bottom: how far the picture goes on around the face, in face sides."""
    height, width = image.shape[:2]
    left, top, right, bottom = (float(v) for v in face.xyxy)
    room = np.array([left, top, width - right, height - bottom], np.float32)
    return room / longer_side(face)


def cut_margins(image: Image, face: Face, margins: Floats) -> tuple[Image, Face]:
    """The picture with at most `margins` (4,), as `picture_margins` gives them; the face there."""
    height, width = image.shape[:2]
    x0, y0, right, bottom = np.maximum(
        0, (picture_margins(image, face) - margins) * longer_side(face)
    ).astype(int)
    cut = image[y0 : max(height - bottom, y0 + 1), x0 : max(width - right, x0 + 1)]
    return cut, move_face(face, 1, 1, -x0, -y0)


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


def shown_share(box: Floats, width: int, height: int) -> float:
    """Which share (0..1) of a box in crop pixels lies inside of the crop."""
    inside = clip_boxes(box[None], width, height)[0]
    return float(np.prod(inside[2:] - inside[:2]) / max(np.prod(box[2:] - box[:2]), 1e-6))


def random_picture(
    root: Path, sample: Sample, faces: dict[str, Face], rng: Rng
) -> tuple[Image, Face]:
    """The sample's picture, cut around its face and perhaps mirrored; the face in it."""
    image, face = read_image(root / sample.key), faces[sample.key]
    return random_view(image, face, np.zeros((0, 4), np.float32), rng)[:2]


def random_view(
    image: Image, face: Face, xyxy: Floats, rng: Rng, margins: Floats | None = None
) -> tuple[Image, Face, Floats, bool]:
    """The picture cut around its face and perhaps mirrored, and whether it was.

    The face and the boxes (n, 4) lie where they now are. `margins` as for `cut_margins`, or it is
    `random_context` that cuts.
    """
    if margins is None:
        cut, moved = random_context(image, face, rng)
    else:
        cut, moved = cut_margins(image, face, margins)
    xyxy = xyxy + np.tile(moved.xyxy[:2] - face.xyxy[:2], 2)
    mirrored = bool(rng.random() < 0.5)
    if mirrored:
        width = cut.shape[1]
        cut, moved = cv2.flip(cut, 1), flip_face(moved, width)
        xyxy = np.stack([width - xyxy[:, 2], xyxy[:, 1], width - xyxy[:, 0], xyxy[:, 3]], axis=1)
    return cut, moved, xyxy, mirrored


def degraded_crop(
    image: Image,
    face: Face,
    xyxy: Floats,
    degrader: Degrader,
    size: tuple[int, int],
    margin: float,
    rng: Rng,
) -> tuple[Image, Floats]:
    """The face's crop of the degraded picture; boxes (n, 4) of the picture in the crop's pixels.

    What sticks out of the crop is not cut off.
    """
    degraded, moved = degrade_with_face(image, face, degrader, rng)
    (crop,) = crop_regions(degraded, [jitter_face(moved, rng)], ("face",), size, margin)
    scale = np.tile(np.array(degraded.shape[1::-1]) / image.shape[1::-1], 2).astype(np.float32)
    return crop.image, crop.to_crop(xyxy * scale)


@dataclass(frozen=True, eq=False)
class FaceSource:
    """Face crops of real and fake pictures; the box of a fake lies over its face if not annotated.

    `size` is (width, height) in pixels, `power` and `weights` as for `balanced`; `framed` is the
    share of draws, fake and real, that are cut as closely as some fake's picture is.
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
    framed: float = 0.0

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
        return self.draw_sample(self.pick(fake, rng), rng)

    def pick(self, fake: bool, rng: Rng) -> Sample:
        """A sample of a set picked at random."""
        return pick_one(self._pools[fake], rng)  # type: ignore[attr-defined]

    def draw_sample(self, sample: Sample, rng: Rng) -> Draw:
        """A face crop of this picture."""
        face, labels = self.faces[sample.key], sample.labels or (self.label,)
        marked = np.array(sample.boxes or [face.xyxy] * len(labels), np.float32)
        image = read_image(self.root / sample.key)
        image, face, xyxy, _ = random_view(image, face, marked, rng, self._frame(rng))
        crop, boxes = degraded_crop(image, face, xyxy, self.degrader, self.size, self.margin, rng)
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

    def _frame(self, rng: Rng) -> Floats | None:
        if not self.framed or rng.random() >= self.framed:
            return None
        other = self.fakes[int(rng.integers(len(self.fakes)))]
        return picture_margins(read_image(self.root / other.key), self.faces[other.key])

"""Artifacts laid over real faces: dots, grids and blur of eyes, nose, mouth or the whole face.

What is simulated is what `registry/artifacts.yaml` says of the words. Each artifact is local; the
same flaw over a whole picture is what cameras and encoders leave (`spoil_whole`) and no artifact.
The one exception is a grid: generators make whole pictures, and no camera leaves one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fakecheck.regions import eye_distance
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Rng, compress
from fakecheck_training.simulation.masks import (
    Points,
    around,
    face_outline,
    filled,
    mask_box,
    ring,
    roll,
    soft,
)
from fakecheck_training.simulation.noise import dot_noise, grid_noise, log_uniform
from fakecheck_training.simulation.parts import part_mask
from fakecheck_training.simulation.smoothing import smooth

# From the bottom up: a blur would wipe away what lies under it.
ARTIFACTS: dict[str, Callable[[Image, Floats, float, Rng], Image]] = {
    "blur": smooth,
    "gridnoise": grid_noise,
    "dotnoise": dot_noise,
}
REGIONS = ("face", "eyes", "nose", "mouth")
PARTS_OF = {"eyes": ("left_eye", "right_eye"), "nose": ("nose",), "mouth": ("mouth",)}
# Chances: that both eyes are hit, that the forehead is, that dots keep to a spot of the face, and
# that a grid covers the whole picture.
BOTH_EYES, FOREHEAD, SPOT, WHOLE_GRID = 0.7, 0.6, 0.3, 0.25
SMALLEST = 4  # pixels
NO_BOXES = np.zeros((0, 4), np.float32)
MIN_CHANGE = 8  # grey levels that make a dot's pixel
COUNT_CHANCE = (0.55, 0.3, 0.15)  # that a face has one, two, three artifacts
# Faces are one region of four, yet most that is seen; a blur is the soonest hidden.
WEIGHTS = {"face": 1.6, "blur": 1.6}
# What a detector shall still see in its crop, in grey levels. Dots are judged by their peak, since
# they leave most pixels as they are, the others by the root mean square over the box; besides, all
# by the detail there was: noise hides dots and grids, and leaves a blur nothing to take away.
MIN_PEAK, MIN_RMS = 20.0, 2.2
PEAK_OVER_DETAIL, GRID_OVER_DETAIL, MIN_LOST = 1.5, 0.35, 0.3


# A picture and boxes (n, 4) of it → what a detector is shown, and the boxes there.
View = Callable[[Image, Floats], tuple[Image, Floats]]


@dataclass(frozen=True, eq=False)
class Change:
    """One artifact: its class and its box (4,) xyxy, in pixels of the picture and of the view."""

    label: str
    xyxy: Floats
    seen: Floats


@dataclass(frozen=True, eq=False)
class Flawed:
    """A picture with artifacts that can be seen, and its view (h, w, 3) before and after them."""

    image: Image
    before: Image
    after: Image
    changes: tuple[Change, ...]


def random_labels(artifacts: Sequence[str], regions: Sequence[str], rng: Rng) -> list[str]:
    """One to three classes, `<region>_<artifact>`, lowest layer first.

    An artifact that lies over the face is not drawn for its parts too: none could tell them apart.
    """
    wanted = 1 + int(rng.choice(len(COUNT_CHANCE), p=COUNT_CHANCE))
    pairs = [(region, artifact) for region in regions for artifact in artifacts]
    chosen: list[tuple[str, str]] = []
    chance = np.array([WEIGHTS.get(region, 1.0) * WEIGHTS.get(word, 1.0) for region, word in pairs])
    for index in rng.choice(len(pairs), len(pairs), replace=False, p=chance / chance.sum()):
        region, artifact = pairs[index]
        others = {r for r, a in chosen if a == artifact}
        if others and (region == "face" or "face" in others):
            continue
        chosen.append((region, artifact))
        if len(chosen) == wanted:
            break
    layers = list(ARTIFACTS)
    chosen.sort(key=lambda pair: (layers.index(pair[1]), REGIONS.index(pair[0])))
    return [f"{region}_{artifact}" for region, artifact in chosen]


def add_artifacts(image: Image, face: Face, labels: Sequence[str], view: View, rng: Rng) -> Flawed:
    """Lays the artifacts `labels` over a face, one after another, but those that no one could see.

    `image` is (h, w, 3) uint8 BGR; what can be seen is judged in the view. Eyes have a box each.
    """
    unit = eye_distance(face)
    before, _ = view(image, NO_BOXES)
    shown = before
    changes = []
    for label in labels:
        region, artifact = label.split("_")
        seed = int(rng.integers(2**32))  # the same flaw on both eyes
        for mask, box in _places(face, region, artifact, image.shape[:2], rng):
            after = lay(image, mask, artifact, unit, np.random.default_rng(seed))
            found = changed_box(image, after) if artifact == "dotnoise" else box
            if found is None:
                continue
            crop, (seen,) = view(after, found[None])
            if visibility(shown, crop, seen, label) >= 1:
                changes.append(Change(label, found, seen))
                image, shown = after, crop
    return Flawed(image, before, shown, tuple(changes))


def lay(image: Image, mask: Floats, artifact: str, unit: float, rng: Rng) -> Image:
    """One artifact under a mask (h, w); `unit` is the eye distance in pixels."""
    rows, columns = around(mask, int(unit / 4) + 2)
    after = image.copy()
    patch, inside = image[rows, columns], mask[rows, columns]
    if min(patch.shape[:2]) >= SMALLEST:
        after[rows, columns] = ARTIFACTS[artifact](patch, inside, unit, rng)
    return after


def changed_box(before: Image, after: Image) -> Floats | None:
    """(4,) xyxy around the pixels that differ by `MIN_CHANGE` grey levels or more."""
    change = cv2.absdiff(before, after).max(axis=2)
    return mask_box((change >= MIN_CHANGE).astype(np.float32))


def visibility(before: Image, after: Image, xyxy: Floats, label: str) -> float:
    """How well `after` (h, w, 3) is told from `before` in the box: 1 is enough for a positive."""
    left, top, right, bottom = (round(float(v)) for v in xyxy)
    if min(right - left, bottom - top) < SMALLEST:
        return 0.0
    area = slice(top, bottom), slice(left, right)
    old, new = before[area].astype(np.float32), after[area].astype(np.float32)
    artifact, detail = label.split("_")[1], max(_rms(_detail(old)), 1e-3)
    if artifact == "dotnoise":
        peak = float(np.abs(cv2.blur(new - old, (3, 3))).max())
        return peak / max(MIN_PEAK, PEAK_OVER_DETAIL * detail)
    change = _rms(new - old)
    if artifact == "gridnoise":
        return min(change / MIN_RMS, change / detail / GRID_OVER_DETAIL)
    lost = 1 - _rms(_detail(new)) / detail
    return max(0.0, min(change / MIN_RMS, lost / MIN_LOST))


def _detail(image: Floats) -> Floats:
    return image - cv2.blur(image, (5, 5))


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _places(
    face: Face, region: str, artifact: str, shape: tuple[int, int], rng: Rng
) -> list[tuple[Floats, Floats | None]]:
    """Soft masks (h, w) over the region and their boxes: one a part, two for both eyes."""
    edge = eye_distance(face) * log_uniform(0.01, 0.1, rng)
    if region != "face":
        parts = PARTS_OF[region]
        if len(parts) == 2 and rng.random() >= BOTH_EYES:
            parts = (parts[rng.integers(2)],)
        masks = [part_mask(face, part, shape, rng) for part in parts]
        return [(soft(mask, edge / 2), mask_box(mask)) for mask in masks]
    mask = filled(face_outline(face, rng.random() >= FOREHEAD, rng), shape)
    if artifact == "dotnoise" and rng.random() < SPOT:
        mask = filled(_spot(face, rng), shape)
    if artifact == "gridnoise" and rng.random() < WHOLE_GRID:
        return [(np.ones(shape, np.float32), mask_box(mask))]
    return [(soft(mask, edge), mask_box(mask))]


def _spot(face: Face, rng: Rng) -> Points:
    """(n, 2) points around a random spot of the face."""
    left_top, extent = face.xyxy[:2].astype(float), np.ptp(face.xyxy.reshape(2, 2), axis=0)
    half = extent * rng.uniform(0.1, 0.25, 2)
    return ring(left_top + extent * rng.uniform(0.2, 0.8, 2), half, 0.0, rng)


def spoil_whole(image: Image, face: Face, rng: Rng) -> Image:
    """A flaw that cameras, encoders and filters leave on real pictures: alike all over it.

    Or one that spares the face, as a blurred background does.
    """
    unit, whole = eye_distance(face), np.ones(image.shape[:2], np.float32)
    kind = rng.choice(5, p=[0.3, 0.2, 0.2, 0.15, 0.15])
    if kind == 0:
        return lay(image, whole, "blur", unit, rng)
    if kind == 1:
        return lay(image, whole, "dotnoise", unit, rng)
    if kind == 2:
        return compress(image, int(rng.integers(8, 36)))
    if kind == 3:
        return sharpen(image, rng.uniform(0.5, 2.0), unit * log_uniform(0.01, 0.04, rng))
    outside = 1 - filled(_head(face, rng), image.shape[:2])
    return lay(image, soft(outside, unit * rng.uniform(0.02, 0.2)), "blur", unit, rng)


def sharpen(image: Image, amount: float, sigma: float) -> Image:
    """Unsharp masking: `amount` times what a blur of `sigma` pixels takes away is added."""
    smoothed = cv2.GaussianBlur(image, (0, 0), max(sigma, 0.5))
    return cv2.addWeighted(image, 1 + amount, smoothed, -amount, 0)


def _head(face: Face, rng: Rng) -> Points:
    """(n, 2) points around face and hair."""
    box = face.xyxy.reshape(2, 2).astype(float)
    half = (box[1] - box[0]) / 2 * rng.uniform(1.15, 1.5, 2)
    return ring(box.mean(axis=0) - [0, 0.15 * half[1]], half, roll(face), rng)

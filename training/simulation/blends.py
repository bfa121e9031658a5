"""Faces blended over real ones, as swaps are, with what such a blend leaves to be found.

Self-blending pastes a face on a slightly changed copy of itself (Shiohara and Yamasaki, Detecting
Deepfakes with Self-Blended Images, CVPR 2022); cross-blending pastes the aligned face of another
person (Li et al., Face X-ray for More General Face Forgery Detection, CVPR 2020). Neither needs a
generator, so what is learned from them is the blending and no generator's texture.

Pictures are (h, w, 3) uint8 BGR, masks (h, w) float32, 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fakecheck.geometry import Affine
from fakecheck.regions import eye_distance
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Rng
from fakecheck_training.recipe_checks import BLEND_CLASSES
from fakecheck_training.simulation.masks import (
    INSIDE,
    Points,
    around,
    face_outline,
    filled,
    mask_box,
    mixed,
    ring,
    soft,
)
from fakecheck_training.simulation.noise import log_uniform
from fakecheck_training.simulation.parts import PARTS, match_colour, part_place, poisson, similarity

SWAP, BOUNDARY, COLOUR, RESOLUTION = BLEND_CLASSES

# As in self-blended images: half of the blends are opaque.
RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
POISSON, ELASTIC = 0.12, 0.3
HARMONICS = 5  # waves along the outline that deform it
# What has to be seen, in grey levels over the crop: of a blend at all (root mean square); of a step
# over a rim that is narrower than so many eye distances; of another mean colour along the rim.
MIN_RMS = 2.5
MIN_STEP, NARROW = 5.0, 0.045
MIN_COLOUR = 4.0
# Detail is finer or coarser by this factor; skin of another person has to differ by more.
MIN_FACTOR, MIN_FACTOR_OTHER, MIN_DETAIL = 1.4, 1.8, 1.5
RIM = 0.12  # share of the blend's longer side
GREY = np.full((1, 3), 1 / 3, np.float32)


@dataclass(frozen=True, eq=False)
class Blend:
    """`image` is a face over `outer` by `mask`, whose rim is `softness` eye distances wide.

    `outer` is the whole picture before the blend. `factor` is by how much detail must differ for a
    mismatch of resolution.
    """

    image: Image
    outer: Image
    mask: Floats
    softness: float
    factor: float


def self_blend(image: Image, face: Face, rng: Rng) -> Blend:
    """A face on a slightly changed copy of itself."""
    mask, softness = blend_mask(face, image.shape[:2], rng)
    altered = alter(image, eye_distance(face), rng)
    inner, outer = (altered, image) if rng.random() < 0.5 else (image, altered)
    rows, columns = around(mask, 2)
    inner_patch = _shifted(inner[rows, columns], rng)
    if rng.random() < ELASTIC:
        inner_patch = _elastic(inner_patch, eye_distance(face), rng)
    placed = outer.copy()
    placed[rows, columns] = inner_patch
    return _blended(placed, outer, mask, softness, MIN_FACTOR, rng)


def cross_blend(image: Image, face: Face, other: Image, other_face: Face, rng: Rng) -> Blend:
    """Another person's face on this one."""
    mask, softness = blend_mask(face, image.shape[:2], rng)
    matrix = _alignment(other_face, face, rng)
    warped = cv2.warpAffine(
        other, matrix, image.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    core = (mask >= INSIDE).astype(np.float32)
    part = around(mask, 0)
    warped[part] = match_colour(warped[part], image[part], core[part], rng.uniform(0.3, 1.0))
    if rng.random() < POISSON:
        cloned = poisson(warped, image, core)
        if cloned is not None:
            return Blend(cloned, image, core, np.inf, MIN_FACTOR_OTHER)
    return _blended(warped, image, mask, softness, MIN_FACTOR_OTHER, rng)


def blend_mask(face: Face, shape: tuple[int, int], rng: Rng) -> tuple[Floats, float]:
    """What of a face is replaced: all of it, from the brows down, or eyes to mouth; and its rim.

    The outline is deformed at random; the rim is given in eye distances.
    """
    kind = rng.choice(4, p=[0.3, 0.35, 0.25, 0.1])
    if kind < 2:
        points = face_outline(face, bool(kind), rng)
    elif kind == 2:
        points = _features(face, rng)
    else:
        box = face.xyxy.reshape(2, 2).astype(float)
        points = ring(box.mean(axis=0), (box[1] - box[0]) / 2 * rng.uniform(0.7, 1.0), 0.0, rng)
    softness = log_uniform(0.008, 0.22, rng)
    mask = filled(_deformed(points, rng), shape)
    return soft(mask, softness * eye_distance(face)), softness


def alter(image: Image, unit: float, rng: Rng) -> Image:
    """The picture in other colours, less or more sharp, or both; `unit` is the eye distance."""
    wanted = rng.choice(3, p=[0.3, 0.3, 0.4])  # colour, detail, both
    if wanted != 1:
        image = shift_colour(image, log_uniform(0.3, 1.0, rng), rng)
    return shift_detail(image, unit, rng) if wanted else image


def shift_colour(image: Image, strength: float, rng: Rng) -> Image:
    """Gain and offset of each channel, now and then saturation and hue; `strength` is 0..1."""
    ramp = np.arange(256, dtype=np.float32)[:, None]
    gain = 1 + strength * rng.uniform(-0.12, 0.12, 3)
    offset = strength * (rng.uniform(-18, 18, 3) + rng.uniform(-14, 14))
    table = np.clip((ramp - 128) * gain + 128 + offset + 0.5, 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table[None])
    if rng.random() < 0.4:
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
        hue = (np.arange(256) + round(strength * rng.uniform(-6, 6))) % 180
        saturation = np.arange(256) * (1 + strength * rng.uniform(-0.35, 0.35))
        columns = [hue, np.clip(saturation, 0, 255), np.arange(256)]
        image = cv2.LUT(hsv, np.stack(columns, axis=1).astype(np.uint8)[None])
        image = cv2.cvtColor(image, cv2.COLOR_HSV2BGR)
    return image


def shift_detail(image: Image, unit: float, rng: Rng) -> Image:
    """Resized and back, blurred, or sharpened."""
    kind = rng.choice(3, p=[0.55, 0.2, 0.25])
    if kind == 0:
        factor = max(1.4, unit * log_uniform(0.02, 0.07, rng))
        size = tuple(max(2, round(edge / factor)) for edge in image.shape[1::-1])
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        way = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
        return cv2.resize(small, image.shape[1::-1], interpolation=way)
    if kind == 1:
        return cv2.GaussianBlur(image, (0, 0), max(0.6, unit * log_uniform(0.01, 0.03, rng)))
    smoothed = cv2.GaussianBlur(image, (0, 0), max(0.6, 0.015 * unit))
    amount = rng.uniform(0.5, 1.6)
    return cv2.addWeighted(image, 1 + amount, smoothed, -amount, 0)


def _blended(
    inner: Image, outer: Image, mask: Floats, softness: float, factor: float, rng: Rng
) -> Blend:
    ratio = RATIOS[rng.integers(len(RATIOS))]
    rows, columns = around(mask, 0)
    image = outer.copy()
    image[rows, columns] = mixed(
        outer[rows, columns], inner[rows, columns], mask[rows, columns] * ratio
    )
    return Blend(image, outer, mask, softness, factor)


def blend_labels(blend: Blend) -> tuple[str, ...]:
    """Which of BLEND_CLASSES are true of what can be seen; none where that is next to nothing."""
    box = mask_box(blend.mask)
    if box is None:
        return ()
    left, top, right, bottom = box.astype(int)
    area = slice(top, bottom), slice(left, right)
    mask = blend.mask[area]
    inside = mask >= INSIDE
    new, old = blend.image[area], blend.outer[area]
    change = cv2.subtract(new, old, dtype=cv2.CV_32F)
    if float(np.sqrt(np.square(change[inside]).mean())) < MIN_RMS:
        return ()
    labels = [SWAP]
    rim = _rim(inside)
    step = float(np.abs(cv2.blur(cv2.transform(change, GREY), (5, 5)))[rim].mean())
    if blend.softness < NARROW and step >= MIN_STEP:
        labels.append(BOUNDARY)
    if float(np.abs(change[rim].mean(axis=0)).max()) >= MIN_COLOUR:
        labels.append(COLOUR)
    finer, coarser = sorted((_detail(new, inside), _detail(old, inside)), reverse=True)
    if finer >= MIN_DETAIL and finer >= blend.factor * coarser:
        labels.append(RESOLUTION)
    return tuple(labels)


def _rim(inside: np.ndarray) -> np.ndarray:
    """(h, w) bool: the band along the inner side of the mask's edge, where skin meets skin."""
    reach = max(3, round(RIM * max(inside.shape)))
    framed = cv2.copyMakeBorder(inside.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return inside & (distance <= reach)


def _detail(patch: Image, inside: np.ndarray) -> float:
    grey = cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return float((grey - cv2.blur(grey, (3, 3)))[inside].std())


def _features(face: Face, rng: Rng) -> Points:
    """(n, 2) points of the hull around both eyes, nose and mouth."""
    points = [
        ring(centre, half * rng.uniform(0.9, 1.4, 2), angle, rng)
        for centre, half, angle in (part_place(face, part) for part in PARTS)
    ]
    hull = cv2.convexHull(np.concatenate(points).astype(np.float32))[:, 0].astype(float)
    # As many points as a ring has, evenly along the hull: they are what is deformed.
    closed = np.concatenate([hull, hull[:1]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, along[-1], 48, endpoint=False)
    return np.stack([np.interp(at, along, closed[:, i]) for i in range(2)], axis=1)


def _deformed(points: Points, rng: Rng) -> Points:
    """The outline with a few random waves along it, up to a tenth of its radius."""
    centre = points.mean(axis=0)
    angles = np.linspace(0, 2 * np.pi, len(points), endpoint=False)
    waves = np.zeros(len(points))
    for n in range(1, HARMONICS + 1):
        waves += rng.normal(0, 0.045 / n) * np.cos(n * angles + rng.uniform(0, 2 * np.pi))
    return centre + (points - centre) * (1 + waves)[:, None]


def _shifted(patch: Image, rng: Rng) -> Image:
    """Moved by up to 3 % and scaled by up to 5 % of the patch."""
    height, width = patch.shape[:2]
    scale = 1 + rng.uniform(-0.05, 0.05)
    x, y = rng.uniform(-0.03, 0.03) * width, rng.uniform(-0.015, 0.03) * height
    matrix = np.array(
        [[scale, 0, x + (1 - scale) * width / 2], [0, scale, y + (1 - scale) * height / 2]]
    )
    return cv2.warpAffine(
        patch, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


def _elastic(patch: Image, unit: float, rng: Rng) -> Image:
    """Bent by a smooth random field of up to a twentieth of the eye distance."""
    height, width = patch.shape[:2]
    field = rng.normal(0, 0.025 * unit, (6, 6, 2)).astype(np.float32)
    field = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    columns = np.arange(width, dtype=np.float32)[None] + field[..., 0]
    rows = np.arange(height, dtype=np.float32)[:, None] + field[..., 1]
    return cv2.remap(patch, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _alignment(other: Face, face: Face, rng: Rng) -> Affine:
    """Other face → this one by the landmarks, slightly off."""
    target = face.landmarks.astype(float) + rng.normal(0, 0.015 * eye_distance(face), (5, 2))
    return similarity(other.landmarks.astype(float), target)

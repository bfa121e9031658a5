"""Part swaps simulated between real faces: an eye, the nose or the mouth of one pasted on another.

After the forgeries of the CIPLab set, whose experts paste parts in Photoshop; the blending follows
Face X-ray (Li et al. 2020): align the donor by its landmarks, match its colour a little, blend with
a soft mask, sometimes by Poisson editing (Perez et al. 2003).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from fakecheck.geometry import Affine
from fakecheck.regions import eye_distance
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Rng
from fakecheck_training.simulation.masks import Points, filled, ring, roll

PARTS = ("left_eye", "right_eye", "nose", "mouth")
# Part → (centre up the face, half width, half height) from its landmark, in eye distances: an eye
# with its lids, a nose from the bridge to the tip, a mouth with its lips, as experts cut them.
SHAPES = {
    "left_eye": (0.04, 0.40, 0.28),
    "right_eye": (0.04, 0.40, 0.28),
    "nose": (0.16, 0.36, 0.42),
    "mouth": (0.0, 0.52, 0.30),
}
POISSON = 0.3  # share of swaps blended by Poisson editing
# Two parts that differ by less than this many grey levels leave nothing to find.
MIN_CHANGE = 3.0


def part_centre(face: Face, part: str) -> Points:
    """(2,) the landmark of a part: an eye, the tip of the nose, the middle of the mouth."""
    marks = face.landmarks
    if part not in PARTS:
        raise ValueError(f"unknown part {part!r}, known are {', '.join(PARTS)}")
    if part == "mouth":
        return (marks[3] + marks[4]) / 2
    return marks[PARTS.index(part)]


def part_place(face: Face, part: str) -> tuple[Points, Points, float]:
    """Centre (2,), half axes (2,) in pixels and the face's roll in radians."""
    up, half_width, half_height = SHAPES[part]
    distance = eye_distance(face)
    angle = roll(face)
    upward = np.array([np.sin(angle), -np.cos(angle)])
    centre = part_centre(face, part) + upward * up * distance
    return centre, np.array([half_width, half_height]) * distance, angle


def part_box(face: Face, part: str) -> Floats:
    """(4,) float32 xyxy: the box that a detector shall draw around this part."""
    centre, half, _ = part_place(face, part)
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def swap_part(
    target: Image, target_face: Face, donor: Image, donor_face: Face, part: str, rng: Rng
) -> tuple[Image, Floats]:
    """Pastes one part of `donor` on `target`; pictures are (h, w, 3) uint8 BGR.

    Returns the picture and the mask (h, w) float32, 0..1, by which it was blended.
    """
    height, width = target.shape[:2]
    matrix = _alignment(donor_face, target_face, part, rng)
    warped = cv2.warpAffine(
        donor, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    core = part_mask(target_face, part, (height, width), rng)
    warped = match_colour(warped, target, core, strength=rng.uniform(0.2, 1.0))
    if rng.random() < POISSON:
        cloned = poisson(warped, target, core)
        if cloned is not None:
            return cloned, core
    sigma = rng.uniform(0.02, 0.09) * eye_distance(target_face)
    mask = cv2.GaussianBlur(core, (0, 0), max(sigma, 0.5))
    weight = mask[..., None] * rng.uniform(0.9, 1.0)
    blended = target * (1 - weight) + warped * weight
    return np.clip(blended + 0.5, 0, 255).astype(np.uint8), mask


def swap_parts(
    target: Image,
    target_face: Face,
    donor: Image,
    donor_face: Face,
    parts: Sequence[str],
    rng: Rng,
) -> tuple[Image, tuple[str, ...]]:
    """Pastes several parts of one donor; also which of them made a visible change."""
    image, changed = target, []
    for part in parts:
        swapped, mask = swap_part(image, target_face, donor, donor_face, part, rng)
        inside = mask > 0.5
        if not inside.any():
            continue
        change = cv2.absdiff(swapped, image)[inside].mean()
        image = swapped
        if change >= MIN_CHANGE:
            changed.append(part)
    return image, tuple(changed)


def random_parts(rng: Rng) -> tuple[str, ...]:
    """One to four parts, the two eyes more often together than not, as CIPLab's experts chose."""
    chosen: set[str] = set()
    if rng.random() < 0.5:
        chosen.update(PARTS[:2] if rng.random() < 0.75 else [PARTS[rng.integers(2)]])
    for part in PARTS[2:]:
        if rng.random() < 0.5:
            chosen.add(part)
    return tuple(p for p in PARTS if p in chosen) or (PARTS[rng.integers(len(PARTS))],)


def similarity(source: Points, target: Points) -> Affine:
    """The (2, 3) turn, scale and shift that best moves points (n, 2) onto others (Umeyama 1991)."""
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    norm = float((a**2).sum()) or 1.0
    cosine = float((a * b).sum()) / norm
    sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / norm
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([turn, (target_mean - turn @ source_mean)[:, None]])


def _alignment(donor: Face, target: Face, part: str, rng: Rng) -> Affine:
    """Donor → target, slightly off in turn and scale, the part's landmark on its place."""
    matrix = similarity(donor.landmarks.astype(float), target.landmarks.astype(float))
    angle, scale = rng.normal(0, 0.03), rng.uniform(0.94, 1.08)
    wobble = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = wobble @ matrix[:, :2]
    place = part_centre(target, part) + rng.normal(0, 0.02 * eye_distance(target), 2)
    return np.hstack([turn, (place - turn @ part_centre(donor, part))[:, None]])


def part_mask(face: Face, part: str, shape: tuple[int, int], rng: Rng) -> Floats:
    """(h, w) float32 0 or 1: a wobbly ellipse over the part."""
    centre, half, angle = part_place(face, part)
    return filled(ring(centre, half * rng.uniform(0.85, 1.15, 2), angle, rng), shape)


def match_colour(donor: Image, target: Image, mask: Floats, strength: float) -> Image:
    """Mean and spread under the mask (h, w) moved towards the target's; `strength` is 0..1.

    Reinhard et al., Color Transfer between Images, 2001, in CIE Lab.
    """
    if not mask.any():
        return donor
    binary = mask.astype(np.uint8)
    source = cv2.cvtColor(donor, cv2.COLOR_BGR2LAB).astype(np.float32)
    mean_d, std_d = cv2.meanStdDev(source, mask=binary)
    mean_t, std_t = cv2.meanStdDev(cv2.cvtColor(target, cv2.COLOR_BGR2LAB), mask=binary)
    gain = np.clip(std_t / np.maximum(std_d, 1.0), 0.6, 1.6).ravel()
    matched = (source - mean_d.ravel()) * gain + mean_t.ravel()
    mixed = source + strength * (matched - source)
    lab = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)


def poisson(donor: Image, target: Image, mask: Floats) -> Image | None:
    """Seamless clone under the mask (h, w); None where it touches the border, as OpenCV refuses."""
    binary = (mask > 0.5).astype(np.uint8) * 255
    left, top, width, height = cv2.boundingRect(binary)
    inside = left > 1 and top > 1
    inside = inside and left + width < target.shape[1] - 1 and top + height < target.shape[0] - 1
    if not inside or min(width, height) < 4:
        return None
    centre = (left + width // 2, top + height // 2)
    return cv2.seamlessClone(donor, target, binary, centre, cv2.NORMAL_CLONE)

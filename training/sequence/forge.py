"""Forgeries that follow a face through a clip, with a strength that changes as time goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.regions import eye_distance
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Rng
from fakecheck_training.simulation.parts import (
    match_colour,
    part_place,
    random_parts,
    similarity,
    swap_part,
)

# Of a face this far from the front, nose to eyes' middle in eye distances, some forgers let go.
HARD_YAW = 0.22
CURVES = ("steady", "drift", "flicker")
FORGERIES = ("parts", "face", "patch")
# A forgery weaker than this leaves nothing to find: the frame counts as real.
VISIBLE = 0.35

Forger = Callable[[Image, Face], Image]
"""A frame and the face in it → the frame forged at full strength."""


@dataclass(frozen=True, eq=False)
class Plan:
    """`strength` (frames,) float32 in 0..1: how much of the forgery each frame shows."""

    kind: str
    curve: str
    strength: Floats

    @property
    def forged(self) -> NDArray[np.bool_]:
        """(frames,) which frames count as forged."""
        return self.strength >= VISIBLE


def draw_plan(faces: Sequence[Face | None], rng: Rng, kinds: Sequence[str] = FORGERIES) -> Plan:
    """What is forged when: in all of the clip or in a part of it, steadily or not."""
    frames = len(faces)
    curve = CURVES[rng.choice(len(CURVES), p=(0.5, 0.25, 0.25))]
    strength = np.ones(frames, np.float32)
    if curve == "drift":
        knots = rng.uniform(0.3, 1, 4)
        strength = np.interp(np.linspace(0, 3, frames), range(4), knots).astype(np.float32)
    elif curve == "flicker":
        # Some tenths of a second with, some without.
        length = max(2, frames // 12)
        strength = np.repeat(rng.random(frames // length + 1) < 0.75, length)[:frames] * np.float32(
            1
        )
    if rng.random() < 0.5:
        share = rng.uniform(0.25, 0.7)
        start = rng.uniform(0, 1 - share) * frames
        inside = (np.arange(frames) >= start) & (np.arange(frames) < start + share * frames)
        strength = strength * inside
    if rng.random() < 0.3:
        hard = [face is not None and abs(_yaw(face)) > HARD_YAW for face in faces]
        strength = strength * ~np.array(hard)
    lost = np.array([face is None for face in faces])
    return Plan(kinds[int(rng.integers(len(kinds)))], curve, (strength * ~lost).astype(np.float32))


def make_forger(kind: str, donor: Image, donor_face: Face, rng: Rng) -> Forger:
    """A forger that does the same thing to every frame it is given."""
    seed = int(rng.integers(2**31))
    parts = random_parts(rng)
    style = rng.uniform(0, 1, 3)

    def forge(image: Image, face: Face) -> Image:
        # The same draws for every frame, or the paste would jump about.
        again = np.random.default_rng(seed)
        if kind == "parts":
            for part in parts:
                image, _ = swap_part(image, face, donor, donor_face, part, again)
            return image
        if kind == "face":
            return blend_face(image, face, donor, donor_face, style)
        return spoil_patch(image, face, parts[0], style, again)

    return forge


def blend_face(
    image: Image, face: Face, donor: Image, donor_face: Face, style: NDArray[np.floating]
) -> Image:
    """The inner face of another person, aligned by the landmarks and blended with a soft rim."""
    height, width = image.shape[:2]
    matrix = similarity(donor_face.landmarks.astype(float), face.landmarks.astype(float))
    warped = cv2.warpAffine(donor, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    mask = np.zeros((height, width), np.float32)
    distance = eye_distance(face)
    eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:].mean(axis=0)
    points = np.vstack([face.landmarks, eyes + (eyes - mouth) * 0.45, mouth + (mouth - eyes) * 0.3])
    centre = points.mean(axis=0)
    hull = cv2.convexHull((centre + (points - centre) * (1.15 + 0.2 * style[0])).astype(np.float32))
    cv2.fillConvexPoly(mask, hull.astype(np.int32), (1.0,))
    warped = match_colour(warped, image, mask, strength=float(style[1]))
    # A swap by a network comes from a small picture: it is softer than what surrounds it.
    small = max(0.25, 0.4 + 0.6 * float(style[2]))
    shrunk = cv2.resize(warped, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
    warped = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)
    weight = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.08 * distance))[..., None]
    return np.clip(image * (1 - weight) + warped * weight + 0.5, 0, 255).astype(np.uint8)


def spoil_patch(
    image: Image, face: Face, part: str, style: NDArray[np.floating], rng: Rng
) -> Image:
    """One part of the face blurred, or covered with noise of its own."""
    centre, half, angle = part_place(face, part)
    mask = np.zeros(image.shape[:2], np.float32)
    axes = np.maximum(half * 1.2, 1)
    box = (
        (float(centre[0]), float(centre[1])),
        (float(axes[0] * 2), float(axes[1] * 2)),
        np.degrees(angle),
    )
    cv2.ellipse(mask, box, (1.0,), -1)
    weight = cv2.GaussianBlur(mask, (0, 0), max(0.5, 0.05 * eye_distance(face)))[..., None]
    if style[0] < 0.5:
        other = cv2.GaussianBlur(image, (0, 0), 1 + 0.06 * eye_distance(face) * (0.5 + style[1]))
    else:
        noise = rng.normal(0, 8 + 14 * style[1], (*image.shape[:2], 1))
        other = np.clip(image + noise, 0, 255).astype(np.uint8)
    return np.clip(image * (1 - weight) + other * weight + 0.5, 0, 255).astype(np.uint8)


def forge_clip(
    frames: Sequence[Image], faces: Sequence[Face | None], plan: Plan, forger: Forger
) -> list[Image]:
    """The frames with the forgery laid over them at the plan's strength."""
    forged = []
    for image, face, strength in zip(frames, faces, plan.strength, strict=True):
        if face is None or strength <= 0:
            forged.append(image)
            continue
        full = forger(image, face)
        forged.append(cv2.addWeighted(full, float(strength), image, 1 - float(strength), 0))
    return forged


def smooth_faces(faces: Sequence[Face | None], width: int = 5) -> list[Face | None]:
    """Landmarks averaged over neighbouring frames, so that a paste does not tremble."""
    smoothed: list[Face | None] = []
    for number, face in enumerate(faces):
        near = [f for f in faces[max(0, number - width // 2) : number + width // 2 + 1] if f]
        if face is None:
            smoothed.append(None)
            continue
        marks = np.mean([f.landmarks for f in near], axis=0).astype(np.float32)
        smoothed.append(Face(face.xyxy, marks, face.score, face.track))
    return smoothed


def animate(still: Image, frames: int, rng: Rng, side: int = 256) -> list[Image]:
    """A still as a hand-held clip of it: slow turns, shifts and zooms, a little change of light."""
    height, width = still.shape[:2]
    turn, zoom, dx, dy, light = (_wander(frames, rng) for _ in range(5))
    centre = (width / 2, height / 2)
    scale = side / max(width, height)
    clip = []
    for n in range(frames):
        matrix = cv2.getRotationMatrix2D(centre, 2.5 * turn[n], scale * (1.0 + 0.04 * zoom[n]))
        matrix[:, 2] += side / 2 - np.array(centre) + np.array([dx[n], dy[n]]) * 0.02 * side
        image = cv2.warpAffine(
            still,
            matrix,
            (side, side),
            flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        clip.append(cv2.convertScaleAbs(image, alpha=1, beta=3 * light[n]))
    return clip


def _wander(frames: int, rng: Rng) -> Floats:
    """A slow random walk of so many steps within about -1..1."""
    knots = max(3, frames // 8)
    return np.interp(
        np.linspace(0, knots - 1, frames), range(knots), np.clip(rng.normal(0, 0.5, knots), -1, 1)
    ).astype(np.float32)


def _yaw(face: Face) -> float:
    """How far the nose is to the side of the eyes' middle, in eye distances."""
    across = face.landmarks[1] - face.landmarks[0]
    nose = face.landmarks[2] - face.landmarks[:2].mean(axis=0)
    return float(nose @ across / max(float(across @ across), 1.0))

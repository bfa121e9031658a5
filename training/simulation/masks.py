"""Soft masks over a face and its parts, drawn from the box and five landmarks.

All masks are (h, w) float32, 0..1, in pixels of the picture that the face lies in; the box of a
mask goes around what is at least half inside.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.regions import eye_distance
from fakecheck.types import Face, Floats
from fakecheck_training.augment import Rng

Points = NDArray[np.floating]

RING = 24  # points of an outline
BROW = 0.42  # brows lie so many eye distances above the eyes
INSIDE = 0.5
COARSE = 3.0  # pixels


def roll(face: Face) -> float:
    """The turn in radians that brings a level pair of eyes onto this one."""
    across = face.landmarks[1] - face.landmarks[0]
    return float(np.arctan2(across[1], across[0]))


def ring(centre: Points, half: Points, angle: float, rng: Rng) -> Points:
    """(n, 2) points of a wobbly ellipse, or of a rounded box, turned by `angle` radians."""
    angles = np.linspace(0, 2 * np.pi, RING, endpoint=False)
    power = rng.uniform(0.6, 1.0)  # under 1 the ellipse turns into a rounded box
    x = np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** power
    y = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** power
    points = np.stack([x, y], axis=1) * half * rng.uniform(0.92, 1.08, (RING, 1))
    return turned(points, angle) + centre


def face_outline(face: Face, brow: bool, rng: Rng) -> Points:
    """(n, 2) points around the face, narrow at the chin; `brow` leaves out the forehead."""
    box = face.xyxy.reshape(2, 2).astype(float)
    centre, half = box.mean(axis=0), (box[1] - box[0]) / 2
    angle = roll(face)
    points = ring(np.zeros(2), np.ones(2), 0.0, rng)
    points[:, 0] *= 1 - 0.22 * np.clip(points[:, 1], 0, 1) ** 2
    points *= half * rng.uniform(0.82, 1.02, 2)
    if brow:
        eyes = turned(face.landmarks[:2].mean(axis=0) - centre, -angle)
        line = eyes[1] - BROW * rng.uniform(0.7, 1.2) * eye_distance(face)
        points[:, 1] = np.maximum(points[:, 1], line)
    return turned(points, angle) + centre


def filled(points: Points, shape: tuple[int, int]) -> Floats:
    """The mask (h, w) of a polygon (n, 2), 0 or 1."""
    mask = np.zeros(shape, np.float32)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], (1.0,))
    return mask


def soft(mask: Floats, sigma: float) -> Floats:
    """The mask with an edge blurred by `sigma` pixels; its box stays where it is."""
    if sigma <= COARSE:
        return cv2.GaussianBlur(mask, (0, 0), max(sigma, 0.5), borderType=cv2.BORDER_REPLICATE)
    # A wide blur costs a tenth at a resolution where it is a narrow one, and looks the same.
    scale = COARSE / sigma
    size = tuple(max(2, round(edge * scale)) for edge in mask.shape[1::-1])
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), COARSE, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(blurred, mask.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def mask_box(mask: Floats) -> Floats | None:
    """(4,) float32 xyxy around what is at least half inside; None where nothing is."""
    left, top, width, height = cv2.boundingRect((mask >= INSIDE).astype(np.uint8))
    if not width:
        return None
    return np.array([left, top, left + width, top + height], np.float32)


def around(mask: Floats, pad: int) -> tuple[slice, slice]:
    """Rows and columns of everything that the mask touches, `pad` pixels wider, in the picture."""
    left, top, width, height = cv2.boundingRect((mask > 0).astype(np.uint8))
    rows = slice(max(0, top - pad), min(mask.shape[0], top + height + pad))
    return rows, slice(max(0, left - pad), min(mask.shape[1], left + width + pad))


def mixed(first: NDArray, second: NDArray, weight: NDArray[np.floating]) -> NDArray[np.uint8]:
    """`first` where the weight (h, w) is 0, `second` where it is 1; pictures (h, w, 3)."""
    blended = first + (second - first.astype(np.float32)) * weight[..., None]
    return np.clip(blended + 0.5, 0, 255).astype(np.uint8)


def turned(points: Points, angle: float) -> Points:
    """Points (n, 2) turned around the origin by `angle` radians."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return points @ turn.T

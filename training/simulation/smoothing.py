"""Lost detail: the four ways in which a patch is smoothed.

Patches are (h, w, 3) uint8 BGR, masks (h, w) float32, 0..1. `unit` is the eye distance in pixels.
"""

from __future__ import annotations

import cv2

from fakecheck.types import Floats, Image
from fakecheck_training.augment import Rng
from fakecheck_training.simulation.masks import mixed
from fakecheck_training.simulation.noise import log_uniform


def smooth(patch: Image, mask: Floats, unit: float, rng: Rng) -> Image:
    """The patch smoothed inside of the mask."""
    kind = rng.choice(4, p=[0.35, 0.2, 0.15, 0.3])
    smoothed = (_gaussian, _median, _bilateral, _down_up)[kind](patch, unit, rng)
    return mixed(patch, smoothed, mask)


def _gaussian(patch: Image, unit: float, rng: Rng) -> Image:
    return cv2.GaussianBlur(patch, (0, 0), max(0.7, unit * log_uniform(0.016, 0.075, rng)))


def _median(patch: Image, unit: float, rng: Rng) -> Image:
    half = max(1, round(unit * log_uniform(0.02, 0.09, rng)))
    return cv2.medianBlur(patch, 2 * half + 1)


def _bilateral(patch: Image, unit: float, rng: Rng) -> Image:
    """At a scale where nine pixels reach far enough: edges stay, the skin turns into wax."""
    scale = min(1.0, 45 / unit)
    size = (max(4, round(patch.shape[1] * scale)), max(4, round(patch.shape[0] * scale)))
    small = cv2.resize(patch, size, interpolation=cv2.INTER_AREA) if scale < 1 else patch
    small = cv2.bilateralFilter(small, 7, rng.uniform(25, 70), rng.uniform(2, 5))
    return cv2.resize(small, patch.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def _down_up(patch: Image, unit: float, rng: Rng) -> Image:
    factor = max(1.6, unit * log_uniform(0.03, 0.13, rng))
    size = (max(2, round(patch.shape[1] / factor)), max(2, round(patch.shape[0] / factor)))
    small = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
    ways = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    return cv2.resize(small, patch.shape[1::-1], interpolation=ways[rng.integers(2)])

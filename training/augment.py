"""Degradations: what pictures go through between the camera and the detector.

`Degrader` is random: training draws through it, real and fake alike, every time anew, so that no
set is told by its size, its JPEG tables or its colours. `FIXED` are the named degradations that
calibration and evaluation use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from fakecheck.types import Image

Rng = np.random.Generator
# Enlarging by more than this makes pixels that no camera makes.
MAX_ENLARGE = 1.3
SHRINKING = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
ENLARGING = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


@dataclass(frozen=True)
class Degrader:
    """How strongly training degrades. Chances are 0..1, ranges are inclusive.

    `face_side` is the range in pixels of the longer side of the face's box after resizing, drawn
    uniformly on a logarithmic scale; `untouched` is the chance that a picture stays as it is.
    """

    face_side: tuple[float, float] = (56.0, 230.0)
    untouched: float = 0.15
    blur: float = 0.25
    blur_sigma: tuple[float, float] = (0.3, 1.6)
    noise: float = 0.2
    noise_sigma: tuple[float, float] = (1.0, 7.0)
    colour: float = 0.6
    grey: float = 0.04
    compress: float = 0.75
    quality: tuple[int, int] = (35, 95)
    twice: float = 0.2
    webp: float = 0.15

    def __call__(self, image: Image, face_side: float, rng: Rng) -> Image:
        """`image` (h, w, 3) uint8 BGR whose face is `face_side` pixels long → a degraded one."""
        if rng.random() < self.untouched:
            return image
        image = self._resize(image, face_side, rng)
        if rng.random() < self.colour:
            image = jitter_colour(image, rng)
        if rng.random() < self.grey:
            image = to_grey(image)
        if rng.random() < self.blur:
            image = cv2.GaussianBlur(image, (0, 0), rng.uniform(*self.blur_sigma))
        if rng.random() < self.noise:
            image = add_noise(image, rng.uniform(*self.noise_sigma), rng)
        if rng.random() < self.compress:
            for _ in range(2 if rng.random() < self.twice else 1):
                image = self._compress(image, rng)
        return image

    def _resize(self, image: Image, face_side: float, rng: Rng) -> Image:
        wanted = float(np.exp(rng.uniform(*np.log(self.face_side))))
        scale = min(wanted / face_side, MAX_ENLARGE)
        size = (max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale)))
        kinds = SHRINKING if scale < 1 else ENLARGING
        return cv2.resize(image, size, interpolation=kinds[rng.integers(len(kinds))])

    def _compress(self, image: Image, rng: Rng) -> Image:
        quality = int(rng.integers(self.quality[0], self.quality[1] + 1))
        return compress(image, quality, ".webp" if rng.random() < self.webp else ".jpg")


def compress(image: Image, quality: int, kind: str = ".jpg") -> Image:
    """`image` after a lossy encoder (`.jpg` or `.webp`) of `quality` 1..100."""
    flag = cv2.IMWRITE_WEBP_QUALITY if kind == ".webp" else cv2.IMWRITE_JPEG_QUALITY
    encoded = cv2.imencode(kind, image, [flag, quality])[1]
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR)


def jitter_colour(image: Image, rng: Rng) -> Image:
    """Gamma, brightness and contrast as one table a channel; then saturation and a turn of hue."""
    ramp = np.arange(256, dtype=np.float32) / 255
    gains = 1 + rng.uniform(-0.05, 0.05, 3)  # white balance
    curve = (ramp ** rng.uniform(0.75, 1.35) - 0.5) * rng.uniform(0.8, 1.2) + 0.5
    curve += rng.uniform(-0.08, 0.08)
    table = np.clip(np.round(255 * curve[:, None] * gains[None]), 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table[None])
    if rng.random() < 0.5:
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
        hue = (np.arange(256) + rng.integers(-6, 7)) % 180
        saturation = np.clip(np.arange(256) * rng.uniform(0.7, 1.3), 0, 255)
        lut = np.stack([hue, saturation, np.arange(256)], axis=1).astype(np.uint8)
        image = cv2.cvtColor(cv2.LUT(hsv, lut[None]), cv2.COLOR_HSV2BGR)
    return image


def to_grey(image: Image) -> Image:
    """Luma in all three channels."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def add_noise(image: Image, sigma: float, rng: Rng) -> Image:
    """Gaussian noise of `sigma` grey levels, the same in all channels or one a channel."""
    channels = 3 if rng.random() < 0.5 else 1
    shape = (*image.shape[:2], channels)
    noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(sigma)
    return np.clip(image + noise + 0.5, 0, 255).astype(np.uint8)


def _half(image: Image) -> Image:
    size = (max(1, image.shape[1] // 2), max(1, image.shape[0] // 2))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


FIXED: dict[str, Callable[[Image], Image]] = {
    "none": lambda image: image,
    "jpeg50": lambda image: compress(image, 50),
    "half": _half,
    "blur1": lambda image: cv2.GaussianBlur(image, (0, 0), 1.0),
}

"""Dots and grids, as generators leave them, laid over a patch of a picture.

Patches are (h, w, 3) uint8 BGR, masks (h, w) float32, 0..1. `unit` is the eye distance in pixels,
by which all sizes go.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.types import Floats, Image
from fakecheck_training.augment import Rng
from fakecheck_training.simulation.masks import INSIDE, Points, mixed

MIN_DOTS, MAX_DOTS = 8, 260
# Of the face that the generator made, in its own pixels: 64-pixel GANs to 512-pixel ones.
GENERATOR_SIDE = (56.0, 420.0)
FACE_UNITS = 2.4  # the side of a face in eye distances
GRID_STRENGTH = (2.5, 14.0)  # grey levels, root mean square at the generator's resolution


def log_uniform(low: float, high: float, rng: Rng) -> float:
    """A number between `low` and `high`, uniform on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def dot_noise(patch: Image, mask: Floats, unit: float, rng: Rng) -> Image:
    """The patch with isolated dots, whose middles lie inside of the mask."""
    places = np.flatnonzero(mask >= INSIDE)
    if not len(places):
        return patch
    if rng.random() < 0.3:
        return _drops(patch, places, unit, rng)
    return _specks(patch, places, unit, rng)


def _specks(patch: Image, places: np.ndarray, unit: float, rng: Rng) -> Image:
    """Salt and pepper, or specks of a colour near the one they lie on."""
    radius = max(0.45, unit * log_uniform(0.008, 0.035, rng))
    density = log_uniform(0.008, 0.1, rng)
    count = int(np.clip(density * len(places) / (np.pi * radius**2), MIN_DOTS, MAX_DOTS))
    kind, salt = rng.choice(3, p=[0.35, 0.4, 0.25]), rng.choice([0.0, 0.5, 1.0])
    tint = rng.normal(0, 1.4, 3)
    where = _points(places, patch.shape[1], count, rng)
    if kind == 0:
        colours = _salt_and_pepper(count, salt, rng)
    else:
        colours = _tinted(patch, where, tint if kind == 1 else None, rng)
    alpha = np.zeros(patch.shape[:2], np.uint8)
    layer = patch.copy()
    opacity = rng.uniform(0.55, 1.0)
    for (x, y), colour, size in zip(where, colours, rng.uniform(0.6, 1.3, count), strict=True):
        centre = (int((x - 0.5) * 16), int((y - 0.5) * 16))
        reach = max(4, int(radius * size * 16))
        cv2.circle(layer, centre, reach + 24, colour, -1, shift=4)
        cv2.circle(alpha, centre, reach, (255.0 * opacity,), -1, cv2.LINE_AA, 4)
    weight = alpha.astype(np.float32) / 255
    if rng.random() < 0.4:
        weight = cv2.GaussianBlur(weight, (0, 0), 0.3 + 0.35 * radius)
    return mixed(patch, layer, weight)


def _salt_and_pepper(count: int, salt: float, rng: Rng) -> list[tuple[int, ...]]:
    """Nearly white with a chance of `salt`, else nearly black."""
    white = rng.random(count) < salt
    values = np.where(white, rng.integers(200, 256, count), rng.integers(0, 50, count))
    return [(int(value),) * 3 for value in values]


def _tinted(
    patch: Image, where: Points, tint: NDArray[np.floating] | None, rng: Rng
) -> list[tuple[int, ...]]:
    """What lies under each dot, changed by one tint (3,) for all or by a random one for each."""
    under = patch[where[:, 1].astype(int), where[:, 0].astype(int)].astype(float)
    count = len(where)
    change = rng.normal(0, 1, (count, 3)) + rng.normal(0, 1.2, (count, 1))
    if tint is not None:
        change = np.repeat(tint[None], count, axis=0)
    length = np.maximum(np.linalg.norm(change, axis=1, keepdims=True), 1e-3)
    colours = np.clip(under + change / length * rng.uniform(40, 150), 0, 255)
    return [tuple(map(int, colour)) for colour in colours]


def _drops(patch: Image, places: np.ndarray, unit: float, rng: Rng) -> Image:
    """Blobs like drops of water: the picture is bent in them, and they have a bright or dark rim.

    After the droplets of StyleGAN (Karras et al. 2020, section 2).
    """
    radius = max(2.5, unit * log_uniform(0.035, 0.12, rng))
    most = float(np.clip(0.3 * len(places) / (np.pi * radius**2), 3, 14))
    count = round(log_uniform(2.5, most, rng))
    where = _points(places, patch.shape[1], count, rng)
    tint = rng.normal(0, 1, 3) + rng.normal(0, 1)
    tint = tint / max(float(np.linalg.norm(tint)), 1e-3) * rng.uniform(18, 60)
    rim = rng.uniform(20, 80) * rng.choice([-1, 1])
    image = patch.copy()
    for (x, y), size in zip(where, rng.uniform(0.6, 1.2, count), strict=True):
        _drop(image, float(x), float(y), radius * float(size), tint, rim)
    return image


def _drop(image: Image, x: float, y: float, radius: float, tint: np.ndarray, rim: float) -> None:
    reach = int(radius * 1.4) + 1
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    area = image[top : int(y) + reach + 1, left : int(x) + reach + 1]
    if min(area.shape[:2]) < 2:
        return
    rows, columns = np.mgrid[: area.shape[0], : area.shape[1]].astype(np.float32)
    dx, dy = columns + left + 0.5 - x, rows + top + 0.5 - y
    distance = np.sqrt(dx**2 + dy**2) / radius
    pull = -0.5 * np.clip(1 - distance, 0, 1)
    bent = cv2.remap(
        area, columns + pull * dx, rows + pull * dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    ).astype(np.float32)
    inside = np.clip((1 - distance) / 0.25, 0, 1)
    edge = np.exp(-(((distance - 0.85) / 0.18) ** 2)) * rim
    drop = bent + inside[..., None] * tint.astype(np.float32) + edge[..., None]
    area[:] = mixed(area, drop, np.clip((1.2 - distance) / 0.25, 0, 1))


def _points(places: np.ndarray, width: int, count: int, rng: Rng) -> Floats:
    """(n, 2) float32 x and y of random points in the pixels `places`."""
    chosen = places[rng.integers(len(places), size=count)]
    xy = np.stack([chosen % width, chosen // width], axis=1) + rng.random((count, 2))
    return xy.astype(np.float32)


def grid_noise(patch: Image, mask: Floats, unit: float, rng: Rng) -> Image:
    """The patch with a regular grid, made at the resolution of a generator and resized with it."""
    side = log_uniform(*GENERATOR_SIDE, rng)
    scale = min(side / (FACE_UNITS * unit), 512 / max(patch.shape[:2]))
    height, width = (max(12, round(edge * scale)) for edge in patch.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(patch, (width, height), interpolation=way).astype(np.float32)
    # A period of two pixels is gone where the grid is made smaller than that.
    periods = [p for p in (2, 3, 4, 5, 6, 8, 12, 16) if 1.8 <= p / scale <= 0.3 * unit]
    period = int(rng.choice(periods)) if periods else 2
    kind = rng.choice(3, p=[0.4, 0.35, 0.25])
    delta = (_checkerboard, _upsampling, _peaks)[kind](small, period, rng)
    delta = delta - cv2.blur(delta, (4 * period + 1, 4 * period + 1))
    strength = log_uniform(*GRID_STRENGTH, rng) / max(float(delta.std()), 1e-3)
    back = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
    delta = cv2.resize(delta * strength, patch.shape[1::-1], interpolation=back)
    return mixed(patch, patch + delta, mask)


def _checkerboard(small: Floats, period: int, rng: Rng) -> Floats:
    """Uneven overlap of transposed convolutions: a product of two periodic gains, maybe two layers.

    Odena, Dumoulin and Olah, Deconvolution and Checkerboard Artifacts, Distill 2016.
    """
    height, width = small.shape[:2]
    pattern = np.zeros((height, width), np.float32)
    for stride in (period, 2 * period) if rng.random() < 0.4 else (period,):
        overlap = int(rng.integers(1, stride))
        gain = np.where(np.arange(stride) < overlap, 1.0, rng.uniform(-1.0, 0.6))
        gain = gain - gain.mean() * rng.uniform(0.3, 1.0)
        rows = np.resize(np.roll(gain, rng.integers(stride)), height)
        columns = np.resize(np.roll(gain, rng.integers(stride)), width)
        pattern += np.outer(rows, columns).astype(np.float32)
    tint = (1 + rng.normal(0, 0.35, 3)).astype(np.float32)
    # Brighter features overlap more strongly, but dark ones are not free of it.
    return pattern[..., None] * tint * (60 + small)


def _upsampling(small: Floats, period: int, rng: Rng) -> Floats:
    """What a transposed convolution of stride `period` with an uneven kernel adds to the patch."""
    height, width = small.shape[:2]
    fewer = (max(2, width // period), max(2, height // period))
    low = cv2.resize(small, fewer, interpolation=cv2.INTER_AREA)
    spread = np.zeros((fewer[1] * period, fewer[0] * period, 3), np.float32)
    spread[::period, ::period] = low * period**2
    size = int(rng.choice([period, period + 1, 2 * period - 1, 2 * period + 1]))
    slope = np.maximum(1 - np.abs(np.arange(size) - (size - 1) / 2) / period, 0.05)
    kernel = np.outer(slope, slope) * np.maximum(1 + rng.normal(0, 0.5, (size, size)), 0)
    kernel = (kernel / max(float(kernel.sum()), 1e-6)).astype(np.float32)
    grown = cv2.filter2D(spread, -1, kernel, borderType=cv2.BORDER_REFLECT)
    delta = grown - cv2.blur(grown, (period, period))
    return cv2.resize(delta, (width, height), interpolation=cv2.INTER_NEAREST)


def _peaks(small: Floats, period: int, rng: Rng) -> Floats:
    """A few peaks in the spectrum: waves along both axes, and their harmonics."""
    height, width = small.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None]
    waves = np.zeros((height, width), np.float32)
    harmonics = [n for n in (1, 2, 3) if period / n >= 2]
    for _ in range(int(rng.integers(1, 4))):
        n = 2 * np.pi * int(rng.choice(harmonics)) / period
        turn = rng.uniform(0, 2 * np.pi, 2)
        along, across = np.cos(n * columns + turn[0]), np.cos(n * rows + turn[1])
        way = rng.integers(3)
        waves += along * across if way == 0 else along + across if way == 1 else along + 0 * rows
    tint = (1 + rng.normal(0, 0.4, 3)).astype(np.float32)
    return waves[..., None] * tint * (60 + small)

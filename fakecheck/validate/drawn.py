"""Drawn faces, so that a detector can be run where there are no pictures.

They need not fool anybody: what is checked with them is that a graph keeps its contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.card import DetectorCard
from fakecheck.detector import FrameCrops, crop_key, cut_crops
from fakecheck.errors import InputError, MediaError
from fakecheck.faces import FaceFinder
from fakecheck.media import find_media, open_media
from fakecheck.types import Face, Image

# Crops in a batch; a detector of both eyes has two a face.
BATCH = 8
USUAL, TINY, HUGE = 120.0, 3.0, 3000.0
# Of the contributor's own pictures: enough to meet odd ones, few enough to wait for.
MAX_OWN_FACES = 64
# Eyes, nose and corners of the mouth of a face seen from the front, as shares of its box.
_LANDMARKS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.78], [0.65, 0.78]], np.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture (height, width, 3) uint8 BGR and the faces in it."""

    image: Image
    faces: tuple[Face, ...]


def drawn_scene(size: float, seed: int = 0, left_out: float = 0.0) -> Scene:
    """One drawn face whose box is `size` pixels high, on a noisy picture a fifth wider all round.

    `left_out` is the share of the face that lies beyond the picture's left edge.
    """
    random = np.random.default_rng(seed)
    side = max(2, round(1.4 * size))
    corner = np.array([side / 2 - 0.4 * size - left_out * size, side / 2 - size / 2], np.float32)
    extent = np.array([0.8 * size, size], np.float32)
    image = np.empty((side, side, 3), np.uint8)
    image[:] = random.integers(0, 256, 3)
    marks = corner + _LANDMARKS * extent

    def ellipse(centre: NDArray[Any], axes: Sequence[float], low: int, high: int) -> None:
        # Coordinates in sixteenths of a pixel.
        place = tuple(round(float(v) * 16) for v in centre)
        spread = tuple(round(v * 16) for v in axes)
        color = random.integers(low, high, 3).tolist()
        cv2.ellipse(image, place, spread, 0, 0, 360, color, -1, cv2.LINE_AA, 4)

    ellipse(corner + extent / 2, (0.4 * size, 0.5 * size), 80, 230)
    for eye in marks[:2]:
        ellipse(eye, (0.07 * size, 0.035 * size), 0, 90)
    ellipse(marks[2], (0.04 * size, 0.07 * size), 60, 200)
    ellipse((marks[3] + marks[4]) / 2, (0.12 * size, 0.03 * size), 20, 140)
    noise = random.integers(-12, 13, (min(side, 256), min(side, 256), 3), dtype=np.int16)
    repeats = -(-side // 256)
    grain = np.tile(noise, (repeats, repeats, 1))[:side, :side]
    np.clip(image + grain, 0, 255, out=image, casting="unsafe")
    box = np.concatenate([corner, corner + extent])
    face = Face(np.clip(box, 0, side).astype(np.float32), marks.astype(np.float32), 1.0)
    return Scene(image, (face,))


def crops_of(scene: Scene, card: DetectorCard) -> FrameCrops:
    """What the detector gets to see of a scene, however small its faces are."""
    return cut_crops(scene.image, scene.faces, [card], min_face=0)


def drawn_batch(card: DetectorCard) -> NDArray[np.uint8]:
    """BATCH crops (n, height, width, 3) uint8 of drawn faces, all different; always the same."""
    frames = [crops_of(drawn_scene(USUAL, seed), card) for seed in range(BATCH)]
    return np.concatenate([frame.sets[crop_key(card)].pixels for frame in frames])[:BATCH]


def own_batch(card: DetectorCard, folder: Path) -> NDArray[np.uint8]:
    """Crops (n, height, width, 3) uint8 of the faces that are found in the pictures of `folder`.

    Files that cannot be read are passed over. Raises InputError where no face is found.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    finder, batches, count = FaceFinder(), [], 0
    for path in find_media([folder]):
        try:
            frame = next(iter(open_media(path).frames()), None)
        except MediaError:
            continue
        if frame is None:
            continue
        scene = Scene(frame.image, tuple(finder.find(frame.image)))
        batches.append(crops_of(scene, card).sets[crop_key(card)].pixels)
        count += len(batches[-1])
        if count >= MAX_OWN_FACES:
            break
    if not count:
        raise InputError(f"{folder} holds no picture in which a face is found")
    return np.concatenate(batches)[:MAX_OWN_FACES]

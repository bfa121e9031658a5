"""Picture and face, cut, mirrored, degraded and jittered; the face and boxes where they then lie.

The crop itself is cut by `fakecheck.regions`, as at run time.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from fakecheck.regions import MAX_TILT, crop_regions
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import Degrader, Rng
from fakecheck_training.data import Sample
from fakecheck_training.faces import read_image

# The picture is cut to this many face sides before it is degraded: enough for every crop.
CONTEXT = 2.2
# Some sets are cut close to the face, so their crops end in repeated border pixels: any picture may
# come as close as that, or the streaks would tell the set.
TIGHT, TIGHT_CONTEXT = 0.35, (1.0, 1.5)
# Points of the curve that takes one picture's histogram to another's.
QUANTILES = (0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 1.0)
# Detectors must bear what the face finder's boxes and landmarks do from picture to picture.
BOX_SHIFT, BOX_SCALE, MARK_SHIFT = 0.05, 0.1, 0.03


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


def match_colours(image: Image, seen: Image, like: Image) -> Image:
    """`image`, changed so that `seen`, a crop of it, gets the colours of `like`.

    Histogram specification (Gonzalez and Woods, "Digital Image Processing") a channel at a time: a
    curve that takes QUANTILES to quantiles, straight in between.
    """
    table = np.empty((256, 3), np.uint8)
    for channel in range(3):
        old, new = (np.quantile(of[..., channel], QUANTILES) for of in (seen, like))
        levels, place = np.unique(old, return_inverse=True)
        new = np.bincount(place, new) / np.bincount(place)
        table[:, channel] = np.round(np.interp(np.arange(256), levels, new))
    return cv2.LUT(image, table[None])


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
    max_tilt: float = MAX_TILT,
) -> tuple[Image, Floats]:
    """The face's crop of the degraded picture; boxes (n, 4) of the picture in the crop's pixels.

    What sticks out of the crop is not cut off.
    """
    degraded, moved = degrade_with_face(image, face, degrader, rng)
    (crop,) = crop_regions(degraded, [jitter_face(moved, rng)], ("face",), size, margin, max_tilt)
    scale = np.tile(np.array(degraded.shape[1::-1]) / image.shape[1::-1], 2).astype(np.float32)
    return crop.image, crop.to_crop(xyxy * scale)

"""Frame → faces: boxes and five landmarks.

The finder is YuNet (Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector", 2023) through
OpenCV's FaceDetectorYN; the model lies in `models/` with its licence (MIT).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files

import cv2
import numpy as np

from fakecheck.geometry import Affine, invert, iou_matrix
from fakecheck.regions import Patch, cut, is_tilted
from fakecheck.types import Face, Floats, Image

MODEL = "face_detection_yunet_2026may.onnx"
# Counts up with each change by which other faces are found, or cut otherwise: measurements are kept
# by it.
FINDER_VERSION = 3
# 320 costs 2.6 ms on one core and 640 four times that; every one of 40 pictures of 64 to 336 pixels
# from each set of tight face crops gave the same faces at both.
MIN_SIDE = 320
MAX_SIDE = 640
MIN_SCORE = 0.6
NMS_IOU = 0.3
TOP_K = 200
# YuNet takes any face for an upright one: it finds those on their side or upside down too, with the
# eyes where the mouth is, at a lower score. Of 1339 upright faces of the pack 6 % had less than
# SURE_SCORE; of the same upside down 99 %, and put upright 97 % of them TURNED_SCORE and at least
# TURNED_MARGIN more than upside down. Of 14,870 upright faces four, whose heads lie on their
# shoulders, are taken for turned ones by that.
SURE_SCORE, TURNED_SCORE, TURNED_MARGIN = 0.92, 0.9, 0.02
# A picture that is itself a tight face crop is looked at again with this border around it.
PAD_FRACTION = 0.5
# The patch in which a tilted face is looked at upright, in sides of its box, how often at most, and
# how far from the patch's middle it may lie then, in halves of the patch.
UPRIGHT_PATCH, UPRIGHT_LOOKS, UPRIGHT_SHIFT = 2.0, 2, 0.3


@lru_cache(maxsize=1)
def _model() -> bytes:
    return (files("fakecheck") / "models" / MODEL).read_bytes()


class FaceFinder:
    """Finds every face of a frame. One finder may be called from several threads at once.

    A larger frame is shrunk to a longer side of MAX_SIDE pixels before looking, a smaller one
    enlarged to MIN_SIDE. With `fine`, frames of more than twice MAX_SIDE are looked at again at
    that size, for the small faces of a crowd. Boxes and landmarks come back in pixels of the
    frame as given.
    """

    def __init__(self, fine: bool = False) -> None:
        self.fine = fine
        self._model = _model()
        self._local = threading.local()

    def find(self, image: Image, retry: bool = True) -> list[Face]:
        """Faces of `image` (height, width, 3) uint8 BGR, the largest first.

        Where none is found, `retry` looks again with a border around the picture, since a face that
        fills the picture is easier to find with room around it. Where none is found even so, or one
        that may be turned, looks again at the picture in its three other quarter turns. A face that
        is tilted by more than `regions.MAX_TILT` is looked at again upright; its box is that of the
        upright one, about the same centre.
        """
        height, width = image.shape[:2]
        found = self._find(image, retry, 0)
        if not found or any(face.score < SURE_SCORE for face in found):
            turned = [face for turns in (1, 2, 3) for face in self._find(image, retry, turns)]
            found = _upright_or_turned(found, turned)
        found = [self._upright(image, face) for face in found]
        return sorted((clipped(face, width, height) for face in found), key=_area, reverse=True)

    def _upright(self, image: Image, face: Face) -> Face:
        """`face` as it is found in a patch that is turned as it is, if it is tilted and found.

        YuNet draws upright boxes, too large ones around a tilted face, and with landmarks that
        are less tilted than the face, so what is still tilted then is looked at once more.
        """
        for _ in range(UPRIGHT_LOOKS):
            if not is_tilted(face):
                break
            side = UPRIGHT_PATCH * max(face.size, 1.0)
            # To turn a large patch as it is would take longer than all else.
            scale = min(1.0, 2 * MIN_SIDE / side)
            x, y = (float(v) * scale for v in (face.xyxy[:2] + face.xyxy[2:]) / 2)
            patch = Patch(x, y, side * scale, face.roll)
            crop = cut(_resized(image, scale), patch, "face", None, (MIN_SIDE, MIN_SIDE))
            near = [
                one
                for one in self._look(crop.image, 1.0, 0, 0)
                if np.abs((one.xyxy[:2] + one.xyxy[2:]) / MIN_SIDE - 1).max() < UPRIGHT_SHIFT
            ]
            if not near:
                break
            face = _from_patch(max(near, key=lambda one: one.score), invert(crop.matrix) / scale)
        return face

    def _find(self, image: Image, retry: bool, turns: int) -> list[Face]:
        """Faces of `image` that stand upright after so many quarter turns of it, in its pixels."""
        longer = max(image.shape[:2])
        found = self._look(image, min(max(longer, MIN_SIDE), MAX_SIDE) / longer, 0, turns)
        if self.fine and longer > 2 * MAX_SIDE:
            found += _unlike(self._look(image, 2 * MAX_SIDE / longer, 0, turns), found)
        if not found and retry:
            found = self._look_with_border(image, turns)
        return found

    def _look_with_border(self, image: Image, turns: int) -> list[Face]:
        height, width = image.shape[:2]
        # The border of a long, narrow picture would take gigabytes.
        image = _resized(image, min(1.0, 2 * MAX_SIDE / max(height, width)))
        back = np.array([width / image.shape[1], height / image.shape[0]], np.float32)
        longer = max(image.shape[:2])
        pad = round(longer * PAD_FRACTION)
        padded = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        return [
            replace(face, xyxy=face.xyxy * np.tile(back, 2), landmarks=face.landmarks * back)
            for face in self._look(padded, MIN_SIDE / (longer + 2 * pad), pad, turns)
        ]

    def _look(self, image: Image, scale: float, pad: int, turns: int) -> list[Face]:
        height, width = image.shape[:2]
        image = _resized(image, scale)
        size = (image.shape[1], image.shape[0])
        image = np.ascontiguousarray(np.rot90(image, turns))
        detector = self._detector()
        detector.setInputSize((image.shape[1], image.shape[0]))
        _, rows = detector.detect(image)
        if rows is None:
            return []
        back = np.array([width / size[0], height / size[1]], np.float32)
        faces = []
        for row in rows:
            box = np.stack([row[:2], row[:2] + row[2:4]])
            ends = _turned_back(box, turns, size) * back - pad
            marks = _turned_back(row[4:14].reshape(5, 2), turns, size) * back - pad
            faces.append(
                Face(
                    xyxy=np.concatenate([ends.min(axis=0), ends.max(axis=0)]).astype(np.float32),
                    landmarks=marks.astype(np.float32),
                    score=float(row[14]),
                )
            )
        return faces

    def _detector(self) -> cv2.FaceDetectorYN:
        """A detector of this thread's own: FaceDetectorYN holds its input size as state."""
        if not hasattr(self._local, "detector"):
            with _quiet_opencv():
                self._local.detector = cv2.FaceDetectorYN.create(
                    "onnx",
                    np.frombuffer(self._model, np.uint8),
                    np.empty(0, np.uint8),
                    (MIN_SIDE, MIN_SIDE),
                    MIN_SCORE,
                    NMS_IOU,
                    TOP_K,
                )
        return self._local.detector


def _from_patch(found: Face, back: Affine) -> Face:
    """A face of an upright patch → in the frame, with the sides of the box that it has there.

    `back` is the (2, 3) affine map from the patch to the frame.
    """
    marks = found.landmarks @ back[:, :2].T + back[:, 2]
    face = replace(found, landmarks=marks.astype(np.float32))
    sides = (found.xyxy[2:] - found.xyxy[:2]) * np.hypot(*back[:, 0])
    if face.turns % 2:
        sides = sides[::-1]
    centre = (found.xyxy[:2] + found.xyxy[2:]) / 2 @ back[:, :2].T + back[:, 2]
    box = np.concatenate([centre - sides / 2, centre + sides / 2])
    return replace(face, xyxy=box.astype(np.float32))


def _resized(image: Image, scale: float) -> Image:
    """At least one pixel of it each way; the very picture where that changes nothing."""
    height, width = image.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    if size == (width, height):
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


_LOG_LEVEL = threading.Lock()


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """OpenCV 5 warns on stderr that YuNet's target cannot be set, at each creation.

    The level is the whole process's, so threads take turns.
    """
    with _LOG_LEVEL:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(level)


def _turned_back(points: Floats, turns: int, size: tuple[int, int]) -> Floats:
    """Points (n, 2) of a picture of `size` (width, height) from those after so many quarter turns.

    The turns are those of `np.rot90`: against the clock.
    """
    x, y = points.T
    width, height = size
    back = [(x, y), (width - y, x), (width - x, height - y), (y, height - x)]
    return np.stack(back[turns], axis=1)


def _upright_or_turned(upright: list[Face], turned: list[Face]) -> list[Face]:
    """Of faces that overlap the surest, where one that is turned must be surer by a margin."""
    sure = [face for face in turned if face.score >= TURNED_SCORE]
    rank = [face.score for face in upright] + [face.score - TURNED_MARGIN for face in sure]
    faces = upright + sure
    kept: list[Face] = []
    for number in np.argsort([-value for value in rank], kind="stable"):
        kept += _unlike([faces[number]], kept)
    return kept


def _unlike(more: list[Face], known: list[Face]) -> list[Face]:
    """Those of `more` that overlap none of `known`."""
    if not more or not known:
        return more
    boxes = [np.stack([face.xyxy for face in faces]) for faces in (more, known)]
    overlap = iou_matrix(*boxes).max(axis=1)
    return [face for face, most in zip(more, overlap, strict=True) if most <= NMS_IOU]


def clipped(face: Face, width: float, height: float) -> Face:
    """`face` with the part of its box that lies within a frame of so many pixels."""
    limits = np.array([width, height, width, height], np.float32)
    return replace(face, xyxy=np.clip(face.xyxy, 0, limits))


def _area(face: Face) -> float:
    return float((face.xyxy[2] - face.xyxy[0]) * (face.xyxy[3] - face.xyxy[1]))

"""Face → crops of the face, the eyes, the nose, the mouth, or the whole frame, and boxes back
again.

Training cuts its crops with this same module, so that a detector sees at run time what it learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, cos, pi, radians, remainder, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.geometry import QUARTER, Affine, invert, map_boxes
from fakecheck.types import Face, Floats, Image

REGIONS = ("frame", "face", "eyes", "nose", "mouth")
# A part's patch is this many eye distances wide: measured to beat the whole face on pasted parts.
PART_WIDTH = 1.24
# A turned face brings its eyes together; the way from eyes to mouth does not shrink with the turn,
# and is about as long as the eye distance of a face seen from the front.
PROFILE_RATIO = 0.9
# Degrees. Detectors learn from faces as they are, mostly upright.
MAX_TILT = 6.0


@dataclass(frozen=True, eq=False)
class Crop:
    """A square patch of a frame, resized.

    `image` is (height, width, 3) uint8 BGR, `region` one of REGIONS, `face` the index of the face
    it shows (None for the whole frame), `matrix` the (2, 3) affine map from frame to crop pixels.
    """

    image: Image
    region: str
    face: int | None
    matrix: Affine

    def to_frame(self, xyxy: Floats) -> Floats:
        """Boxes (n, 4) in pixels of the crop → boxes (n, 4) in pixels of the frame."""
        return map_boxes(invert(self.matrix), xyxy)

    def to_crop(self, xyxy: NDArray[np.floating]) -> Floats:
        """Boxes (n, 4) in pixels of the frame → boxes (n, 4) in pixels of the crop."""
        return map_boxes(self.matrix, xyxy)


@dataclass(frozen=True)
class Patch:
    """A square in the frame: centre and side in pixels, turned by `angle` radians.

    What is cut of one that is not is then turned by so many quarter `turns` against the clock.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0
    turns: int = 0


def crop_regions(
    image: Image,
    faces: Sequence[Face],
    regions: Sequence[str] = ("face",),
    size: tuple[int, int] = (160, 160),
    margin: float = 0.3,
    max_tilt: float = MAX_TILT,
) -> list[Crop]:
    """All crops that a detector wants to see of one frame.

    `size` is (width, height) in pixels. `margin` widens the patch: 0.3 makes it 30 % wider than the
    face's box (or than 1.24 eye distances, for a part). A face on its side or upside down is put
    upright by quarter turns, one that is tilted by over `max_tilt` degrees then by a rotation. What
    lies outside of the frame is filled by repeating its border.
    """
    crops = []
    for region in regions:
        if region == "frame":
            crops.append(cut(image, _frame_patch(image), region, None, size))
            continue
        for index, face in enumerate(faces):
            angle, turns = (face.roll, 0) if is_tilted(face, max_tilt) else (0.0, face.turns)
            for x, y, side in _places(face, region):
                patch = Patch(x, y, side * (1 + margin), angle, turns)
                crops.append(cut(image, patch, region, index, size))
    return crops


def eye_distance(face: Face) -> float:
    """Distance between the eyes in pixels, made up for a face that is turned away."""
    marks = face.landmarks
    across = float(np.linalg.norm(marks[1] - marks[0]))
    down = float(np.linalg.norm((marks[3] + marks[4]) / 2 - (marks[0] + marks[1]) / 2))
    return max(across, PROFILE_RATIO * down, 1.0)


def is_tilted(face: Face, max_tilt: float = MAX_TILT) -> bool:
    """Whether it is over `max_tilt` degrees from upright, once quarter turns have been made."""
    return abs(remainder(face.roll, pi / 2)) > radians(max_tilt)


def _places(face: Face, region: str) -> list[tuple[float, float, float]]:
    """Centre x, centre y and width of each patch of `region`, before the margin."""
    left, top, right, bottom = (float(v) for v in face.xyxy)
    if region == "face":
        return [((left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top, 1.0))]
    side = PART_WIDTH * eye_distance(face)
    marks = face.landmarks
    centres = {
        "eyes": [marks[0], marks[1]],
        "nose": [marks[2]],
        "mouth": [(marks[3] + marks[4]) / 2],
    }
    if region not in centres:
        raise ValueError(f"unknown region {region!r}, known are {', '.join(REGIONS)}")
    return [(float(x), float(y), side) for x, y in centres[region]]


def _frame_patch(image: Image) -> Patch:
    height, width = image.shape[:2]
    return Patch(width / 2, height / 2, float(max(width, height)))


def cut(image: Image, patch: Patch, region: str, face: int | None, size: tuple[int, int]) -> Crop:
    """What `image` shows in `patch`, resized to `size` (width, height)."""
    side = max(2, round(patch.side))
    cosine, sine = cos(patch.angle), sin(patch.angle)
    # Frame → patch: turn by -angle around the centre, then put the corner at the origin.
    turn = np.array([[cosine, sine], [-sine, cosine]])
    if patch.angle:
        offset = side / 2 - turn @ np.array([patch.x, patch.y])
        patched = _warp(image, np.hstack([turn, offset[:, None]]), side)
    else:
        # Whole pixels, so that an upright patch is not blurred by interpolation.
        left, top = round(patch.x - side / 2), round(patch.y - side / 2)
        offset = np.array([-left, -top], float)
        patched = np.rot90(_slice(image, left, top, side), patch.turns)
        for _ in range(patch.turns):
            turn, offset = QUARTER @ turn, QUARTER @ offset + np.array([0, side])
    scale = np.array([size[0] / side, size[1] / side])
    matrix = np.hstack([turn, offset[:, None]]) * scale[:, None]
    shrink = size[0] < side
    interpolation = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
    resized = (
        patched
        if patched.shape[1::-1] == size
        else cv2.resize(patched, size, interpolation=interpolation)
    )
    return Crop(np.ascontiguousarray(resized), region, face, matrix)


def _slice(image: Image, left: int, top: int, side: int) -> Image:
    height, width = image.shape[:2]
    before_x, before_y = max(0, -left), max(0, -top)
    after_x, after_y = max(0, left + side - width), max(0, top + side - height)
    inside = image[
        max(0, min(top, height - 1)) : max(1, min(top + side, height)),
        max(0, min(left, width - 1)) : max(1, min(left + side, width)),
    ]
    if not (before_x or before_y or after_x or after_y):
        return inside
    framed = cv2.copyMakeBorder(inside, before_y, after_y, before_x, after_x, cv2.BORDER_REPLICATE)
    return framed[:side, :side]


def _warp(image: Image, matrix: Affine, side: int) -> Image:
    # OpenCV's pixel centres lie at whole numbers, ours half a pixel further.
    shift = matrix[:, :2] @ np.array([0.5, 0.5]) - 0.5
    centred = matrix.copy()
    centred[:, 2] += shift
    return cv2.warpAffine(
        image,
        centred,
        (ceil(side), ceil(side)),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )

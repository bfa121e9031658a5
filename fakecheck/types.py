"""The frozen records that the stages hand to each other.

Coordinates are absolute pixels of the upright source frame (after EXIF or rotation metadata), with
x to the right, y down, and (0, 0) at the outer corner of the top left pixel. Boxes are `xyxy`:
left, top, right, bottom. Pictures are uint8 BGR, as OpenCV has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import atan2, hypot, pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Label = Literal["real", "fake", "inconclusive"]
MediaKind = Literal["image", "video"]
Unjudged = Literal["no_frame", "no_face", "face_too_small", "detectors_failed"]
# The share of real files that may be called fake, over all detectors, if nobody asks for another.
FALSE_ALARM_RATE = 0.01
# Those that can be asked for: cards have rows for them, and for one that is more frequent.
FALSE_ALARM_RANGE = (0.005, 0.05)
# The stage of errors about plug-ins, which text and page tell once a run and not of each file.
PLUGIN_STAGE = "plugin"


def _check_shape(what: str, array: NDArray, expected: tuple[int | None, ...]) -> None:
    matches = array.ndim == len(expected) and all(
        wanted is None or wanted == actual
        for wanted, actual in zip(expected, array.shape, strict=True)
    )
    if not matches:
        shape = tuple("n" if wanted is None else wanted for wanted in expected)
        raise ValueError(f"{what} must have shape {shape}, got {array.shape}")


@dataclass(frozen=True)
class MediaInfo:
    """What is known of a file before its frames are looked at.

    `width` and `height` are of the upright picture, in pixels. `frames` and `duration` (seconds)
    are None where the container does not say; a picture has one frame and no duration.
    """

    path: str
    sha256: str
    kind: MediaKind
    width: int
    height: int
    frames: int | None = None
    duration: float | None = None


@dataclass(frozen=True)
class LookedAt:
    """What of a clip was looked at: so many `frames`, from `start` until before `end` in seconds.

    `end` None is the end of the clip.
    """

    frames: int
    start: float = 0.0
    end: float | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame: `image` is (height, width, 3) uint8 BGR, upright; `time` in seconds."""

    index: int
    time: float | None
    image: Image

    def __post_init__(self) -> None:
        _check_shape("image", self.image, (None, None, 3))


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a frame.

    `xyxy` is (4,) float32. `landmarks` is (5, 2) float32: the eye on the viewer's left, the eye on
    the viewer's right, the tip of the nose, the mouth's corner on the viewer's left and the one on
    the viewer's right. `score` in 0..1. `track` is the same number for one face over the frames of
    a shot, from 1 on, None where nobody has followed it.
    """

    xyxy: Floats
    landmarks: Floats
    score: float
    track: int | None = None

    def __post_init__(self) -> None:
        _check_shape("xyxy", self.xyxy, (4,))
        _check_shape("landmarks", self.landmarks, (5, 2))

    @property
    def size(self) -> float:
        """The longer side of the box in pixels."""
        return float(max(self.xyxy[2] - self.xyxy[0], self.xyxy[3] - self.xyxy[1]))

    @property
    def roll(self) -> float:
        """By how many radians the face is turned with the clock, -pi..pi; 0 is upright.

        By the way from eye to eye and that from the eyes to the mouth: a face seen from the side
        has its eyes close together.
        """
        eyes = self.landmarks[1] - self.landmarks[0]
        down = self.landmarks[3:].mean(axis=0) - self.landmarks[:2].mean(axis=0)
        x, y = float(eyes[0] + down[1]), float(eyes[1] - down[0])
        return atan2(y, x) if hypot(x, y) > 1 else 0.0

    @property
    def turns(self) -> int:
        """Quarter turns against the clock, 0..3, after which it is nearest to upright."""
        return round(self.roll / (pi / 2)) % 4


@dataclass(frozen=True, eq=False)
class Detections:
    """The boxes of one detector in one picture, columnwise, best score first.

    `xyxy` is (n, 4) float32, `score` is (n,) float32 in 0..1, `class_id` is (n,) int32 and counts
    from 1 as the label map does, `llr` is (n,) float32: the natural logarithm of the likelihood
    ratio of fake against real that the card's calibration gives the score. `face` is (n,) int32:
    the index of the face in its frame's list, -1 for a detector that looks at the whole frame.
    """

    detector: str
    xyxy: Floats
    score: Floats
    class_id: NDArray[np.int32]
    llr: Floats
    face: NDArray[np.int32]

    def __post_init__(self) -> None:
        n = len(self.score)
        _check_shape("xyxy", self.xyxy, (n, 4))
        for name in ("score", "class_id", "llr", "face"):
            _check_shape(name, getattr(self, name), (n,))

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True)
class StageError:
    """Something that went wrong in one stage while the rest went on.

    `stage` is `plugin` (a plug-in, or a detector of one, cannot be used) or `load` (a detector
    cannot be loaded), both for the whole run; `media` (reading the file), `detect` (running a
    detector) or `sequence` (the model of videos). `detector` is an id, None where it is no single
    one's.
    """

    stage: str
    message: str
    detector: str | None = None


@dataclass(frozen=True, eq=False)
class FrameResult:
    """What was found in one frame.

    `evidence` maps a detector's id to (faces,) float32: for every face of `faces`, the log-
    likelihood ratio of this detector's family against real, NaN where it could not judge. A
    detector of the whole frame has one value, under its id in `frame_evidence`. `sharpness` is
    (faces,) float32, see `fakecheck.sharpness`; None where nobody needs it.
    """

    index: int
    time: float | None
    faces: tuple[Face, ...]
    detections: tuple[Detections, ...]
    evidence: dict[str, Floats]
    frame_evidence: dict[str, float] = field(default_factory=dict)
    errors: tuple[StageError, ...] = ()
    sharpness: Floats | None = None


@dataclass(frozen=True)
class Verdict:
    """`label`, the `probability` of fake in 0..1, the `threshold` it was held against, and why.

    Over `threshold` a file is called fake, under `real_below` real; None where nobody says so.
    Where there was nothing to judge, `unjudged` says why and `probability` is None.
    `false_alarm_rate` is the share of real files that was to exceed the threshold at most.
    """

    label: Label
    probability: float | None
    threshold: float | None
    reason: str
    real_below: float | None = None
    unjudged: Unjudged | None = None
    false_alarm_rate: float = FALSE_ALARM_RATE


@dataclass(frozen=True)
class FamilyScore:
    """The probability in 0..1 that this family of generator made the forgery."""

    family: str
    probability: float


@dataclass(frozen=True, slots=True)
class DetectionRow:
    """One box as a report shows it: see `Detections` for units."""

    frame: int
    time: float | None
    track: int | None
    detector: str
    family: str
    artifact: str
    score: float
    llr: float
    xyxy: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class FaceRow:
    """One face as a report shows it."""

    frame: int
    track: int | None
    xyxy: tuple[float, float, float, float]
    score: float


@dataclass(frozen=True)
class FaceVerdict:
    """What is said of one face, whose `probability` was held against its own `threshold`.

    The file's verdict is that of its worst one.
    """

    track: int | None
    label: Label
    probability: float | None
    threshold: float | None = None

    @property
    def badness(self) -> tuple[bool, float, int]:
        """What faces are ranked by: the worst one has the most."""
        probability = -1.0 if self.probability is None else self.probability
        return self.label == "fake", probability, -(self.track or 0)


@dataclass(frozen=True)
class Moment:
    """One face at one sampled frame of a video.

    `time` is in seconds, `probability` of fake in 0..1, `families` maps a family to the best
    log-likelihood ratio that its detectors gave there.
    """

    frame: int
    time: float
    track: int | None
    probability: float
    families: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Span:
    """The seconds `start` to `end` of a video in which the face `track` carried the verdict."""

    start: float
    end: float
    track: int | None


@dataclass(frozen=True)
class Report:
    """Everything that is said about one file: `fakecheck.report/1`.

    `timeline`, `spans` and `looked_at` are filled for videos, `face_verdicts` for these and for
    pictures of several faces. `faces` and `detections` may make their rows when they are asked for
    (`fakecheck.rows`), so a report becomes plain values by `fakecheck.to_record`, not by
    `dataclasses.asdict`.
    """

    media: MediaInfo
    verdict: Verdict
    families: tuple[FamilyScore, ...]
    faces: Sequence[FaceRow]
    detections: Sequence[DetectionRow]
    errors: tuple[StageError, ...]
    detector_versions: dict[str, str]
    face_verdicts: tuple[FaceVerdict, ...] = ()
    timeline: tuple[Moment, ...] = ()
    spans: tuple[Span, ...] = ()
    looked_at: LookedAt | None = None

    def __hash__(self) -> int:
        # Of what can be hashed: equal reports have equal ones.
        return hash((self.media, self.verdict))

"""What happens to a frame on its way through the worker pool: faces, crops, detectors.

A file becomes its frames, each a `Shot`, and a `Close` at its end; every stage takes and hands on
both. What goes wrong with one of them stays with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fakecheck.card import DetectorCard
from fakecheck.detector import Detector, Findings, FrameCrops, cut_crops
from fakecheck.errors import MediaError
from fakecheck.faces import FaceFinder
from fakecheck.flow import Look
from fakecheck.following import FaceFollower
from fakecheck.loading import DetectorSet
from fakecheck.media import Limits, Media, Sampling, open_media
from fakecheck.sharpness import sharpness
from fakecheck.sources import Source, as_path, check_name
from fakecheck.types import Face, Floats, Frame, FrameResult, StageError
from fakecheck.workers import Stage, Work

# Frames that one call of the detectors takes together, if so many wait.
FRAMES_A_CALL = 8
CROP_THREADS = 4


@dataclass(frozen=True, eq=False)
class Shot:
    """A frame of `media` on its way: `frame` until its crops are cut, `crops`, at last `result`.

    `faces` is None until they are looked for. `failure` says why that could not be done. With
    `new_shot` it shows something else than the frame before.
    """

    media: Media
    index: int
    time: float | None
    frame: Frame | None = None
    faces: tuple[Face, ...] | None = None
    crops: FrameCrops | None = None
    sharpness: Floats | None = None
    result: FrameResult | None = None
    failure: str = ""
    new_shot: bool = False


@dataclass(frozen=True)
class Close:
    """The end of a file: see `fakecheck.pipeline.Outcome`. Without `media` it was never opened."""

    path: Path
    media: Media | None = None
    error: MediaError | None = None
    same_as: Path | None = None


def shots(
    paths: Iterable[Source], sampling: Sampling, limits: Limits, stop: Callable[[], bool]
) -> Iterator[Shot | Close]:
    """The source: every frame of every file, and the end of each file.

    Raises TypeError for what is no path.
    """
    first_with: dict[str, Path] = {}
    for source in paths:
        path = as_path(source)
        try:
            check_name(source)
            media = open_media(path, limits, stop)
        except MediaError as error:
            if stop():
                return
            yield Close(path, error=error)
            continue
        known = first_with.get(media.info.sha256)
        if known is not None:
            yield Close(path, same_as=known)
            continue
        first_with[media.info.sha256] = path
        try:
            for frame in media.frames(sampling, stop):
                yield Shot(media, frame.index, frame.time, frame)
        except MediaError as error:
            yield Close(path, media, error)
        else:
            yield Close(path, media)


def stages(detectors: DetectorSet, min_face: float | None, threads: int) -> list[Stage]:
    """Faces and crops on the CPU; detectors on threads bound to a device each."""
    devices = list(detectors.by_device)
    # A GPU gets two threads, so that one prepares while the other computes.
    bound = devices * threads if devices == ["cpu"] else devices * 2
    finders = {"image": FaceFinder(fine=True), "video": FaceFinder()}

    def follow(number: int) -> Work:
        return _Follow(finders["video"])

    def cut(number: int) -> Work:
        return lambda shots: [_cut(shot, finders, detectors.cards, min_face) for shot in shots]

    def detect(number: int) -> Work:
        mine = detectors.by_device[bound[number]]
        return lambda shots: _detect(shots, mine)

    return [
        # One thread, since following takes the frames in their order.
        Stage("faces", follow),
        # Each thread holds whole frames, and this stage takes a tenth of what the next one does.
        Stage("crops", cut, min(threads, CROP_THREADS)),
        Stage("detectors", detect, len(bound), FRAMES_A_CALL),
    ]


class _Follow:
    """Faces of the frames that lie close together; the others are left to the next stage."""

    def __init__(self, finder: FaceFinder) -> None:
        self._finder = finder
        self._media: Media | None = None
        self._follower = FaceFollower(finder)
        self._look: Look | None = None

    def __call__(self, items: list[Shot | Close]) -> list[Shot | Close]:
        return [self._faces(item) if isinstance(item, Shot) else item for item in items]

    def _faces(self, shot: Shot) -> Shot:
        frame = shot.frame
        if frame is None or shot.media.info.kind == "image":
            return shot
        if shot.media is not self._media:
            self._media, self._follower = shot.media, FaceFollower(self._finder)
            self._look = None
        try:
            last, self._look = self._look, Look.of(frame.image)
            if last is not None and self._look.is_other_shot(last):
                self._follower = FaceFollower(self._finder)
                shot = replace(shot, new_shot=True)
            return replace(shot, faces=self._follower.next(frame))
        except Exception:
            # The next stage looks for them anew.
            self._follower = FaceFollower(self._finder)
            return shot


def _cut(
    shot: Shot | Close,
    finders: dict[str, FaceFinder],
    cards: tuple[DetectorCard, ...],
    min_face: float | None,
) -> Shot | Close:
    """Find the faces, if nobody has, and cut the crops; the full frame is let go."""
    if isinstance(shot, Close) or shot.frame is None:
        return shot
    still = shot.media.info.kind == "image"
    image, faces = shot.frame.image, shot.faces
    try:
        if faces is None:
            faces = tuple(finders["image" if still else "video"].find(image, retry=still))
        crops = cut_crops(image, faces, cards, min_face)
        sharp = None if still else sharpness(image, faces)
    # Memory that a huge picture asks for in vain, above all: it must not end the other files.
    except Exception as error:
        return replace(shot, frame=None, failure=_message(error))
    return replace(shot, frame=None, faces=faces, crops=crops, sharpness=sharp)


def _detect(items: list[Shot | Close], detectors: tuple[Detector, ...]) -> list[Shot | Close]:
    """All detectors over all crops that wait; what has none passes through."""
    waiting = [
        (place, item, item.crops)
        for place, item in enumerate(items)
        if isinstance(item, Shot) and item.crops is not None
    ]
    frames = [crops for *_, crops in waiting]
    found = {detector.card.id: _run(detector, frames) for detector in detectors}
    done = list(items)
    for n, (place, shot, _) in enumerate(waiting):
        own = {name: results[n] for name, results in found.items()}
        done[place] = replace(shot, crops=None, result=_result(shot, own, detectors))
    return done


def _run(detector: Detector, frames: list[FrameCrops]) -> list[Findings | str]:
    """Findings a frame, or the message of what went wrong with it.

    A batch that fails is tried again frame by frame, so that one bad frame costs only itself.
    """
    try:
        return list(detector.detect(frames))
    except Exception as error:
        if len(frames) > 1:
            return [_run(detector, [frame])[0] for frame in frames]
        return [_message(error)]


def _message(error: Exception) -> str:
    """In one line."""
    told = " ".join(str(error).split())
    return f"{type(error).__name__}: {told}" if told else type(error).__name__


def _result(
    shot: Shot, found: dict[str, Findings | str], detectors: tuple[Detector, ...]
) -> FrameResult:
    faces = shot.faces or ()
    evidence: dict[str, Floats] = {}
    frame_evidence: dict[str, float] = {}
    detections = []
    errors = []
    for detector in detectors:
        name = detector.card.id
        got = found[name]
        if isinstance(got, str):
            errors.append(StageError("detect", got, name))
            evidence[name] = np.full(len(faces), np.nan, np.float32)
            continue
        detections.append(got.detections)
        if detector.card.looks_at_frame:
            frame_evidence[name] = float(got.evidence[0])
        else:
            evidence[name] = got.evidence
    return FrameResult(
        shot.index,
        shot.time,
        faces,
        tuple(detections),
        evidence,
        frame_evidence,
        tuple(errors),
        shot.sharpness,
    )

"""Joins the stages: files in, an Outcome a file out, in the order of the files.

A picture is a sequence of one frame. All files flow through one worker pool, so that pictures of a
folder share micro-batches just as the frames of a video do.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fakecheck.assemble import ReportAssembler
from fakecheck.card import DetectorCard
from fakecheck.detector import Detector, Findings, FrameCrops, cut_crops
from fakecheck.errors import FakecheckError, MediaError, NoDetectorsError
from fakecheck.faces import FaceFinder
from fakecheck.flow import Look
from fakecheck.following import FaceFollower
from fakecheck.loading import DetectorSet
from fakecheck.media import Limits, Media, Sampling, open_media
from fakecheck.sharpness import sharpness
from fakecheck.temporal import bundled_model, usable_model
from fakecheck.types import Face, Floats, Frame, FrameResult, Report, StageError
from fakecheck.workers import Stage, Work, WorkerPool

# Frames that one call of the detectors takes together, if so many wait.
FRAMES_A_CALL = 8
CROP_THREADS = 4


@dataclass(frozen=True)
class Options:
    """How files are looked at.

    `min_face` in pixels takes the place of what the detectors' cards say; `threads` None means one
    a core.
    """

    sampling: Sampling = field(default_factory=Sampling)
    limits: Limits = field(default_factory=Limits)
    min_face: float | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name, kind in (("sampling", Sampling), ("limits", Limits)):
            if not isinstance(getattr(self, name), kind):
                given = type(getattr(self, name)).__name__
                raise TypeError(f"{name} must be a {kind.__name__}, got {given}")
        if self.min_face is not None and not 0 < self.min_face < math.inf:
            raise ValueError(f"min_face must be above 0, got {self.min_face}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")


@dataclass(frozen=True)
class Outcome:
    """What became of one file: a `report`, an `error`, both (broken midway), or `same_as` another.

    `same_as` is the path of an earlier file with the same bytes, which is not looked at twice.
    """

    path: Path
    report: Report | None = None
    error: MediaError | None = None
    same_as: Path | None = None


@dataclass(frozen=True, eq=False)
class _Job:
    """A file on its way. Made by the source thread, read by the caller's."""

    path: Path
    media: Media


@dataclass(frozen=True, eq=False)
class _Shot:
    """A frame on its way: `frame` until its crops are cut, then `crops`, at last `result`.

    `faces` is None until they are looked for. `failure` says why that could not be done. With
    `new_shot` it shows something else than the frame before.
    """

    job: _Job
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
class _Close:
    """The end of a file."""

    outcome: Outcome
    job: _Job | None = None


Progress = Callable[[Path, int, int | None], None]
"""Called with the file, its frames done and how many there will be, None if nobody knows."""


def check_files(
    paths: Iterable[Path],
    detectors: DetectorSet,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Generator[Outcome, None, None]:
    """Outcomes of `paths` in their order, each as soon as it is ready.

    A file that cannot be read becomes an Outcome with an error; it never ends the others. Closing
    the iterator stops and joins all threads.

    Raises NoDetectorsError where `detectors` holds none.
    """
    if not all(detectors.by_device.values()) or not detectors.by_device:
        raise NoDetectorsError("No detector is loaded")
    options = options or Options()
    threads = options.threads or _cores()
    pool = WorkerPool(_stages(detectors, options, threads))
    assembler: ReportAssembler | None = None
    failure: MediaError | None = None
    done = 0
    results = pool.run(_shots(paths, options, pool.stop.is_set))
    try:
        for item in results:
            if isinstance(item, _Shot):
                if assembler is None:
                    assembler, done = _assembler(item.job, detectors, options), 0
                if item.new_shot:
                    assembler.new_shot()
                if item.failure:
                    where = f"{item.job.path}: frame {item.index}"
                    failure = MediaError(f"{where} could not be searched for faces: {item.failure}")
                else:
                    assert item.result is not None
                    assembler.add(item.result)
                done += 1
                if progress is not None:
                    progress(item.job.path, done, _expected(item.job.media, options))
                continue
            outcome = item.outcome
            if item.job is not None:
                assembler = assembler or _assembler(item.job, detectors, options)
                outcome = replace(outcome, error=outcome.error or failure)
                errors = _errors(item.job, detectors, outcome)
                outcome = replace(outcome, report=assembler.report(errors))
            assembler, failure = None, None
            yield outcome
    finally:
        results.close()


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _assembler(job: _Job, detectors: DetectorSet, options: Options) -> ReportAssembler:
    smallest = min(card.min_face for card in detectors.cards)
    min_face = smallest if options.min_face is None else options.min_face
    model = usable_model() if job.media.info.kind == "video" else None
    window = options.sampling.start, options.sampling.end
    return ReportAssembler(job.media.info, detectors.cards, min_face, model, window)


def _errors(job: _Job, detectors: DetectorSet, outcome: Outcome) -> list[StageError]:
    """What went wrong that belongs to no frame: in loading, and in reading the file."""
    errors = list(detectors.errors)
    model = bundled_model() if job.media.info.kind == "video" else None
    if isinstance(model, FakecheckError):
        errors.append(StageError("sequence", str(model)))
    if outcome.error is not None:
        errors.append(StageError("media", str(outcome.error)))
    return errors


def _expected(media: Media, options: Options) -> int | None:
    """How many frames will be looked at, if the container says how many there are."""
    if media.info.kind == "image":
        return 1
    return options.sampling.expected(media.info.frames, media.info.duration)


def _shots(
    paths: Iterable[Path], options: Options, stop: Callable[[], bool]
) -> Iterator[_Shot | _Close]:
    """The source: every frame of every file, and the end of each file."""
    first_with: dict[str, Path] = {}
    for path in paths:
        try:
            media = open_media(path, options.limits, stop)
        except MediaError as error:
            if stop():
                return
            yield _Close(Outcome(path, error=error))
            continue
        known = first_with.get(media.info.sha256)
        if known is not None:
            yield _Close(Outcome(path, same_as=known))
            continue
        first_with[media.info.sha256] = path
        job = _Job(path, media)
        try:
            for frame in media.frames(options.sampling, stop):
                yield _Shot(job, frame.index, frame.time, frame)
        except MediaError as error:
            yield _Close(Outcome(path, error=error), job)
        else:
            yield _Close(Outcome(path), job)


def _stages(detectors: DetectorSet, options: Options, threads: int) -> list[Stage]:
    """Faces and crops on the CPU; detectors on threads bound to a device each."""
    devices = list(detectors.by_device)
    # A GPU gets two threads, so that one prepares while the other computes.
    bound = devices * threads if devices == ["cpu"] else devices * 2
    finders = {"image": FaceFinder(fine=True), "video": FaceFinder()}

    def follow(number: int) -> Work:
        return _Follow(finders["video"])

    def cut(number: int) -> Work:
        return lambda shots: [_cut(shot, finders, detectors.cards, options) for shot in shots]

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
        self._job: _Job | None = None
        self._follower = FaceFollower(finder)
        self._look: Look | None = None

    def __call__(self, items: list[_Shot | _Close]) -> list[_Shot | _Close]:
        return [self._faces(item) if isinstance(item, _Shot) else item for item in items]

    def _faces(self, shot: _Shot) -> _Shot:
        frame = shot.frame
        if frame is None or shot.job.media.info.kind == "image":
            return shot
        if shot.job is not self._job:
            self._job, self._follower = shot.job, FaceFollower(self._finder)
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
    shot: _Shot | _Close,
    finders: dict[str, FaceFinder],
    cards: tuple[DetectorCard, ...],
    options: Options,
) -> _Shot | _Close:
    """Find the faces, if nobody has, and cut the crops; the full frame is let go."""
    if isinstance(shot, _Close) or shot.frame is None:
        return shot
    still = shot.job.media.info.kind == "image"
    image, faces = shot.frame.image, shot.faces
    try:
        if faces is None:
            faces = tuple(finders["image" if still else "video"].find(image, retry=still))
        crops = cut_crops(image, faces, cards, options.min_face)
        sharp = None if still else sharpness(image, faces)
    # Memory that a huge picture asks for in vain, above all: it must not end the other files.
    except Exception as error:
        return replace(shot, frame=None, failure=_message(error))
    return replace(shot, frame=None, faces=faces, crops=crops, sharpness=sharp)


def _detect(items: list[_Shot | _Close], detectors: tuple[Detector, ...]) -> list[_Shot | _Close]:
    """All detectors over all crops that wait; what has none passes through."""
    waiting = [
        (place, item, item.crops)
        for place, item in enumerate(items)
        if isinstance(item, _Shot) and item.crops is not None
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
    shot: _Shot, found: dict[str, Findings | str], detectors: tuple[Detector, ...]
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

"""Joins the stages: files in, an Outcome a file out, in the order of the files.

A picture is a sequence of one frame. All files flow through one worker pool, so that pictures of a
folder share micro-batches just as the frames of a video do.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from numbers import Integral, Real
from pathlib import Path

from fakecheck.assemble import ReportAssembler
from fakecheck.errors import FakecheckError, MediaError, NoDetectorsError
from fakecheck.loading import DetectorSet
from fakecheck.media import Limits, Media, Sampling
from fakecheck.sources import Source
from fakecheck.stages import Shot, shots, stages
from fakecheck.temporal import bundled_model, usable_model
from fakecheck.types import FALSE_ALARM_RANGE, FALSE_ALARM_RATE, Report, StageError
from fakecheck.workers import WorkerPool


@dataclass(frozen=True)
class Options:
    """How files are looked at.

    `min_face` in pixels takes the place of what the detectors' cards say; `threads` None means one
    a core. `false_alarm_rate`, from 0.005 to 0.05, is the share of real files that may be called
    fake: a higher one finds more forgeries. Raises TypeError for values of other types, ValueError
    for such as cannot be.
    """

    sampling: Sampling = field(default_factory=Sampling)
    limits: Limits = field(default_factory=Limits)
    min_face: float | None = None
    threads: int | None = None
    false_alarm_rate: float = FALSE_ALARM_RATE

    def __post_init__(self) -> None:
        for name, kind in (("sampling", Sampling), ("limits", Limits)):
            _check_type(name, getattr(self, name), kind, f"a {kind.__name__}")
        if self.min_face is not None:
            _check_type("min_face", self.min_face, Real, "a number of pixels")
            if not 0 < self.min_face < math.inf:
                raise ValueError(f"min_face must be above 0, got {self.min_face}")
        if self.threads is not None:
            _check_type("threads", self.threads, Integral, "a whole number")
            if self.threads < 1:
                raise ValueError(f"threads must be at least 1, got {self.threads}")
        _check_type("false_alarm_rate", self.false_alarm_rate, Real, "a number")
        least, most = FALSE_ALARM_RANGE
        if not least <= self.false_alarm_rate <= most:
            given = self.false_alarm_rate
            raise ValueError(f"false_alarm_rate must lie in {least} to {most}, got {given}")


@dataclass(frozen=True)
class Outcome:
    """What became of one file: a `report`, an `error`, both (broken midway), or `same_as` another.

    `same_as` is the path of an earlier file with the same bytes, which is not looked at twice. An
    error has the report, too.
    """

    path: Path
    report: Report | None = None
    error: MediaError | None = None
    same_as: Path | None = None


Progress = Callable[[Path, int, int | None], None]
"""Called with the file, its frames done and how many there will be, None if nobody knows."""


def check_files(
    paths: Iterable[Source],
    detectors: DetectorSet,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Generator[Outcome, None, None]:
    """Outcomes of `paths` in their order, each as soon as it is ready.

    A file that cannot be read becomes an Outcome with an error; it never ends the others. Closing
    the iterator stops and joins all threads.

    Raises TypeError where `paths` is a single one or `detectors` no DetectorSet, NoDetectorsError
    where that holds none. The iterator raises TypeError for what is no path, after the outcomes of
    those before it.
    """
    if isinstance(paths, str | bytes | os.PathLike) or not isinstance(paths, Iterable):
        raise TypeError(f"paths must be several, such as a list, got {type(paths).__name__}")
    _check_type("detectors", detectors, DetectorSet, "a DetectorSet, as load_detectors() gives")
    if not all(detectors.by_device.values()) or not detectors.by_device:
        raise NoDetectorsError("No detector is loaded")
    return _outcomes(paths, detectors, options or Options(), progress)


def _outcomes(
    paths: Iterable[Source],
    detectors: DetectorSet,
    options: Options,
    progress: Progress | None,
) -> Generator[Outcome, None, None]:
    threads = options.threads or _cores()
    pool = WorkerPool(stages(detectors, options.min_face, threads))
    assembler: ReportAssembler | None = None
    failure: MediaError | None = None
    done = 0
    results = pool.run(shots(paths, options.sampling, options.limits, pool.stop.is_set))
    try:
        for item in results:
            if isinstance(item, Shot):
                if assembler is None:
                    assembler, done = _assembler(item.media, detectors, options), 0
                if item.new_shot:
                    assembler.new_shot()
                if item.failure:
                    where = f"{item.media.path}: frame {item.index}"
                    failure = MediaError(f"{where} could not be searched for faces: {item.failure}")
                else:
                    assert item.result is not None
                    assembler.add(item.result)
                done += 1
                if progress is not None:
                    progress(item.media.path, done, _expected(item.media, options))
                continue
            report, error = None, item.error or failure
            if item.media is not None:
                assembler = assembler or _assembler(item.media, detectors, options)
                report = assembler.report(_errors(item.media, detectors, error))
            if error is not None:
                error.report = report
            assembler, failure = None, None
            yield Outcome(item.path, report, error, item.same_as)
    finally:
        results.close()


def _check_type(name: str, value: object, kind: type, wanted: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {wanted}, got {type(value).__name__}")


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _assembler(media: Media, detectors: DetectorSet, options: Options) -> ReportAssembler:
    smallest = min(card.min_face for card in detectors.cards)
    min_face = smallest if options.min_face is None else options.min_face
    model = usable_model() if media.info.kind == "video" else None
    window = options.sampling.start, options.sampling.end
    rate = float(options.false_alarm_rate)
    return ReportAssembler(media.info, detectors.cards, min_face, model, window, rate)


def _errors(media: Media, detectors: DetectorSet, error: MediaError | None) -> list[StageError]:
    """What went wrong that belongs to no frame: in loading, and in reading the file."""
    errors = list(detectors.errors)
    model = bundled_model() if media.info.kind == "video" else None
    if isinstance(model, FakecheckError):
        errors.append(StageError("sequence", str(model)))
    if error is not None:
        errors.append(StageError("media", str(error)))
    return errors


def _expected(media: Media, options: Options) -> int | None:
    """How many frames will be looked at, if the container says how many there are."""
    if media.info.kind == "image":
        return 1
    return options.sampling.expected(media.info.frames, media.info.duration)

"""What a library user imports: `from fakecheck import check_image, check_video, load_detectors`."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing

from fakecheck import pipeline
from fakecheck.loading import DetectorSet, load_detectors
from fakecheck.media import Limits, Sampling
from fakecheck.pipeline import Options, Outcome
from fakecheck.sources import Source, as_path
from fakecheck.types import FALSE_ALARM_RATE, Report


def check_image(
    path: Source,
    detectors: DetectorSet | None = None,
    *,
    limits: Limits | None = None,
    min_face: float | None = None,
    threads: int | None = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Report:
    """Judge one picture (or one clip: the file's content decides).

    `detectors` are those of `load_detectors()` if not given; load them once for many files.
    `min_face`, in pixels, is the longer side of a face's box under which it is not judged; without
    it each detector's card says. `threads` run the detectors, by default one a core: give 1 where
    many files are judged side by side. `false_alarm_rate`, from 0.005 to 0.05, is the share of real
    files that may be called fake: a higher one finds more forgeries.

    Raises MediaError for a file that cannot be read, or not in full: one that breaks off, or of
    whose pictures (an animation, several pages) the first alone is judged. The error's `report` is
    that on the part that was looked at, None where there is none. Raises NoDetectorsError where no
    detector is installed, TypeError for arguments of other types (also for bytes, open files and
    pictures in memory: a picture is given by its path), ValueError for a `min_face` that is not
    above 0, `threads` under 1 and rates out of their range.
    """
    return check_video(
        path,
        detectors,
        limits=limits,
        min_face=min_face,
        threads=threads,
        false_alarm_rate=false_alarm_rate,
    )


def check_video(
    path: Source,
    detectors: DetectorSet | None = None,
    *,
    sampling: Sampling | None = None,
    limits: Limits | None = None,
    min_face: float | None = None,
    threads: int | None = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Report:
    """Judge one clip: by default 25 frames spread over it; see `Sampling`.

    Otherwise as `check_image`. A clip that breaks off midway, or has damaged packets, raises
    MediaError too, with the report on what could be decoded as the error's `report`.
    """
    as_path(path)
    outcomes = check_files(
        [path],
        detectors,
        sampling=sampling,
        limits=limits,
        min_face=min_face,
        threads=threads,
        false_alarm_rate=false_alarm_rate,
    )
    with closing(outcomes):
        outcome = next(outcomes)
    if outcome.error is not None:
        raise outcome.error
    assert outcome.report is not None
    return outcome.report


def check_files(
    paths: Iterable[Source],
    detectors: DetectorSet | None = None,
    *,
    sampling: Sampling | None = None,
    limits: Limits | None = None,
    min_face: float | None = None,
    threads: int | None = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
) -> Generator[Outcome, None, None]:
    """Judge many pictures and clips: an Outcome a file, in their order, as it is ready.

    An outcome has the file's `path`, and its `report`, the `error` that reading it met (a
    MediaError), or both; of a file with the bytes of an earlier one it has neither, but that one's
    path as `same_as`. No file ends the others. To stop midway, close the generator or let go of it.

    The other arguments are those of `check_video`, and so is what is raised, at once, but for
    MediaError. TypeError is raised for a single path in place of several; for something else among
    them, once it is reached.
    """
    options = Options(
        Sampling() if sampling is None else sampling,
        Limits() if limits is None else limits,
        min_face,
        threads,
        false_alarm_rate,
    )
    loaded = load_detectors() if detectors is None else detectors
    return pipeline.check_files(paths, loaded, options)

"""What a library user imports: `from fakecheck import check_image, check_video, load_detectors`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from fakecheck.loading import DetectorSet, load_detectors
from fakecheck.media import Limits, Sampling
from fakecheck.pipeline import Options, check_files
from fakecheck.types import Report


def check_image(
    path: str | Path,
    detectors: DetectorSet | None = None,
    *,
    limits: Limits | None = None,
    min_face: float | None = None,
    threads: int | None = None,
) -> Report:
    """Judge one picture (or one clip: the file's content decides).

    `detectors` are those of `load_detectors()` if not given; load them once for many files.
    `min_face`, in pixels, is the longer side of a face's box under which it is not judged; without
    it each detector's card says. `threads` run the detectors, by default one a core: give 1 where
    many files are judged side by side.

    Raises MediaError for a file that cannot be read, or not in full: one that breaks off, or of
    whose pictures (an animation, several pages) the first alone is judged. The error's `report` is
    that on the part that was looked at, None where there is none. Raises NoDetectorsError where no
    detector is installed.
    """
    return check_video(path, detectors, limits=limits, min_face=min_face, threads=threads)


def check_video(
    path: str | Path,
    detectors: DetectorSet | None = None,
    *,
    sampling: Sampling | None = None,
    limits: Limits | None = None,
    min_face: float | None = None,
    threads: int | None = None,
) -> Report:
    """Judge one clip: by default 25 frames spread over it; see `Sampling`.

    Otherwise as `check_image`. A clip that breaks off midway, or has damaged packets, raises
    MediaError too, with the report on what could be decoded as the error's `report`.
    """
    options = Options(
        Sampling() if sampling is None else sampling,
        Limits() if limits is None else limits,
        min_face,
        threads,
    )
    loaded = detectors if detectors is not None else load_detectors()
    with closing(check_files([Path(path)], loaded, options)) as outcomes:
        outcome = next(outcomes)
    if outcome.error is not None:
        raise outcome.error
    assert outcome.report is not None
    return outcome.report

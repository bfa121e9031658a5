"""The contributor's own test files: scores by the runtime's path, and what they amount to.

A file is decoded, its faces found and cropped, and the crops run, by the code that `fakecheck
detect` runs; here with one detector alone. Scores are kept without calibration, so that another
calibration can be tried on them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fakecheck.calibration import auc, detector_llr, recall_at
from fakecheck.card import Calibration
from fakecheck.detector import Detector, cut_crops
from fakecheck.errors import InputError, MediaError, PluginError
from fakecheck.faces import FaceFinder
from fakecheck.media import find_media, open_media
from fakecheck.types import Floats

REAL, FAKE = "real", "fake"
# Of fewer reals than this 1 % is less than one picture, and no rate can be told.
MIN_REALS_FOR_RECALL = 100

Split = Literal["test", "calib"]
Progress = Callable[[int, int], None]
"""Called with how many files are done and how many there are."""


def quiet(done: int, total: int) -> None:
    """The progress of those who show none."""


@dataclass(frozen=True, eq=False)
class FileScores:
    """One file: `frames` are (faces, classes) float32, the best score of each class on each face.

    Faces are those that the card's min_face lets pass, the largest first; frames without any are
    left out, so a picture has one frame or none.
    """

    path: Path
    sha256: str
    fake: bool
    frames: tuple[Floats, ...]

    def llr(self, calibrations: Sequence[Calibration]) -> float:
        """The file's log-likelihood ratio: of each frame its loudest face's, the mean of these."""
        return float(np.mean([detector_llr(faces, calibrations).max() for faces in self.frames]))


@dataclass(frozen=True)
class DataScores:
    """All files of a folder with `real` and `fake`, and why others could not be read."""

    files: tuple[FileScores, ...]
    unreadable: tuple[str, ...]

    def judged(self, fake: bool) -> list[FileScores]:
        """The fakes or the reals in which there is a face to judge."""
        return [one for one in self.files if one.fake == fake and one.frames]

    def faceless(self, fake: bool) -> int:
        """How many fakes or reals show no face that is large enough."""
        return sum(one.fake == fake and not one.frames for one in self.files)


@dataclass(frozen=True)
class Accuracy:
    """Measured on `fakes` and `reals` with a face, of the folder `set`.

    `recall` is at 1 % false positives, None where there are too few reals to tell that rate;
    `split` is `test`, or `calib` for figures on the files that the calibration was fitted on.
    """

    set: str
    split: Split
    fakes: int
    reals: int
    auc: float
    recall: float | None

    def metric(self) -> dict[str, object]:
        """The row for the card's metrics."""
        row: dict[str, object] = {
            "of": "detector",
            "set": self.set,
            "split": self.split,
            "degradation": "none",
            "auc": round(self.auc, 4),
        }
        if self.recall is not None:
            row["recall_at_fpr01"] = round(self.recall, 4)
        return {
            **row,
            "positives": self.fakes,
            "negatives": self.reals,
            "negatives_from": "own reals",
        }


def check_folder(folder: Path) -> None:
    """Raises InputError unless `folder` holds the folders `real` and `fake`."""
    for name in (REAL, FAKE):
        if not (folder / name).is_dir():
            raise InputError(
                f"{folder} holds no folder {name!r}",
                f"put pictures that were never trained on into {folder / REAL} and {folder / FAKE}",
            )


def score_folder(folder: Path, detector: Detector, progress: Progress = quiet) -> DataScores:
    """Scores of every file of `folder`/real and `folder`/fake, at any depth.

    A file that cannot be read becomes a line of `unreadable`; the others go on. Raises InputError
    as `check_folder` does, and whatever the detector's engine raises.
    """
    check_folder(folder)
    labelled = [
        (path, name == FAKE) for name in (REAL, FAKE) for path in find_media([folder / name])
    ]
    finders = {"image": FaceFinder(fine=True), "video": FaceFinder()}
    files: list[FileScores] = []
    unreadable: list[str] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [pool.submit(_score, path, fake, detector, finders) for path, fake in labelled]
        try:
            for done, job in enumerate(jobs, 1):
                try:
                    files.append(job.result())
                except MediaError as error:
                    unreadable.append(str(error))
                progress(done, len(jobs))
        finally:
            for job in jobs:
                job.cancel()
    return DataScores(tuple(files), tuple(unreadable))


def measure(
    scores: DataScores,
    calibrations: Sequence[Calibration],
    name: str,
    split: Split,
) -> Accuracy:
    """The accuracy of these calibrations. Raises PluginError where fakes or reals have no face."""
    fake, real = (
        np.array([one.llr(calibrations) for one in scores.judged(label)], np.float32)
        for label in (True, False)
    )
    if not len(fake) or not len(real):
        raise PluginError(
            f"no {'fake' if not len(fake) else 'real'} picture shows a face that can be judged"
        )
    recall = recall_at(fake, real) if len(real) >= MIN_REALS_FOR_RECALL else None
    return Accuracy(name, split, len(fake), len(real), auc(fake, real), recall)


def _score(
    path: Path, fake: bool, detector: Detector, finders: dict[str, FaceFinder]
) -> FileScores:
    media = open_media(path)
    still = media.info.kind == "image"
    frames = []
    for frame in media.frames():
        faces = finders[media.info.kind].find(frame.image, retry=still)
        crops = cut_crops(frame.image, faces, [detector.card])
        found = detector.detect([crops])[0]
        judged = ~np.isnan(found.evidence)
        if judged.any():
            frames.append(found.best[judged])
    return FileScores(path, media.info.sha256, fake, tuple(frames))

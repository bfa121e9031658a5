"""The faces of annotated pictures: whose face the boxes mark, and which of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fakecheck.errors import MediaError
from fakecheck.faces import FaceFinder
from fakecheck.media import open_media
from fakecheck.types import Face, Image
from fakecheck_training.data import Sample
from fakecheck_training.draws.parts import part_region
from fakecheck_training.faces import main_face, read_image
from fakecheck_training.options import progress
from fakecheck_training.simulation.parts import PARTS, part_centre

THREADS = 2


@dataclass(frozen=True)
class KnownFaces:
    """The samples in which a face was found, and the faces by key."""

    samples: list[Sample]
    faces: dict[str, Face]


def find_input_faces(samples: Sequence[Sample], parts: bool) -> tuple[KnownFaces, list[str]]:
    """Finds the face of every sample; with `parts`, which parts its boxes mark goes into it too.

    Also a sentence for each picture that cannot be read or shows no face.
    """
    finder = FaceFinder()

    def one(sample: Sample) -> Face | OSError | MediaError | None:
        try:
            image = read_whole(Path(sample.key))
        except (OSError, MediaError) as error:
            return error
        return marked_face(finder.find(image), sample, image.shape[1], image.shape[0])

    known: list[Sample] = []
    faces: dict[str, Face] = {}
    problems = []
    with ThreadPoolExecutor(THREADS) as pool:
        found = progress(pool.map(one, samples), len(samples), "faces of inputs")
        for sample, face in zip(samples, found, strict=True):
            if isinstance(face, Face):
                known.append(with_parts(sample, face) if parts else sample)
                faces[sample.key] = face
            else:
                where = "under its boxes" if sample.boxes else "in it"
                problems.append(str(face) if face else f"{sample.key}: no face is found {where}")
    return KnownFaces(known, faces), problems


def read_whole(path: Path) -> Image:
    """(height, width, 3) uint8 BGR. Raises MediaError or OSError for what is not a whole picture.

    Draws read by OpenCV, which fills what is missing of a truncated file with grey.
    """
    for _ in open_media(path).frames():  # refuses what is truncated
        pass
    return read_image(path)


def marked_face(found: Sequence[Face], sample: Sample, width: int, height: int) -> Face | None:
    """The face that holds the middles of most boxes of the sample; of several the main one.

    None where there are boxes and no face holds any.
    """
    middles = np.array(sample.boxes, np.float32).reshape(-1, 2, 2).mean(axis=1)
    held = [
        int(((middles >= face.xyxy[:2]) & (middles <= face.xyxy[2:])).all(axis=1).sum())
        for face in found
    ]
    most = max(held, default=0)
    if sample.boxes and not most:
        return None
    chosen = [face for face, count in zip(found, held, strict=True) if count == most]
    return main_face(chosen, width, height)


def with_parts(sample: Sample, face: Face) -> Sample:
    """The sample with the names of those parts that its labels and boxes mark."""
    if not sample.boxes:
        named = {label.split("_")[0] for label in sample.labels}
        return replace(sample, parts=tuple(part for part in PARTS if part_region(part) in named))
    parts = []
    for label, (left, top, right, bottom) in zip(sample.labels, sample.boxes, strict=True):
        middle = np.array([left + right, top + bottom]) / 2
        region = label.split("_")[0]
        possible = [part for part in PARTS if part_region(part) == region] or list(PARTS)
        parts.append(
            min(possible, key=lambda p: float(np.linalg.norm(part_centre(face, p) - middle)))
        )
    return replace(sample, parts=tuple(dict.fromkeys(parts)))

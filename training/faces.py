"""`python -m fakecheck_training.faces`: find the face of every picture of the pack, once.

The finder is the runtime's. A picture of the pack shows one person: of several faces the largest
near the middle is kept. What is found lies in `WORK/faces.npz`.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

import click
import cv2
import numpy as np

from fakecheck.errors import InputError
from fakecheck.faces import FINDER_VERSION, MODEL, FaceFinder
from fakecheck.files import atomic_path
from fakecheck.types import Face, Image
from fakecheck_training.data import Sample, read_samples
from fakecheck_training.options import cli, data_option, progress, work_option

CACHE = "faces.npz"
_finder: FaceFinder | None = None


def finder_key() -> str:
    """Names the face finder by its version and model: what was found by another is not used."""
    model = (files("fakecheck") / "models" / MODEL).read_bytes()
    return f"faces-{FINDER_VERSION}-{hashlib.sha256(model).hexdigest()[:12]}"


def read_image(path: Path) -> Image:
    """(height, width, 3) uint8 BGR; OSError where OpenCV cannot read the file."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"cannot read {path} as a picture")
    return image


def main_face(faces: Iterable[Face], width: int, height: int) -> Face | None:
    """The largest face, where one at the picture's border counts half of one in its middle."""

    def weight(face: Face) -> float:
        left, top, right, bottom = face.xyxy
        off_x = abs((left + right) / width - 1)
        off_y = abs((top + bottom) / height - 1)
        return float((right - left) * (bottom - top) * (1 - 0.5 * max(off_x, off_y)))

    return max(faces, key=weight, default=None)


def _find(path: str) -> np.ndarray:
    """(15,) float32: box, landmarks, score; NaN where no face was found."""
    global _finder
    if _finder is None:
        cv2.setNumThreads(1)
        _finder = FaceFinder()
    image = read_image(Path(path))
    face = main_face(_finder.find(image), image.shape[1], image.shape[0])
    if face is None:
        return np.full(15, np.nan, np.float32)
    return np.concatenate([face.xyxy, face.landmarks.ravel(), [face.score]]).astype(np.float32)


def find_faces(root: Path, keys: list[str], processes: int) -> Iterator[np.ndarray]:
    """The row of `_find` for every key of the pack at `root`, in order."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        yield from pool.imap(_find, [str(root / key) for key in keys], chunksize=32)


def save_faces(path: Path, keys: list[str], rows: np.ndarray) -> None:
    """`keys` and their (n, 15) rows, written whole or not at all."""
    with atomic_path(path) as temporary:
        np.savez(temporary, keys=np.array(keys), rows=rows, finder=np.array(finder_key()))


def load_faces(work: Path) -> dict[str, Face]:
    """Key → face for every picture in which one was found."""
    path = work / CACHE
    if not path.exists():
        raise InputError(f"{path} does not exist: run python -m fakecheck_training.faces first")
    with np.load(path) as cache:
        if "finder" not in cache or str(cache["finder"]) != finder_key():
            raise InputError(
                f"{path} holds what another face finder found",
                advice="run python -m fakecheck_training.faces again",
            )
        return {
            str(key): Face(row[:4], row[4:14].reshape(5, 2), float(row[14]))
            for key, row in zip(cache["keys"], cache["rows"], strict=True)
            if not np.isnan(row[0])
        }


def check_searched(samples: Iterable[Sample], work: Path) -> None:
    """Raises InputError for a picture in which no face was looked for, found or not."""
    with np.load(work / CACHE) as cache:
        known = set(cache["keys"].tolist())
    unknown = [sample.key for sample in samples if sample.key not in known]
    if unknown:
        raise InputError(
            f"{work / CACHE} lacks {len(unknown)} pictures of the data pack, such as {unknown[0]}",
            advice="run python -m fakecheck_training.faces again",
        )


def with_faces(samples: Iterable[Sample], faces: dict[str, Face]) -> list[Sample]:
    """Those samples in which a face was found."""
    return [sample for sample in samples if sample.key in faces]


@cli
@data_option
@work_option
@click.option("--processes", default=2, show_default=True, help="How many run at once.")
def main(data: Path, work: Path, processes: int) -> None:
    """Find the face of every picture of the data pack and keep them in WORK/faces.npz."""
    samples = read_samples(data)
    keys = [sample.key for sample in samples]
    rows = np.stack(list(progress(find_faces(data, keys, processes), len(keys), "faces")))
    save_faces(work / CACHE, keys, rows)
    missing: dict[str, int] = {}
    for sample, row in zip(samples, rows, strict=True):
        missing[sample.dataset] = missing.get(sample.dataset, 0) + int(np.isnan(row[0]))
    for name, count in missing.items():
        click.echo(f"{name}: no face in {count} pictures", err=True)


if __name__ == "__main__":
    main()

"""`python -m fakecheck_training.sequence.extract`: what every detector boxes in every sequence.

Kept in WORK/sequences by set and detector (id and sha256 of its graph), so that a new detector
costs one run over the pictures and the others none. Boxes are kept as scores: a new calibration on
a card takes effect without a new run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.card import GRAPH_FILE, DetectorCard
from fakecheck.detector import Detector, cut_crops
from fakecheck.faces import FaceFinder
from fakecheck.files import atomic_path
from fakecheck.loading import load_detectors
from fakecheck.media import Sampling, open_media
from fakecheck.observations import MAX_COUNT
from fakecheck.sharpness import sharpness
from fakecheck.tracker import FaceTracker
from fakecheck.types import Detections, Face, Image
from fakecheck_training.faces import finder_key, main_face, read_image
from fakecheck_training.options import cli, data_option, progress, work_option
from fakecheck_training.scoring import probe_key
from fakecheck_training.sequence.corpus import ONLY_FAMILIES, Item, items_of, rows_folder, sets_in

THREADS = 2
# Samples of a clip: for those that are only measured on as many as the runtime takes by default.
CLIP_FRAMES = 12
MEASURED_FRAMES = {"real_clips": 25, "partial_val": 25}
FRAMES_A_CALL = 8

FACE_ROW = np.dtype(
    [
        ("item", "i4"),
        ("sample", "i4"),
        ("track", "i4"),
        ("frame", "i4"),
        ("time", "f8"),
        ("xyxy", "4f4"),
        ("landmarks", "(5,2)f4"),
        ("score", "f4"),
        ("sharpness", "f4"),
    ]
)
SAMPLE_ROW = np.dtype(
    [("item", "i4"), ("frame", "i4"), ("time", "f8"), ("width", "i4"), ("height", "i4")]
)
BOX_ROW = np.dtype([("face", "i4"), ("class_id", "i4"), ("score", "f4"), ("xyxy", "4f4")])


@dataclass(frozen=True, eq=False)
class SetFaces:
    """The samples and faces of one set; `faces["sample"]` are indices into `samples`."""

    items: list[Item]
    samples: NDArray[Any]
    faces: NDArray[Any]


def frames_of(item: Item) -> Iterator[tuple[int, float, Image]]:
    """Index, seconds and picture of every sample of a sequence."""
    if not item.clip:
        for time, path in zip(item.times, item.files, strict=True):
            yield round(time * 25), time, read_image(Path(path))
        return
    media = open_media(Path(item.files[0]))
    for frame in media.frames(Sampling(frames=samples_of(item))):
        yield frame.index, frame.time or 0.0, frame.image


def samples_of(item: Item) -> int:
    """How many frames of a clip are looked at."""
    return MEASURED_FRAMES.get(item.set, CLIP_FRAMES)


def find_faces(item: Item, finder: FaceFinder) -> tuple[NDArray[Any], NDArray[Any]]:
    """The samples of one item and the faces in them, `sample` counting within the item.

    Of stills the main face is kept, and taken for one person; those of a clip are followed.
    """
    tracker = FaceTracker()
    samples, faces = [], []
    for number, (index, time, image) in enumerate(frames_of(item)):
        height, width = image.shape[:2]
        found = finder.find(image, retry=not item.clip)
        if item.clip:
            found = tracker.update(found)
        else:
            main = main_face(found, width, height)
            found = [] if main is None else [replace(main, track=0)]
        samples.append((0, index, time, width, height))
        for face, sharp in zip(found, sharpness(image, found), strict=True):
            box = (face.xyxy, face.landmarks, face.score, sharp)
            faces.append((0, number, face.track, index, time, *box))
    return np.array(samples, SAMPLE_ROW), np.array(faces, FACE_ROW)


def faces_of(name: str, data: Path, work: Path) -> SetFaces:
    """Samples and faces of a set, found now or read from the cache."""
    items = items_of(name, data, work)
    path = rows_folder(work, name) / "faces.npz"
    stamp = _stamp(items)
    if path.exists():
        with np.load(path) as cache:
            if str(cache["stamp"]) == stamp:
                return SetFaces(items, cache["samples"], cache["faces"])
    finder = FaceFinder()
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda item: find_faces(item, finder), items)
        parts = list(progress(found, len(items), f"{name}: faces"))
    start = 0
    for number, (samples, faces) in enumerate(parts):
        samples["item"], faces["item"] = number, number
        faces["sample"] += start
        start += len(samples)
    samples = np.concatenate([part[0] for part in parts])
    faces = np.concatenate([part[1] for part in parts])
    _save(path, stamp=np.array(stamp), samples=samples, faces=faces)
    return SetFaces(items, samples, faces)


def cache_path(work: Path, name: str, card: DetectorCard) -> Path:
    """Where the boxes of a detector in a set are kept."""
    digest = card.files[GRAPH_FILE][:16]
    return rows_folder(work, name) / f"{card.id}-{digest}.npz"


def cached_boxes(work: Path, name: str, card: DetectorCard, faces: SetFaces) -> NDArray | None:
    """The boxes of a detector in a set, None where there are none of these clips and crops."""
    path = cache_path(work, name, card)
    if not path.exists():
        return None
    with np.load(path) as cache:
        if str(cache["stamp"]) != _stamp(faces.items):
            return None
        if "seen" in cache and str(cache["seen"]) != _seen_by(card):  # older ones do not say
            return None
        return np.asarray(cache["boxes"])


def save_boxes(
    work: Path, name: str, card: DetectorCard, faces: SetFaces, boxes: NDArray[Any]
) -> None:
    """Keeps the boxes of a detector in a set, for `cached_boxes`."""
    stamp, seen = np.array(_stamp(faces.items)), np.array(_seen_by(card))
    _save(cache_path(work, name, card), stamp=stamp, seen=seen, boxes=boxes)


def _seen_by(card: DetectorCard) -> str:
    """What of a card, besides the graph, its boxes depend on."""
    return f"{probe_key(card)} {card.min_face:g}"


def extract(name: str, faces: SetFaces, detectors: Sequence[Detector]) -> dict[str, NDArray[Any]]:
    """Detector → its best MAX_COUNT boxes of every class and face, `face` by row of `faces`."""
    cards = [detector.card for detector in detectors]
    found: dict[str, list[NDArray[Any]]] = {card.id: [] for card in cards}
    by_item = [np.flatnonzero(faces.faces["item"] == n) for n in range(len(faces.items))]
    first = np.searchsorted(faces.samples["item"], np.arange(len(faces.items)))
    cv2.setNumThreads(1)

    def one(number: int) -> dict[str, NDArray[Any]]:
        rows = by_item[number]
        chunks: dict[str, list[NDArray[Any]]] = {card.id: [] for card in cards}
        waiting: list[tuple[Any, NDArray]] = []
        for sample, (_, _, image) in enumerate(frames_of(faces.items[number])):
            mine = rows[faces.faces["sample"][rows] == first[number] + sample]
            known = [_face(row) for row in faces.faces[mine]]
            if known:
                waiting.append((cut_crops(image, known, cards), mine))
            if len(waiting) == FRAMES_A_CALL:
                _detect(waiting, detectors, chunks)
                waiting = []
        _detect(waiting, detectors, chunks)
        return {name: np.concatenate([np.zeros(0, BOX_ROW), *c]) for name, c in chunks.items()}

    with ThreadPoolExecutor(THREADS) as pool:
        numbers = range(len(faces.items))
        for part in progress(
            pool.map(one, numbers), len(numbers), f"{name}: {len(cards)} detectors"
        ):
            for detector, rows in part.items():
                found[detector].append(rows)
    return {detector: np.concatenate(rows) for detector, rows in found.items()}


def _detect(
    waiting: Sequence[tuple[Any, NDArray]],
    detectors: Sequence[Detector],
    chunks: dict[str, list[NDArray[Any]]],
) -> None:
    if not waiting:
        return
    for detector in detectors:
        results = detector.detect([crops for crops, _ in waiting])
        for result, (_, mine) in zip(results, waiting, strict=True):
            chunks[detector.card.id].append(_strongest(result.detections, mine))


def _strongest(found: Detections, rows: NDArray) -> NDArray[Any]:
    """The best boxes of every class and face; `rows` are the faces' rows. -1 is the whole frame."""
    boxes = np.zeros(len(found), BOX_ROW)
    boxes["face"] = np.where(found.face < 0, -1 - rows[0], rows[found.face])
    boxes["class_id"], boxes["score"], boxes["xyxy"] = found.class_id, found.score, found.xyxy
    rank = np.zeros(len(found), int)
    seen: dict[tuple[int, int], int] = {}
    for i, key in enumerate(zip(boxes["face"].tolist(), found.class_id.tolist(), strict=True)):
        seen[key] = seen.get(key, 0) + 1
        rank[i] = seen[key]
    return boxes[rank <= MAX_COUNT]


def _face(row: Any) -> Face:
    return Face(row["xyxy"], row["landmarks"], float(row["score"]), int(row["track"]))


def _stamp(items: Sequence[Item]) -> str:
    """Changes with the set's list of sequences, and with the face finder."""
    facts: list[Any] = [
        (item.key, item.fake, item.spans, item.files, *([samples_of(item)] if item.clip else []))
        for item in items
    ]
    text = json.dumps([finder_key(), *facts])
    return hashlib.sha256(text.encode()).hexdigest()


def _save(path: Path, **arrays: NDArray[Any]) -> None:
    """A compressed archive, written whole or not at all."""
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


@cli
@data_option
@work_option
@click.option("--set", "sets", multiple=True, help="Only this set; may be given more than once.")
def main(data: Path, work: Path, sets: tuple[str, ...]) -> None:
    """Run the installed detectors over all sequences that they have not seen yet."""
    detectors = load_detectors().by_device["cpu"]
    for name in sets or sets_in(work):
        faces = faces_of(name, data, work)
        families = ONLY_FAMILIES.get(name)
        wanted = [d for d in detectors if families is None or d.card.family in families]
        missing = [d for d in wanted if cached_boxes(work, name, d.card, faces) is None]
        if not missing:
            continue
        for detector, boxes in extract(name, faces, missing).items():
            card = next(d.card for d in missing if d.card.id == detector)
            save_boxes(work, name, card, faces, boxes)


if __name__ == "__main__":
    main()

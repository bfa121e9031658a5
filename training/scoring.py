"""What bundles say of faces before any calibration, the way the runtime gets it.

A picture is degraded whole, its faces are looked for again, and the crops are cut and run by the
runtime's own code. `DetectorProbe` keeps class scores and boxes; `Scorer` is what calibration and
evaluation of one bundle use.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.card import GRAPH_FILE, DetectorCard, load_card
from fakecheck.detector import crop_key, cut_crops
from fakecheck.engines import open_engine
from fakecheck.faces import FaceFinder
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import FIXED, Degrader
from fakecheck_training.data import Sample
from fakecheck_training.draws.held_back import load_picture
from fakecheck_training.draws.views import longer_side, move_face
from fakecheck_training.faces import main_face
from fakecheck_training.options import progress

RANDOM = "random"
MIXED = (*FIXED, RANDOM)
THREADS = 2
# Crops a run of a graph.
BATCH = 8
# Boxes under this are not kept: they are many, and would only lengthen the tail of a curve of
# precision and recall.
LOW_SCORE = 0.05
BOX = np.dtype([("owner", "i4"), ("class_id", "i4"), ("score", "f4"), ("xyxy", "4f4")])


@dataclass(frozen=True, eq=False)
class Readings:
    """What one probe read from some pictures.

    `values` is (n, width) float32, a row a face in the order of the pictures and of their faces, or
    a row a picture for a probe of `whole` frames. `boxes` (see BOX) are in pixels of the picture,
    `owner` being a row of `values`.
    """

    values: Floats
    boxes: NDArray[Any] = field(default_factory=lambda: np.zeros(0, BOX))
    whole: bool = False


class DetectorProbe:
    """A bundle's uncalibrated word: the best score of each class, and its boxes over LOW_SCORE.

    Every face is read, whatever its size: which are large enough is a field of the card, that may
    change without the graph. May be called from several threads.
    """

    def __init__(self, card: DetectorCard) -> None:
        self.card = card
        self.name = card.id
        self.key = probe_key(card)
        self._engine = open_engine(card, "onnx" if card.onnx else "auto", "cpu")

    def read(self, images: Sequence[Image], faces: Sequence[Sequence[Face]]) -> Readings:
        """`images` (height, width, 3) uint8 BGR with the faces found in each."""
        key = crop_key(self.card)
        sets = [
            cut_crops(image, found, [self.card], min_face=0.0).sets[key]
            for image, found in zip(images, faces, strict=True)
        ]
        whole = self.card.looks_at_frame
        sizes = [1 if whole else len(found) for found in faces]
        first = np.concatenate([[0], np.cumsum(sizes)])
        crops = [(int(first[n]), crop) for n, one in enumerate(sets) for crop in one.crops]
        best = np.zeros((int(first[-1]), len(self.card.classes)), np.float32)
        if not crops:
            return Readings(best, whole=whole)
        pixels = np.concatenate([one.pixels for one in sets])
        side = np.array([pixels.shape[2], pixels.shape[1]] * 2, np.float32)
        boxes = []
        for start in range(0, len(crops), BATCH):
            raw = self._engine.run(pixels[start : start + BATCH])
            for n, count in enumerate(raw.counts):
                offset, crop = crops[start + n]
                owner = offset + (crop.face or 0)
                scores, classes = raw.scores[n, :count], raw.classes[n, :count]
                np.maximum.at(best[owner], classes - 1, scores)
                rows = np.zeros(int(count), BOX)
                rows["owner"], rows["class_id"], rows["score"] = owner, classes, scores
                rows["xyxy"] = crop.to_frame(raw.boxes[n, :count][:, [1, 0, 3, 2]] * side)
                boxes.append(rows[scores >= LOW_SCORE])
        return Readings(best, np.concatenate(boxes), whole)


def probe_key(card: DetectorCard) -> str:
    """A name for what a bundle's scores depend on: graph, crops, filters and input, no more."""
    facts = card.model_dump(mode="json", include={"crop", "filters", "input"})
    text = json.dumps([card.files[GRAPH_FILE], facts], sort_keys=True)
    return f"{card.id}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True, eq=False)
class Scores:
    """`values` (samples, degradations, classes) float32: best score of each class, 0 if none."""

    samples: tuple[Sample, ...]
    degradations: tuple[str, ...]
    values: Floats


class Scorer:
    """One bundle's scores on the main face of each picture; may be called from several threads."""

    def __init__(self, folder: Path, data: Path, faces: dict[str, Face]) -> None:
        self.card: DetectorCard = load_card(folder)
        self._probe = DetectorProbe(self.card)
        self._data = data
        self._faces = faces
        self._finder = FaceFinder()
        self._degrader = Degrader(untouched=0.0)

    def score(self, samples: Sequence[Sample], degradations: Sequence[str]) -> Scores:
        """All samples under all degradations, with progress on stderr."""
        cv2.setNumThreads(1)

        def one(sample: Sample) -> Floats:
            image = load_picture(sample, self._data, self._faces)
            return np.stack([self._score(image, sample, name) for name in degradations])

        with ThreadPoolExecutor(THREADS) as pool:
            rows = list(progress(pool.map(one, samples), len(samples), self.card.id))
        return Scores(tuple(samples), tuple(degradations), np.stack(rows))

    def _score(self, image: Image, sample: Sample, degradation: str) -> Floats:
        """(classes,) the best score of each class on the picture's face."""
        degraded = self._degrade(image, sample, degradation)
        height, width = degraded.shape[:2]
        face = main_face(self._finder.find(degraded), width, height)
        if face is None:
            known = self._faces[sample.key]
            face = move_face(known, width / image.shape[1], height / image.shape[0])
        return self._probe.read([degraded], [[face]]).values[0]

    def _degrade(self, image: Image, sample: Sample, degradation: str) -> Image:
        if degradation != RANDOM:
            return FIXED[degradation](image)
        rng = np.random.default_rng(zlib.crc32(sample.key.encode()))
        return self._degrader(image, longer_side(self._faces[sample.key]), rng)

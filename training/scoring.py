"""A bundle's scores on pictures of the pack, degraded or not, the way the runtime gets them.

The picture is degraded whole, its faces are looked for again, and the crops are cut, run and joined
by the runtime's own code.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fakecheck.card import ONNX_FILE, DetectorCard, load_card
from fakecheck.detector import crop_key, cut_crops
from fakecheck.engines.onnx import OnnxEngine
from fakecheck.faces import FaceFinder
from fakecheck.graph import read_checked
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import FIXED, Degrader
from fakecheck_training.data import Sample
from fakecheck_training.draws import longer_side, move_face
from fakecheck_training.faces import main_face, read_image
from fakecheck_training.options import progress

RANDOM = "random"
MIXED = (*FIXED, RANDOM)
THREADS = 2


@dataclass(frozen=True, eq=False)
class Scores:
    """`values` (samples, degradations, classes) float32: best score of each class, 0 if none."""

    samples: tuple[Sample, ...]
    degradations: tuple[str, ...]
    values: Floats


class Scorer:
    """One bundle, its engine and a face finder; may be called from several threads."""

    def __init__(self, folder: Path, data: Path, faces: dict[str, Face]) -> None:
        self.card: DetectorCard = load_card(folder)
        self._engine = OnnxEngine(self.card, read_checked(self.card, ONNX_FILE))
        self._data = data
        self._faces = faces
        self._finder = FaceFinder()
        self._degrader = Degrader(untouched=0.0)

    def score(self, samples: Sequence[Sample], degradations: Sequence[str]) -> Scores:
        """All samples under all degradations, with progress on stderr."""
        cv2.setNumThreads(1)

        def one(sample: Sample) -> Floats:
            image = read_image(self._data / sample.key)
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
        frame = cut_crops(degraded, [face], [self.card])
        raw = self._engine.run(frame.sets[crop_key(self.card)].pixels)
        best = np.zeros(len(self.card.classes), np.float32)
        for scores, classes, count in zip(raw.scores, raw.classes, raw.counts, strict=True):
            np.maximum.at(best, classes[:count] - 1, scores[:count])
        return best

    def _degrade(self, image: Image, sample: Sample, degradation: str) -> Image:
        if degradation != RANDOM:
            return FIXED[degradation](image)
        rng = np.random.default_rng(zlib.crc32(sample.key.encode()))
        return self._degrader(image, longer_side(self._faces[sample.key]), rng)

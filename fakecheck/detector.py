"""DetectorCard + engine → Detector: crops of faces in, boxes and evidence out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck.card import Calibration, CropSpec, DetectorCard, InputSpec
from fakecheck.engines import Engine
from fakecheck.filters import apply_filters
from fakecheck.regions import Crop, crop_regions
from fakecheck.types import Detections, Face, Floats, Image

# Crops a run of the graph. A CPU is as fast with 2 as with 8 and takes 220 MB less, 375 for a clip
# of 720 lines; a GPU wants to be filled.
CPU_BATCH = 2
GPU_BATCH = 32
# Scores are held this far from 0 and 1, where the logit has no value.
EPSILON = 1e-6
ROW = np.dtype(
    [("owner", "i4"), ("face", "i4"), ("class_id", "i4"), ("score", "f4"), ("xyxy", "4f4")]
)


@dataclass(frozen=True, eq=False)
class Findings:
    """What one detector says of one frame.

    `evidence` is (faces,) float32, or (1,) for a detector of the whole frame: the log-likelihood
    ratio of this detector's family against real, from the best box of every class; NaN for a face
    that is too small for it. `best` is (faces or 1, classes) float32: these boxes' scores, 0 where
    there is none. They count also where a box lies outside of the frame, in a crop's border, and
    cannot be shown.
    """

    detections: Detections
    evidence: Floats
    best: Floats


CropKey = tuple[CropSpec, InputSpec, str, float]


@dataclass(frozen=True, eq=False)
class CropSet:
    """Crops that one or more detectors want of a frame.

    `pixels` is (n, h, w, 3) uint8, filtered and in the channel order of the graph; `judged` (m,)
    int64 are the indices, in the frame's list, of the faces that are large enough; a crop's `face`
    counts among these.
    """

    crops: tuple[Crop, ...]
    pixels: NDArray[np.uint8]
    judged: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FrameCrops:
    """All that detectors need of a frame once its crops are cut; the frame itself can go.

    `width` and `height` in pixels and the number of `faces` are the frame's.
    """

    width: int
    height: int
    faces: int
    sets: dict[CropKey, CropSet]


def crop_key(card: DetectorCard) -> CropKey:
    """Detectors with the same key look at the same pixels."""
    return card.crop, card.input, repr(card.filters), card.min_face


def cut_crops(
    image: Image,
    faces: Sequence[Face],
    cards: Iterable[DetectorCard],
    min_face: float | None = None,
) -> FrameCrops:
    """The crops of one frame for all `cards`; those that look alike are cut once.

    `min_face` in pixels takes the place of what the cards say.
    """
    sets: dict[CropKey, CropSet] = {}
    for card in cards:
        key = crop_key(card)
        if key not in sets:
            sets[key] = _cut(image, faces, card, card.min_face if min_face is None else min_face)
    return FrameCrops(image.shape[1], image.shape[0], len(faces), sets)


def _cut(image: Image, faces: Sequence[Face], card: DetectorCard, min_face: float) -> CropSet:
    size = (card.input.width, card.input.height)
    spec = card.crop
    judged = [number for number, face in enumerate(faces) if face.size >= min_face]
    large = [faces[number] for number in judged]
    crops = crop_regions(image, large, spec.regions, size, spec.margin, spec.max_tilt)
    pixels = np.empty((len(crops), size[1], size[0], 3), np.uint8)
    rgb = card.input.color == "rgb"
    for row, crop in zip(pixels, crops, strict=True):
        filtered = apply_filters(crop.image, card.filters)
        # Forty times as fast as NumPy's reversed copy.
        row[:] = cv2.cvtColor(filtered, cv2.COLOR_BGR2RGB) if rgb else filtered
    return CropSet(tuple(crops), pixels, np.array(judged, np.int64))


@dataclass(frozen=True, eq=False)
class Calibrations:
    """The numbers of several `Calibration`s side by side: float64, (n,) each."""

    slope: NDArray[np.float64]
    intercept: NDArray[np.float64]
    min_llr: NDArray[np.float64]
    max_llr: NDArray[np.float64]

    @classmethod
    def of(cls, every: Sequence[Calibration]) -> Calibrations:
        """Those of a card's classes, in their order."""
        rows = [(one.slope, one.intercept, one.min_llr, one.max_llr) for one in every]
        return cls(*np.array(rows, np.float64).reshape(-1, 4).T)

    def __getitem__(self, index: NDArray[Any]) -> Calibrations:
        return Calibrations(
            self.slope[index], self.intercept[index], self.min_llr[index], self.max_llr[index]
        )


def log_likelihood_ratio(score: Floats, calibration: Calibration | Calibrations) -> Floats:
    """Scores (any shape) in 0..1 → natural log-likelihood ratios of fake against real.

    Several calibrations are for the last axis of `score`.
    """
    clipped = np.clip(score, EPSILON, 1 - EPSILON).astype(np.float64)
    llr = calibration.slope * np.log(clipped / (1 - clipped)) + calibration.intercept
    return np.clip(llr, calibration.min_llr, calibration.max_llr).astype(np.float32)


def log_mean_exp(values: Floats, axis: int | None = None) -> Floats:
    """Logarithm of the mean of exp(values): likelihood ratios of alternatives, equally likely."""
    peak = np.max(values, axis=axis, keepdims=True)
    mean = np.log(np.mean(np.exp(values - peak), axis=axis, keepdims=True)) + peak
    return np.squeeze(mean, axis=axis)


class Detector:
    """A detector ready to run. Called from several threads at once."""

    def __init__(self, card: DetectorCard, engine: Engine) -> None:
        self.card = card
        self._engine = engine
        # Side by side, so that all classes take one call.
        self._calibrations = Calibrations.of([spec.calibration for spec in card.classes])

    @property
    def engine(self) -> str:
        """What runs its graph: `onnx` or `tensorflow`."""
        return self._engine.name

    def detect(self, frames: Sequence[FrameCrops]) -> list[Findings]:
        """Findings for every frame, in their order: all crops go through the graph in batches.

        Boxes are in pixels of the frame, the best first; those that clipping to the frame leaves
        empty are dropped. Raises whatever the engine raises.
        """
        key = crop_key(self.card)
        sets = [frame.sets[key] for frame in frames]
        rows = self._run(sets)
        return [
            self._findings(rows[rows["owner"] == number], frame, frame.sets[key].judged)
            for number, frame in enumerate(frames)
        ]

    def _run(self, sets: Sequence[CropSet]) -> NDArray[Any]:
        """A row (see ROW) a box, `owner` being the index of its set."""
        crops = [(owner, crop) for owner, one in enumerate(sets) for crop in one.crops]
        if not crops:
            return np.zeros(0, ROW)
        pixels = np.concatenate([one.pixels for one in sets]) if len(sets) > 1 else sets[0].pixels
        height, width = pixels.shape[1:3]
        to_pixels = np.array([width, height, width, height], np.float32)
        found = []
        size = CPU_BATCH if self._engine.device == "cpu" else GPU_BATCH
        for start in range(0, len(crops), size):
            raw = self._engine.run(pixels[start : start + size])
            for offset, n in enumerate(raw.counts):
                owner, crop = crops[start + offset]
                rows = np.zeros(int(n), ROW)
                rows["owner"] = owner
                rows["face"] = -1 if crop.face is None else sets[owner].judged[crop.face]
                rows["class_id"] = raw.classes[offset, :n]
                rows["score"] = raw.scores[offset, :n]
                inside = raw.boxes[offset, :n][:, [1, 0, 3, 2]] * to_pixels
                rows["xyxy"] = crop.to_frame(inside)
                found.append(rows)
        return np.concatenate(found)

    def _findings(
        self, rows: NDArray[Any], frame: FrameCrops, judged: NDArray[np.int64]
    ) -> Findings:
        rows = rows[np.argsort(-rows["score"], kind="stable")]
        units = 1 if self.card.looks_at_frame else frame.faces
        best = np.zeros((units, len(self.card.classes)), np.float32)
        unit = np.zeros(len(rows), np.int64) if self.card.looks_at_frame else rows["face"]
        np.maximum.at(best, (unit, rows["class_id"] - 1), rows["score"])
        evidence = np.full(units, np.nan, np.float32)
        if units:
            seen = slice(None) if self.card.looks_at_frame else judged
            ratios = log_likelihood_ratio(best, self._calibrations)
            evidence[seen] = log_mean_exp(ratios, axis=1)[seen]
        return Findings(self._detections(rows, frame), evidence, best)

    def _detections(self, rows: NDArray[Any], frame: FrameCrops) -> Detections:
        limits = np.array([frame.width, frame.height] * 2, np.float32)
        xyxy = np.clip(rows["xyxy"], 0, limits)
        visible = (xyxy[:, 2] - xyxy[:, 0] >= 1) & (xyxy[:, 3] - xyxy[:, 1] >= 1)
        rows, xyxy = rows[visible], xyxy[visible]
        class_id, score = rows["class_id"].copy(), rows["score"].copy()
        return Detections(
            detector=self.card.id,
            xyxy=xyxy,
            score=score,
            class_id=class_id,
            llr=log_likelihood_ratio(score, self._calibrations[class_id - 1]),
            face=rows["face"].copy(),
        )

"""What frames show of one followed face, class by class, and which groups the classes count in.

Classes of all installed detectors count in groups: everything, every kind of family, every artifact
word. A detector that comes later adds to the groups that it belongs to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from fakecheck.card import DetectorCard, Kind
from fakecheck.detector import log_likelihood_ratio
from fakecheck.geometry import QUARTER
from fakecheck.types import Floats, FrameResult

# A box counts if its likelihood ratio is over the square root of 10: under that evidence is "not
# worth more than a bare mention" (Jeffreys, Theory of Probability, 1961, appendix B).
MIN_LLR = math.log(10) / 2
# Boxes of one class and face that are counted; detectors give many weak ones.
MAX_COUNT = 5

# The artifact words that there were when this version of the features (features.py) was made; a
# class of a word that came later counts in its kind and in everything.
WORDS = (
    "dotnoise",
    "gridnoise",
    "blur",
    "boundary",
    "colormismatch",
    "resolutionmismatch",
    "partswap",
    "synthesis",
    "swap",
)
KINDS: tuple[str, ...] = get_args(Kind)
GROUPS = ("all", *(f"kind_{kind}" for kind in KINDS), *(f"word_{word}" for word in WORDS))


@dataclass(frozen=True, eq=False)
class Observations:
    """What T samples show of one face, C classes being installed (see ClassTable).

    `llr` is (T, C) float32, the best box's of each class, NaN where its detector could not judge;
    `place` (T, C, 4) float32: centre right of and below the face's centre, width and height, in
    sides of the face; `count` (T, C) float32, boxes over MIN_LLR up to MAX_COUNT; `landmarks` (T,
    5, 2) and `side` (T,) float32 in pixels; `sharpness` (T,) float32; `time` (T,) float64 in
    seconds; `frame` (T,) int64; `seen` (T,) bool: whether the face was there and could be judged.
    """

    llr: Floats
    place: Floats
    count: Floats
    landmarks: Floats
    side: Floats
    sharpness: Floats
    time: NDArray[np.float64]
    frame: NDArray[np.int64]
    seen: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frame)

    def pick(self, rows: slice | NDArray) -> Observations:
        """Some of the samples."""
        return Observations(*(getattr(self, item.name)[rows] for item in fields(self)))


def join(parts: Sequence[Observations]) -> Observations:
    """Observations of one face, one after the other."""
    names = [item.name for item in fields(Observations)]
    return Observations(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


class ClassTable:
    """A column for every class of every detector, and which groups it counts in.

    `groups` is (G, C) bool, `owner` (C,) the index of the card, `silent` (C,) float32 the llr of a
    class without a box.
    """

    def __init__(self, cards: Sequence[DetectorCard]) -> None:
        self.cards = tuple(cards)
        columns = [(number, spec) for number, card in enumerate(cards) for spec in card.classes]
        self.owner = np.array([number for number, _ in columns], np.int64)
        self.groups = np.zeros((len(GROUPS), len(columns)), bool)
        self.groups[0] = True
        for column, (number, spec) in enumerate(columns):
            for group in (f"kind_{cards[number].kind}", f"word_{spec.name.rpartition('_')[2]}"):
                if group in GROUPS:
                    self.groups[GROUPS.index(group), column] = True
        nothing = np.zeros(1, np.float32)
        self.silent = np.array(
            [log_likelihood_ratio(nothing, spec.calibration)[0] for _, spec in columns], np.float32
        )
        first = np.cumsum([0, *(len(card.classes) for card in cards)])
        self.first = {card.id: int(first[number]) for number, card in enumerate(cards)}

    @property
    def size(self) -> int:
        """C, the number of classes."""
        return len(self.owner)


def observe(result: FrameResult, table: ClassTable) -> list[Observations]:
    """One sample of every face of a frame, as if it stood upright.

    Boxes of the whole frame count for each face. One that no detector could judge, since it is too
    small, counts as not seen.
    """
    faces, size = len(result.faces), table.size
    if not faces:
        return []
    llr = _judged(result, table)
    place = np.zeros((faces, size, 4), np.float32)
    count = np.zeros((faces, size), np.float32)
    face, column, values, xyxy = _boxes(result, table, faces)
    if len(face):
        order = np.argsort(-values, kind="stable")
        key = face[order] * size + column[order]
        found, first = np.unique(key, return_index=True)
        best = order[first]
        rows, columns = found // size, found % size
        llr[rows, columns] = np.where(np.isnan(llr[rows, columns]), np.nan, values[best])
        place[rows, columns] = _relative(xyxy[best], np.stack([f.xyxy for f in result.faces])[rows])
        loud = values > MIN_LLR
        np.add.at(count, (face[loud], column[loud]), 1)
    marks = []
    for i, one in enumerate(result.faces):
        upright = np.linalg.matrix_power(QUARTER, one.turns).T.astype(np.float32)
        marks.append(one.landmarks @ upright)
        place[i] = np.hstack([place[i, :, :2] @ upright, place[i, :, 2:] @ np.abs(upright)])
    judged = np.any(~np.isnan(llr), axis=1)
    time = np.full(1, np.nan if result.time is None else result.time)
    sharpness = result.sharpness if result.sharpness is not None else np.zeros(faces, np.float32)
    return [
        Observations(
            llr[[i]],
            place[[i]],
            np.minimum(count[[i]], MAX_COUNT),
            marks[i][None],
            np.array([max(one.size, 1.0)], np.float32),
            sharpness[[i]],
            time,
            np.array([result.index]),
            judged[[i]],
        )
        for i, one in enumerate(result.faces)
    ]


def unseen(frame: int, time: float | None, table: ClassTable) -> Observations:
    """A sample in which a followed face was lost."""
    return Observations(
        np.full((1, table.size), np.nan, np.float32),
        np.zeros((1, table.size, 4), np.float32),
        np.zeros((1, table.size), np.float32),
        np.zeros((1, 5, 2), np.float32),
        np.ones(1, np.float32),
        np.zeros(1, np.float32),
        np.full(1, np.nan if time is None else time),
        np.array([frame]),
        np.zeros(1, bool),
    )


def llr_by_detector(llr: Floats, table: ClassTable) -> Floats:
    """(T, C) of classes → (T, D) of detectors, each the mean ratio of its classes; NaN stays."""
    found = []
    for number in range(len(table.cards)):
        mine = llr[:, table.owner == number]
        found.append(log_mean(mine, np.full(mine.shape, 1 / mine.shape[1]), axis=1))
    return np.stack(found, axis=1).astype(np.float32)


def fused_llr(llr: Floats, table: ClassTable) -> Floats:
    """(T, C) of classes → (T,): the mean ratio of the detectors that could judge; NaN for none."""
    detectors = llr_by_detector(llr, table)
    judged = ~np.isnan(detectors)
    weights = judged / np.maximum(judged.sum(axis=1, keepdims=True), 1)
    found = log_mean(np.where(judged, detectors, -np.inf), weights, axis=1)
    return np.where(judged.any(axis=1), found, np.nan).astype(np.float32)


def steady_llr(llr: Floats, table: ClassTable) -> float:
    """(T, C) → the mean ratio of the detectors, each taken by its mean over the samples.

    Right for a face of which all samples show the same; NaN where no detector could judge one.
    """
    detectors = llr_by_detector(llr, table)
    means = detectors[:, ~np.isnan(detectors).all(axis=0)]
    if not means.size:
        return math.nan
    means = np.nanmean(means, axis=0)
    return float(log_mean(means, np.full(means.shape, 1 / len(means)), axis=0))


def log_mean(values: Floats, weights: Floats, axis: int) -> Floats:
    """log(sum of weights * exp(values)); values may be -inf, and 0 * exp(-inf) is 0."""
    peak = np.max(values, axis=axis, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0)
    total = (weights * np.exp(values - peak)).sum(axis=axis)
    with np.errstate(divide="ignore"):
        return np.log(total) + np.squeeze(peak, axis=axis)


def _judged(result: FrameResult, table: ClassTable) -> Floats:
    """(faces, C): the llr of silence where the class's detector could judge, else NaN."""
    llr = np.full((len(result.faces), table.size), np.nan, np.float32)
    for card in table.cards:
        columns = slice(table.first[card.id], table.first[card.id] + len(card.classes))
        if card.id in result.frame_evidence:
            llr[:, columns] = table.silent[columns]
        elif card.id in result.evidence:
            could = ~np.isnan(result.evidence[card.id])
            llr[:, columns] = np.where(could[:, None], table.silent[columns], np.nan)
    return llr


def _boxes(
    result: FrameResult, table: ClassTable, faces: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]:
    """Face, column, llr and xyxy of every box; one of the whole frame comes once a face."""
    known = [found for found in result.detections if found.detector in table.first]
    if not known:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, np.zeros(0, np.float32), np.zeros((0, 4), np.float32)
    face = np.concatenate([found.face for found in known]).astype(np.int64)
    first = [table.first[found.detector] - 1 for found in known]
    column = np.concatenate([one.class_id + k for one, k in zip(known, first, strict=True)])
    llr = np.concatenate([found.llr for found in known])
    xyxy = np.concatenate([found.xyxy for found in known])
    whole = np.flatnonzero(face < 0)
    if len(whole):
        repeated = np.concatenate([np.flatnonzero(face >= 0), np.tile(whole, faces)])
        owner = np.concatenate([face[face >= 0], np.repeat(np.arange(faces), len(whole))])
        return owner, column[repeated].astype(np.int64), llr[repeated], xyxy[repeated]
    return face, column.astype(np.int64), llr, xyxy


def _relative(boxes: Floats, faces: Floats) -> Floats:
    """Boxes (n, 4) xyxy → (n, 4): offset of the centre, width and height, in sides of the face."""
    side = np.maximum((faces[:, 2:] - faces[:, :2]).max(axis=1, keepdims=True), 1)
    offset = (boxes[:, :2] + boxes[:, 2:]) / 2 - (faces[:, :2] + faces[:, 2:]) / 2
    return np.concatenate([offset / side, (boxes[:, 2:] - boxes[:, :2]) / side], axis=1)

"""Cached boxes → sequences to train on: what the runtime would observe, with a label a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from fakecheck.card import DetectorCard
from fakecheck.detector import Calibrations, log_likelihood_ratio
from fakecheck.errors import InputError
from fakecheck.features import WIDTH, sequence_of
from fakecheck.observations import ClassTable, Observations, join, observe, unseen
from fakecheck.types import Detections, Face, Floats, FrameResult
from fakecheck_training.augment import Rng
from fakecheck_training.sequence.corpus import Item
from fakecheck_training.sequence.extract import SetFaces, cached_boxes, faces_of

# Features that change by less are not blown up to unit variance: another set's may change more.
LEAST_DEVIATION = 0.1
# Seconds by which a sample's time may miss the start of the forged part that it belongs to.
CLOCK = 1e-6
# The pack calls DFDC's swaps after their set.
ALIASES = {"dfdc": "deepfakes"}


@dataclass(frozen=True, eq=False)
class Labelled:
    """The main face of a sequence: `labels` is (T,) float32, 1 where the sample is forged."""

    item: Item
    seen: Observations
    labels: Floats


@dataclass(frozen=True)
class Augment:
    """How sequences are varied each time they are drawn. Chances are 0..1.

    `all_detectors` is the chance that none is switched off, else each stays with the chance `keep`;
    `unseen_weight` is what a forgery weighs for whose family no detector is left. `samples` is the
    chance that some are left out, `lost` that a sample's face is lost. `size`, `sharpness` and
    `llr` are standard deviations of a shift of all samples alike; `jitter` of one of each sample's
    llr.
    """

    all_detectors: float = 0.5
    keep: float = 0.6
    unseen_weight: float = 0.25
    samples: float = 0.5
    lost: float = 0.05
    size: float = 0.4
    sharpness: float = 0.8
    llr: float = 0.3
    jitter: float = 0.2


@dataclass(frozen=True, eq=False)
class Batch:
    """`values` (n, T, WIDTH) float32, `mask`, `labels` and `there` (n, T) float32, `fake` and
    `weight` (n,) float32. `mask` is 1 where the face is seen, `there` where the sequence has a
    sample at all; short ones are filled up with zeros."""

    values: Floats
    mask: Floats
    there: Floats
    labels: Floats
    fake: Floats
    weight: Floats


def load_set(
    name: str, cards: Sequence[DetectorCard], data: Path, work: Path
) -> tuple[list[Labelled], ClassTable]:
    """The sequences of a set as the runtime would see them with `cards`."""
    table = ClassTable(cards)
    found = faces_of(name, data, work)
    boxes = {}
    for card in cards:
        rows = cached_boxes(work, name, card, found)
        if rows is None:
            raise InputError(
                f"{card.id} has not seen {name} yet: "
                "run python -m fakecheck_training.sequence.extract first"
            )
        boxes[card.id] = _by_sample(rows, found)
    labelled = []
    of_item = np.searchsorted(found.faces["item"], np.arange(len(found.items) + 1))
    for number, item in enumerate(found.items):
        faces = range(*of_item[number : number + 2])
        one = _observations(faces, found, boxes, table)
        if one is not None:
            labelled.append(Labelled(item, one, _labels(item, one)))
    return labelled, table


def _by_sample(rows: NDArray[Any], found: SetFaces) -> dict[int, NDArray[Any]]:
    """Sample → its boxes; a box of the whole frame names a face of it as -1 - face."""
    if not len(rows):
        return {}
    face = np.where(rows["face"] < 0, -1 - rows["face"], rows["face"])
    sample = found.faces["sample"][face]
    order = np.argsort(sample, kind="stable")
    numbers, first = np.unique(sample[order], return_index=True)
    parts = np.split(rows[order], first[1:])
    return dict(zip(numbers.tolist(), parts, strict=True))


def _observations(
    rows: range,
    found: SetFaces,
    boxes: dict[str, dict[int, NDArray[Any]]],
    table: ClassTable,
) -> Observations | None:
    """All samples from the first to the last in which the longest-followed face was seen."""
    if not rows:
        return None
    faces = found.faces[rows.start : rows.stop]
    tracks, counts = np.unique(faces["track"], return_counts=True)
    mine = rows.start + np.flatnonzero(faces["track"] == tracks[counts.argmax()])
    by_sample = {int(found.faces["sample"][number]): int(number) for number in mine}
    parts = []
    for sample in range(min(by_sample), max(by_sample) + 1):
        info = found.samples[sample]
        number = by_sample.get(sample)
        if number is None:
            parts.append(unseen(int(info["frame"]), float(info["time"]), table))
            continue
        result = _result(number, found, boxes, table)
        parts += observe(result, table)
    return join(parts)


def _result(
    number: int,
    found: SetFaces,
    boxes: dict[str, dict[int, NDArray[Any]]],
    table: ClassTable,
) -> FrameResult:
    """The frame of the face in row `number`, as if it were its only one."""
    row = found.faces[number]
    sample = int(row["sample"])
    face = Face(row["xyxy"], row["landmarks"], float(row["score"]), int(row["track"]))
    detections, evidence, whole = [], {}, {}
    for card in table.cards:
        rows = boxes[card.id].get(sample)
        if card.looks_at_frame:
            whole[card.id] = 0.0
        else:
            judged = 0.0 if face.size >= card.min_face else np.nan
            evidence[card.id] = np.array([judged], np.float32)
        if rows is not None and (card.looks_at_frame or face.size >= card.min_face):
            detections.append(
                _detections(card, rows[(rows["face"] < 0) | (rows["face"] == number)])
            )
    sharp = np.array([row["sharpness"]], np.float32)
    return FrameResult(
        int(row["frame"]), float(row["time"]), (face,), tuple(detections), evidence, whole,
        sharpness=sharp,
    )  # fmt: skip


def _detections(card: DetectorCard, rows: NDArray[Any]) -> Detections:
    calibrations = Calibrations.of([spec.calibration for spec in card.classes])
    llr = log_likelihood_ratio(rows["score"], calibrations[rows["class_id"] - 1])
    face = np.where(rows["face"] < 0, -1, 0).astype(np.int32)
    return Detections(card.id, rows["xyxy"], rows["score"], rows["class_id"], llr, face)


def _labels(item: Item, seen: Observations) -> Floats:
    if not item.fake:
        return np.zeros(len(seen), np.float32)
    if item.spans is None:
        return np.ones(len(seen), np.float32)
    time = seen.time + CLOCK
    inside = [((time >= a) & (time < b)) for a, b in item.spans]
    return np.any(inside, axis=0).astype(np.float32)


def known_families(cards: Sequence[DetectorCard]) -> set[str]:
    """The families that these detectors stand for, with their members."""
    members = _members()
    return {name for card in cards for name in (card.family, *members.get(card.family, ()))}


@cache
def _members() -> dict[str, tuple[str, ...]]:
    text = (files("fakecheck_registry") / "families.yaml").read_text(encoding="utf-8")
    return {name: tuple(row.get("members", ())) for name, row in yaml.safe_load(text).items()}


def family_known(item: Item, families: set[str]) -> bool:
    """Whether some detector stands for the forgery of this sequence; true of a real one."""
    return not item.fake or ALIASES.get(item.family, item.family) in families


def varied(one: Labelled, table: ClassTable, how: Augment, rng: Rng) -> tuple[Labelled, float]:
    """The sequence as another set of detectors might see it, and its weight."""
    # One that was taken away from the sequence cannot be switched on again.
    there = np.unique(table.owner[~np.isnan(one.seen.llr).all(axis=0)])
    keep = np.isin(np.arange(len(table.cards)), there)
    if len(there) and rng.random() >= how.all_detectors:
        keep &= rng.random(len(keep)) < how.keep
        keep[there[rng.integers(len(there))]] = True
    left = known_families([card for card, kept in zip(table.cards, keep, strict=True) if kept])
    weight = 1.0 if family_known(one.item, left) else how.unseen_weight
    rows = _rows(len(one.seen), how, rng)
    seen, labels = one.seen.pick(rows), one.labels[rows]
    noise = rng.normal(0, how.llr, len(keep)) + rng.normal(0, how.jitter, (len(seen), len(keep)))
    llr = seen.llr + noise[:, table.owner]
    # What is silent stays so: its floor is no measurement.
    llr = np.where(seen.llr <= table.silent, seen.llr, llr)
    lost = rng.random(len(seen)) < how.lost
    lost &= len(seen) > 2
    hidden = lost[:, None] | ~keep[table.owner]
    seen = replace(
        seen,
        llr=np.where(hidden, np.nan, llr).astype(np.float32),
        count=np.where(hidden, 0, seen.count),
        side=(seen.side * np.exp(rng.normal(0, how.size))).astype(np.float32),
        sharpness=np.maximum(seen.sharpness + rng.normal(0, how.sharpness), 0).astype(np.float32),
        time=seen.time * np.exp(rng.normal(0, 0.7)),
        seen=seen.seen & ~lost,
    )
    return Labelled(one.item, _mirrored(seen) if rng.random() < 0.5 else seen, labels), weight


def _rows(count: int, how: Augment, rng: Rng) -> NDArray[np.int64]:
    """All samples, or some of them in their order: every n-th, or a part without a hole."""
    rows = np.arange(count)
    if count > 2 and rng.random() < how.samples:
        if rng.random() < 0.5:
            kept = int(rng.integers(2, count + 1))
            rows = np.sort(rng.choice(count, kept, replace=False))
        else:
            kept = int(rng.integers(2, count + 1))
            start = int(rng.integers(count - kept + 1))
            rows = rows[start : start + kept]
    return rows


def _mirrored(seen: Observations) -> Observations:
    place, marks = seen.place.copy(), seen.landmarks[:, [1, 0, 2, 4, 3]].copy()
    place[..., 0] *= -1
    marks[..., 0] *= -1
    return replace(seen, place=place, landmarks=marks)


def make_batch(
    sequences: Sequence[Labelled], table: ClassTable, weights: Sequence[float] | None = None
) -> Batch:
    """Sequences side by side, filled up to the longest."""
    longest = max(len(one.seen) for one in sequences)
    shape = (len(sequences), longest)
    values = np.zeros((*shape, WIDTH), np.float32)
    mask, there, labels = (np.zeros(shape, np.float32) for _ in range(3))
    for row, one in enumerate(sequences):
        length = len(one.seen)
        found = sequence_of(one.seen, table)
        values[row, :length], mask[row, :length] = found.values, found.mask
        there[row, :length], labels[row, :length] = 1, one.labels
    fake = np.array([(one.labels * one.seen.seen).any() for one in sequences], np.float32)
    weight = np.ones(len(sequences)) if weights is None else np.asarray(weights)
    return Batch(values, mask, there, labels, fake, weight.astype(np.float32))


def batches(
    sequences: Sequence[Labelled],
    chances: Floats,
    table: ClassTable,
    how: Augment,
    size: int,
    steps: int,
    rng: Rng,
) -> Iterator[Batch]:
    """So many batches of varied sequences, drawn by their `chances` (n,)."""
    for _ in range(steps):
        drawn = rng.choice(len(sequences), size, p=chances)
        pairs = [varied(sequences[i], table, how, rng) for i in drawn]
        yield make_batch([one for one, _ in pairs], table, [weight for _, weight in pairs])


def moments(sequences: Sequence[Labelled], table: ClassTable) -> tuple[Floats, Floats]:
    """(WIDTH,) means and scales of the features over all samples seen.

    Where a feature never changes the scale is 0: a model must not take note of what it never saw.
    """
    rows = np.concatenate(
        [found.values[found.mask] for found in (sequence_of(s.seen, table) for s in sequences)]
    )
    deviation = rows.std(axis=0)
    scale = np.where(deviation > 1e-4, 1 / np.maximum(deviation, LEAST_DEVIATION), 0)
    return rows.mean(axis=0).astype(np.float32), scale.astype(np.float32)

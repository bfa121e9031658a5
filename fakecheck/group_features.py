"""The features of every group of classes: what its detectors found in one face through time.

A group that no installed detector belongs to is zero with `present` zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakecheck.alarms import log_false_alarm_rate
from fakecheck.observations import ClassTable, Observations, llr_by_detector, log_mean
from fakecheck.types import Floats

# Cards give ratios to four digits: what lies this little over a row of their tables lies on it.
ROUNDING = 5e-5
NATS, YES, SIDES, LOG_COUNT = "nats", "0 or 1", "sides of the face", "log(1 + count)"


@dataclass(frozen=True)
class Feature:
    """What a column says: its `meaning`, the `unit` of its values, and the ends of their range."""

    meaning: str
    unit: str
    low: float = -math.inf
    high: float = math.inf


# `llr` are natural logarithms of likelihood ratios (nats), which cards bound; lengths are in sides
# of the face (the longer side of its box). Where `present` is 0 all others are.
GROUP_FEATURES = {
    "present": Feature(
        "1 where a detector with a class in the group could judge the face, else 0", YES, 0, 1
    ),
    "best": Feature("llr of the group's best box, or of there being none", NATS),
    "mean": Feature(
        "llr of something of the group: logarithm of the mean ratio of its detectors", NATS
    ),
    "sum": Feature("sum of the positive llr of the group's classes", NATS, 0),
    "rarity": Feature(
        "minus log of (share of real faces on which the rarest-firing detector of the group "
        "says as much or more, times number of the group's detectors)",
        NATS,
    ),
    "count": Feature(
        "log(1 + number of boxes worth more than a bare mention), 5 a class at most", LOG_COUNT, 0
    ),
    "area": Feature(
        "area of the best box, 0 where its llr is not positive", "squared sides of the face", 0
    ),
    "dx": Feature(
        "the best box's centre, right of the face's, 0 where its llr is not positive", SIDES
    ),
    "dy": Feature(
        "the best box's centre, below the face's, 0 where its llr is not positive", SIDES
    ),
    "change": Feature(
        "`best` minus that of the sample before in which the group was present", NATS
    ),
}


def group_features(seen: Observations, table: ClassTable) -> Floats:
    """(T, G, features) in the order of GROUP_FEATURES."""
    samples = np.arange(len(seen))[:, None]
    judged = ~np.isnan(seen.llr)
    member = judged[:, None, :] & table.groups[None]
    present: NDArray[np.bool_] = np.asarray(member.any(axis=2))
    llr = np.where(judged, seen.llr, -np.inf)
    held = np.where(member, llr[:, None, :], -np.inf)
    column = held.argmax(axis=2)
    best = np.where(present, held.max(axis=2), 0)
    places = np.where((present & (best > 0))[..., None], seen.place[samples, column], 0)
    shown = np.where(member, seen.count[:, None, :], 0).sum(axis=2)
    positive = np.where(member, np.maximum(held, 0), 0).sum(axis=2)
    mean, rarity = _pooled(seen.llr, held, member, present, table)
    features = [
        present,
        best,
        mean,
        positive,
        rarity,
        np.log1p(shown),
        places[..., 2] * places[..., 3],
        places[..., 0],
        places[..., 1],
        _change(best, present),
    ]
    return np.stack(features, axis=2).astype(np.float32)


def _pooled(
    llr: Floats, held: Floats, member: NDArray, present: NDArray, table: ClassTable
) -> tuple[Floats, Floats]:
    """`mean` and `rarity` of every group, (T, G) each."""
    detectors = range(len(table.cards))
    # How many classes each detector has in each group: (T, G, D).
    owned = np.stack([member[..., table.owner == d].sum(axis=2) for d in detectors], axis=2)
    members = np.maximum((owned > 0).sum(axis=2), 1)
    weights = member / np.maximum(owned[..., table.owner] * members[..., None], 1)
    mean = np.where(present, log_mean(held, weights, axis=2), 0)
    evidence = llr_by_detector(llr, table)
    rates = np.stack(
        [
            log_false_alarm_rate(c.false_alarm_llr, evidence[:, d] - ROUNDING)
            for d, c in enumerate(table.cards)
        ],
        axis=1,
    )
    rarest = np.where(owned > 0, rates[:, None, :], np.inf).min(axis=2)
    return mean, np.where(present, -(np.where(present, rarest, 0) + np.log(members)), 0)


def _change(best: Floats, present: NDArray) -> Floats:
    """(T, G): `best` minus the one at the last sample where the group was present, else 0."""
    samples = np.arange(len(best))[:, None]
    last = np.maximum.accumulate(np.where(present, samples, -1), axis=0)
    before = np.vstack([np.full((1, best.shape[1]), -1), last[:-1]])
    known = present & (before >= 0)
    return np.where(known, best - np.take_along_axis(best, np.maximum(before, 0), axis=0), 0)

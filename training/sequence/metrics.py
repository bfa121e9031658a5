"""Figures of video verdicts: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakecheck.calibration import recall_at
from fakecheck.types import Floats, Span
from fakecheck_training.curves import (
    Interval,
    Names,
    auc_draws,
    auc_interval,
    calibration_error,
    reliability,
)

FALSE_ALARM_RATE = 0.05


@dataclass(frozen=True)
class Accuracy:
    """What a way to judge videos reaches on some of them; `low` and `high` bound the AUC.

    `accuracy` is the share that falls on the right side of one half, forged and real weighing
    alike; `recall` that of forged videos over what 5 % of real ones exceed; `error` the expected
    calibration error. The last three need probabilities.
    """

    auc: float
    low: float
    high: float
    recall: float
    accuracy: float
    error: float


@dataclass(frozen=True)
class Floor:
    """`mean` and 95th percentile `high` of the calibration error of a perfect score.

    Of so many `forged` and `real` videos.
    """

    mean: float
    high: float
    forged: int
    real: int


def probability(llr: Floats) -> Floats:
    """Natural log-likelihood ratios → probabilities under even odds."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(llr, np.float64))), np.float64)


def accuracy_of(values: Floats, fake: NDArray[np.bool_], groups: Names) -> Accuracy:
    """`values` (n,) are probabilities in 0..1, `fake` (n,) the truth."""
    names = np.asarray(groups)
    area, low, high = auc_interval(values[fake], values[~fake], names[fake], names[~fake])
    right = (values > 0.5) == fake
    return Accuracy(
        area,
        low,
        high,
        recall_at(values[fake], values[~fake], FALSE_ALARM_RATE),
        float((right[fake].mean() + right[~fake].mean()) / 2),
        calibration_error(reliability(values, fake)),
    )


def auc_difference(
    first: Floats, second: Floats, fake: NDArray[np.bool_], groups: Names
) -> Interval:
    """By how much the AUC of `first` (n,) is over that of `second`, with its 95 % interval.

    The bootstrap is paired: each sample of groups is drawn once, for both (Efron and Tibshirani
    1993, chapter 8). What the two share of the videos' luck falls out.
    """
    names = np.asarray(groups)
    (one, ones), (other, others) = (
        auc_draws(values[fake], values[~fake], names[fake], names[~fake])
        for values in (first, second)
    )
    low, high = np.percentile(ones - others, [2.5, 97.5])
    return one - other, float(low), float(high)


def overlap(spans: Sequence[Span], forged: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Recall and precision in seconds: of the forged time that is reported, of the reported."""
    shared = sum(
        max(0.0, min(span.end, end) - max(span.start, start))
        for span in spans
        for start, end in forged
    )
    truth = sum(end - start for start, end in forged)
    said = sum(span.end - span.start for span in spans)
    return shared / truth if truth else 0.0, shared / said if said else 0.0


def intersection_over_union(recall: float, precision: float) -> float:
    """IoU from recall and precision of the same spans."""
    if recall <= 0 or precision <= 0:
        return 0.0
    return 1 / (1 / recall + 1 / precision - 1)

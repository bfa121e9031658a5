"""Figures of video verdicts: arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakecheck.calibration import auc, recall_at
from fakecheck.types import Floats, Span

BINS = 10
BOOTSTRAPS = 1000
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


def probability(llr: Floats) -> Floats:
    """Natural log-likelihood ratios → probabilities under even odds."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(llr, np.float64))), np.float64)


def accuracy_of(values: Floats, fake: NDArray[np.bool_], groups: Sequence[str]) -> Accuracy:
    """`values` (n,) are probabilities in 0..1, `fake` (n,) the truth."""
    low, high = auc_interval(values, fake, groups)
    right = (values > 0.5) == fake
    return Accuracy(
        auc(values[fake], values[~fake]),
        low,
        high,
        recall_at(values[fake], values[~fake], FALSE_ALARM_RATE),
        float((right[fake].mean() + right[~fake].mean()) / 2),
        expected_calibration_error(values, fake),
    )


def auc_interval(
    values: Floats, fake: NDArray[np.bool_], groups: Sequence[str], seed: int = 0
) -> tuple[float, float]:
    """95 % interval of the ROC AUC by bootstrap over groups."""
    rng = np.random.default_rng(seed)
    names = sorted(set(groups))
    index = {name: number for number, name in enumerate(names)}
    member = np.array([index[group] for group in groups])
    rows = [np.flatnonzero(member == number) for number in range(len(names))]
    drawn = []
    for _ in range(BOOTSTRAPS):
        chosen = np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))])
        truth = fake[chosen]
        if truth.any() and not truth.all():
            drawn.append(auc(values[chosen][truth], values[chosen][~truth]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def expected_calibration_error(values: Floats, fake: NDArray[np.bool_]) -> float:
    """How far probabilities (n,) lie from what they come to, over ten bins of equal width.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning",
    2015; with forged and real weighing alike, as even odds beforehand ask for.
    """
    weight = np.where(fake, 0.5 / max(fake.sum(), 1), 0.5 / max((~fake).sum(), 1))
    bins = np.minimum((np.asarray(values) * BINS).astype(int), BINS - 1)
    total = 0.0
    for number in range(BINS):
        mine = bins == number
        share = weight[mine].sum()
        if share > 0:
            said = (weight[mine] * values[mine]).sum() / share
            came = weight[mine & fake].sum() / share
            total += share * abs(said - came)
    return float(total)


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

"""ROC AUC with its interval, average precision, and how far a probability means what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakecheck.types import Floats

BOOTSTRAPS = 1000
BINS = 15
# False alarm rates at which pages count what is called fake.
RATES = (0.005, 0.01, 0.02, 0.05)
Interval = tuple[float, float, float]
"""A value and the ends of its 95 % interval."""


def auc_interval(
    fake: Floats,
    real: Floats,
    fake_groups: Sequence[str],
    real_groups: Sequence[str],
    seed: int = 0,
) -> Interval:
    """ROC AUC of fakes (n,) against reals (m,) with its 95 % interval by bootstrap over groups."""
    area, drawn = auc_draws(fake, real, fake_groups, real_groups, seed)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return area, float(low), float(high)


def auc_draws(
    fake: Floats,
    real: Floats,
    fake_groups: Sequence[str],
    real_groups: Sequence[str],
    seed: int = 0,
) -> tuple[float, Floats]:
    """ROC AUC of values of fakes (n,) against reals (m,), and (BOOTSTRAPS,) those of drawn samples.

    Groups of fakes and of reals are drawn apart, with replacement (Efron and Tibshirani 1993,
    chapter 8). The AUC is the share of pairs in which the fake is higher (Mann and Whitney 1947),
    so that of a drawn sample follows from the sums over pairs of groups. Of the same groups and
    seed the same samples are drawn, whatever the values.
    """
    fake_of, fake_count = _indices(fake_groups)
    real_of, real_count = _indices(real_groups)
    higher = (fake[:, None] > real).astype(np.float32) + 0.5 * (fake[:, None] == real)
    by_fake = np.zeros((len(fake_count), len(real)), np.float32)
    np.add.at(by_fake, fake_of, higher)
    wins = np.zeros((len(real_count), len(fake_count)), np.float32)
    np.add.at(wins, real_of, by_fake.T)
    rng = np.random.default_rng(seed)
    fakes, reals = (
        rng.multinomial(n, np.full(n, 1 / n), BOOTSTRAPS).astype(np.float32)
        for n in (len(fake_count), len(real_count))
    )
    drawn = ((reals @ wins) * fakes).sum(axis=1) / ((fakes @ fake_count) * (reals @ real_count))
    return float(higher.mean(dtype=np.float64)), drawn


def _indices(groups: Sequence[str]) -> tuple[NDArray[np.int64], Floats]:
    """The number of each one's group, and the size of every group."""
    _, index, count = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return index, count.astype(np.float32)


def average_precision(scores: Floats, hits: NDArray[np.bool_], wanted: int) -> float:
    """The area under the curve of precision and recall (Everingham et al. 2010, VOC 2010's).

    `scores` (n,) of the boxes found, `hits` (n,) which of them are right, `wanted` how many were to
    be found. Precision counts as the best at any higher recall.
    """
    right = np.cumsum(hits[np.argsort(-scores, kind="stable")])
    precision = right / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    gained = np.diff(right, prepend=0) / wanted
    return float((best * gained).sum())


@dataclass(frozen=True)
class Bin:
    """The pictures whose probability lies in `low` to `high`.

    `fake` is the share of fakes among them, at even odds; `mean` their mean probability, `weight`
    the share of all pictures, both likewise.
    """

    low: float
    high: float
    pictures: int
    mean: float
    fake: float
    weight: float


def reliability(probability: Floats, fake: NDArray[np.bool_], even: bool = True) -> list[Bin]:
    """BINS bins of equal width; empty ones are left out.

    With `even`, fakes weigh together as much as reals: the odds that the probability assumes.
    """
    weight = np.ones(len(fake))
    if even:
        weight = np.where(fake, 0.5 / max(fake.sum(), 1), 0.5 / max((~fake).sum(), 1))
    weight /= weight.sum()
    number = np.minimum((probability * BINS).astype(int), BINS - 1)
    bins = []
    for n in range(BINS):
        mine = number == n
        total = float(weight[mine].sum())
        if mine.any():
            bins.append(
                Bin(
                    low=n / BINS,
                    high=(n + 1) / BINS,
                    pictures=int(mine.sum()),
                    mean=float((weight * probability)[mine].sum() / total),
                    fake=float(weight[mine & fake].sum() / total),
                    weight=total,
                )
            )
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017): mean distance, weighted."""
    return sum(one.weight * abs(one.fake - one.mean) for one in bins)

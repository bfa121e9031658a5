"""ROC AUC and recall with intervals, average precision, and how honest a probability is.

Intervals are of 95 %, by bootstrap over groups: these are drawn with replacement (Efron and
Tibshirani 1993, chapter 8), each with all of its fakes and reals, since a clip and its forgery are
one witness. A draw is a row of a matrix and a group a column, so that a thousand take no loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakecheck.calibration import auc, recall_at
from fakecheck.types import Floats

BINS = 15
# False alarm rates at which pages count what is called fake.
RATES = (0.005, 0.01, 0.02, 0.05)
BOOTSTRAPS = 1000
# Perfectly calibrated samples that an error of calibration is held against.
SIMULATIONS = 1000
# With fewer groups on a side an interval holds the truth far less often than in 95 of 100 cases.
FEW = 20
Names = Sequence[str] | NDArray[np.str_]
Numbers = NDArray[np.floating]
Interval = tuple[float, float, float]
"""A value and the ends of its 95 % interval; NaN where there are too few groups to tell."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Which groups were drawn how often: `fakes` (draws, groups with fakes), `reals` likewise.

    `fake_of` (n,) and `real_of` (m,) are each one's column. Draws without a fake or without a real
    are left out.
    """

    fakes: Floats
    reals: Floats
    fake_of: NDArray[np.int64]
    real_of: NDArray[np.int64]


def draw(fake_groups: Names, real_groups: Names, seed: int) -> Drawn:
    """BOOTSTRAPS draws of all groups; the same ones for the same seed and groups."""
    fake_names, fake_of = np.unique(np.asarray(fake_groups), return_inverse=True)
    real_names, real_of = np.unique(np.asarray(real_groups), return_inverse=True)
    names = np.union1d(fake_names, real_names)
    size = len(names)
    picked = np.random.default_rng(seed).integers(size, size=(BOOTSTRAPS, size))
    # A draw's groups are counted in columns of its own: far faster than drawing multinomially.
    picked += size * np.arange(BOOTSTRAPS)[:, None]
    times = np.bincount(picked.ravel(), minlength=BOOTSTRAPS * size).reshape(BOOTSTRAPS, size)
    fakes = times[:, np.searchsorted(names, fake_names)].astype(np.float32)
    reals = times[:, np.searchsorted(names, real_names)].astype(np.float32)
    whole = fakes.any(axis=1) & reals.any(axis=1)
    return Drawn(fakes[whole], reals[whole], fake_of, real_of)


def auc_interval(
    fake: Numbers,
    real: Numbers,
    fake_groups: Names,
    real_groups: Names,
    seed: int = 0,
) -> Interval:
    """ROC AUC of values of fakes (n,) against reals (m,)."""
    return _ends(*auc_draws(fake, real, fake_groups, real_groups, seed))


def auc_draws(
    fake: Numbers,
    real: Numbers,
    fake_groups: Names,
    real_groups: Names,
    seed: int = 0,
) -> tuple[float, Floats]:
    """ROC AUC of values of fakes (n,) against reals (m,), and those of the samples drawn.

    The AUC is the share of pairs in which the fake is higher (Mann and Whitney 1947), so that of a
    drawn sample follows from the sums over pairs of groups. Of the same groups and seed the same
    samples are drawn, whatever the values.
    """
    drawn = draw(fake_groups, real_groups, seed)
    higher = (fake[:, None] > real).astype(np.float32) + 0.5 * (fake[:, None] == real)
    wins = _by_group(_by_group(higher, drawn.fake_of).T, drawn.real_of)
    pairs = _size(drawn.fakes, drawn.fake_of) * _size(drawn.reals, drawn.real_of)
    return auc(fake, real), ((drawn.reals @ wins) * drawn.fakes).sum(axis=1) / pairs


def recall_interval(
    fake: Numbers,
    real: Numbers,
    fake_groups: Names,
    real_groups: Names,
    rate: float,
    seed: int = 0,
) -> Interval:
    """The share of fakes (n,) over the value that at most a share `rate` of reals (m,) exceeds.

    That value is found anew in each draw, among the reals drawn: `calibration.recall_at` of it.
    """
    drawn = draw(fake_groups, real_groups, seed)
    levels, level_of = np.unique(real, return_inverse=True)
    at_level = np.zeros((drawn.reals.shape[1], len(levels)), np.float32)
    np.add.at(at_level, (drawn.real_of, level_of), 1)
    upto = np.cumsum(drawn.reals @ at_level, axis=1)
    reals = upto[:, -1:]
    # Of n reals (n - 1) * rate, rounded down, may lie above NumPy's quantile of method "higher".
    threshold = np.argmax(reals - upto <= (reals - 1) * rate + 1e-6, axis=1)
    over = _by_group((fake[:, None] > levels).astype(np.float32), drawn.fake_of)
    found = (drawn.fakes * over.T[threshold]).sum(axis=1)
    return _ends(recall_at(fake, real, rate), found / _size(drawn.fakes, drawn.fake_of))


def share_interval(hits: NDArray[np.bool_], groups: Names, seed: int = 0) -> Interval:
    """The share of `hits` (n,) that are true.

    Where none is or all are, every draw says the same: there the other end is the share that so
    many groups would hide in one of forty cases (Hanley and Lippman-Hand 1983).
    """
    hidden = 1 - 0.025 ** (1 / len(set(groups)))
    if not hits.any():
        return 0.0, 0.0, hidden
    if hits.all():
        return 1.0, 1 - hidden, 1.0
    drawn = draw(groups, groups, seed)
    by_group = _by_group(hits[:, None].astype(np.float32), drawn.fake_of)[:, 0]
    shares = (drawn.fakes @ by_group) / _size(drawn.fakes, drawn.fake_of)
    return _ends(float(hits.mean()), shares)


def if_enough(value: Interval, *sides: Names) -> Interval:
    """`value`, without its ends where a side has fewer than FEW groups."""
    if min(len(set(groups)) for groups in sides) < FEW:
        return value[0], np.nan, np.nan
    return value


def _by_group(rows: Floats, group_of: NDArray[np.int64]) -> Floats:
    """(n, columns) → (groups, columns): the sum of each group's rows."""
    order = np.argsort(group_of, kind="stable")
    starts = np.flatnonzero(np.diff(group_of[order], prepend=-1))
    return np.add.reduceat(rows[order], starts, axis=0)


def _size(times: Floats, group_of: NDArray[np.int64]) -> Floats:
    """(draws,) how many pictures were drawn."""
    return times @ np.bincount(group_of).astype(np.float32)


def _ends(value: float, drawn: Floats) -> Interval:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return value, float(low), float(high)


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
    number = _bin_of(probability)
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


def error_by_chance(
    probability: Floats, fake: NDArray[np.bool_], seed: int = 0
) -> tuple[float, float]:
    """What error a perfectly calibrated probability of such a sample shows: mean, 95th percentile.

    Bins of few pictures are off by chance, so that an error is never 0 (Bröcker and Smith 2007).
    As many fakes and reals as in `fake` (n,) are drawn from the values of `probability` (n,), a
    fake as often as the value says; values are shifted first so that they do so at even odds.
    """
    weight = np.where(fake, 0.5 / fake.sum(), 0.5 / (~fake).sum())
    of_fakes, of_reals = weight * probability, weight * (1 - probability)
    of_fakes, of_reals = of_fakes / of_fakes.sum(), of_reals / of_reals.sum()
    shifted = of_fakes / (of_fakes + of_reals)
    rng = np.random.default_rng(seed)
    number = _bin_of(shifted)
    gaps = np.zeros((SIMULATIONS, BINS))
    # What a picture adds to its bin: its weight times the distance from truth to probability.
    for truth, share in ((1, of_fakes), (0, of_reals)):
        count = int((fake == truth).sum())
        drawn = rng.choice(len(shifted), (SIMULATIONS, count), p=share)
        cell = number[drawn] + BINS * np.arange(SIMULATIONS)[:, None]
        gap = (truth - shifted[drawn]) / (2 * count)
        gaps += np.bincount(cell.ravel(), gap.ravel(), gaps.size).reshape(gaps.shape)
    errors = np.abs(gaps).sum(axis=1)
    return float(errors.mean()), float(np.percentile(errors, 95))


def _bin_of(probability: Floats) -> NDArray[np.int64]:
    return np.minimum((probability * BINS).astype(np.int64), BINS - 1)

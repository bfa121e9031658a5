"""How far the verdict's probability is off, set by set, beside what chance alone would do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakecheck.types import Floats
from fakecheck_training.accuracy.judging import Judged
from fakecheck_training.accuracy.rows import families_of_sets, is_fake
from fakecheck_training.curves import FEW, calibration_error, error_by_chance, reliability


@dataclass(frozen=True)
class CalibrationError:
    """The expected calibration error of `fakes` against `reals`, at even odds.

    `chance` is what a perfectly calibrated probability of as many shows: mean, 95th percentile.
    """

    name: str
    fakes: int
    reals: int
    error: float
    chance: tuple[float, float]


def judged_ones(
    judged: Sequence[Judged], fakes: Collection[str] | None, reals: Collection[str] | None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Probabilities (n,), and which are of fakes (n,): of the sets named, None for all.

    Those with nothing to judge have no probability and are left out.
    """
    chosen = []
    for one in judged:
        sets = fakes if one.sample.fake else reals
        if one.judged and (sets is None or one.sample.dataset in sets):
            chosen.append(one)
    probability = np.array([one.probability for one in chosen], np.float32)
    return probability, is_fake([one.sample for one in chosen])


def error_of(name: str, probability: Floats, fake: NDArray[np.bool_]) -> CalibrationError:
    """A row called `name`; both are (n,)."""
    return CalibrationError(
        name=name,
        fakes=int(fake.sum()),
        reals=int((~fake).sum()),
        error=calibration_error(reliability(probability, fake)),
        chance=error_by_chance(probability, fake),
    )


def errors_of_sets(judged: Sequence[Judged]) -> list[CalibrationError]:
    """A row a set that has FEW fakes and as many reals of its own."""
    rows = []
    for name in families_of_sets([one.sample for one in judged]):
        probability, fake = judged_ones(judged, {name}, {name})
        if min(fake.sum(), (~fake).sum()) >= FEW:
            rows.append(error_of(name, probability, fake))
    return rows

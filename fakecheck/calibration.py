"""Calibration and accuracy figures from scores: arrays in, numbers out.

Evidence of a class on a face is its best score s; its log-likelihood ratio is
`clip(slope * logit(s) + intercept, min_llr, max_llr)`, by the runtime's own function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck.card import Calibration
from fakecheck.detector import EPSILON, Calibrations, log_likelihood_ratio, log_mean_exp
from fakecheck.errors import CardError
from fakecheck.types import Floats

# The rates of a card's table of false alarms.
FALSE_ALARM_RATES = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
# What an uncalibrated detector may say: nothing. No score exceeds the threshold.
SILENT = {"slope": 1.0, "intercept": 0.0, "min_llr": 0.0, "max_llr": 0.0}
_SILENT_THRESHOLD = 1.0
# The share of reals over the threshold that a card states for a class.
FIRING_RATE = 0.01
# So weak a penalty on the slope that it matters only where a line parts the two wholly: half the
# slope's square against this times the summed loss.
WEAKNESS = 1e4
MAX_STEPS = 200
# Of the gradient of the mean loss: far under what moves the fifth digit of a slope.
PRECISION = 1e-9


def fit_calibration(
    fake: Floats,
    real: Floats,
    fake_groups: int,
    real_groups: int,
    weights: tuple[Floats, Floats] | None = None,
) -> Calibration:
    """Logistic calibration (Platt 1999; Brümmer and du Preez 2006) of scores (n,) and (m,).

    Fakes and reals weigh 50:50, so that the fitted log-odds are a log-likelihood ratio; within each
    side all weigh the same, or as `weights` (n,) and (m,) say. The bounds
    are those that so many independent groups support: a ratio above m + 1 would claim that fewer
    than one in m + 1 reals score so high, of which m reals can be no witness; the argument is that
    of empirical lower and upper bounds (Vergeer et al. 2016), in its simplest form.

    Raises CardError where one side is empty or the fakes score no higher than the reals.
    """
    if not (len(fake) and len(real)):
        raise CardError(
            f"there are {len(fake)} scores of fakes and {len(real)} of reals: both are needed"
        )
    sides = weights or (np.ones(len(fake)), np.ones(len(real)))
    slope, intercept = _fit_line(_logit(fake), _logit(real), *sides)
    if slope <= 0:
        raise CardError(
            "the detector's scores are no higher for fakes than for reals: it cannot be calibrated"
        )
    return Calibration(
        slope=round(slope, 5),
        intercept=round(intercept, 5),
        min_llr=round(-math.log(fake_groups + 1), 4),
        max_llr=round(math.log(real_groups + 1), 4),
    )


def silent_fields(names: Sequence[str]) -> dict[str, Any]:
    """The card's fields that are fitted, as those of a detector are that says nothing yet.

    `names` are its classes, in the order of their ids.
    """
    return {
        "classes": [
            {
                "id": number,
                "name": name,
                "calibration": dict(SILENT),
                "threshold": _SILENT_THRESHOLD,
            }
            for number, name in enumerate(names, 1)
        ],
        "false_alarm_llr": dict.fromkeys(FALSE_ALARM_RATES, 0.0),
    }


def detector_llr(scores: Floats, calibrations: Sequence[Calibration]) -> Floats:
    """Best scores (n, classes) → (n,) log-likelihood ratios of the detector, as at run time."""
    ratios = log_likelihood_ratio(scores, Calibrations.of(calibrations))
    return np.asarray(log_mean_exp(ratios, axis=1), np.float32)


def false_alarm_table(llr: Floats, witnesses: int) -> dict[float, float]:
    """Rate → the ratio that this share of real faces exceeds, of their ratios `llr` (n,).

    Rates of which so many independent `witnesses` show less than one are left out: beyond the
    rarest rate of a card's table the verdict assumes how it falls (`alarms.log_false_alarm_rate`).

    Raises CardError where less than two rates are left, which is too few for a card.
    """
    rates = [rate for rate in FALSE_ALARM_RATES if rate * witnesses >= 1]
    if len(rates) < 2:
        raise CardError(
            f"{witnesses} independent real faces are too few for a table of false alarms: "
            f"{math.ceil(1 / FALSE_ALARM_RATES[1])} are the least, hundreds are wanted"
        )
    return {rate: round(exceeded_by(llr, rate), 4) for rate in rates}


def exceeded_by(values: Floats, rate: float) -> float:
    """The value that a share `rate` of `values` (n,) exceeds."""
    return float(np.quantile(values, 1 - rate))


def auc(fake: NDArray[np.floating], real: NDArray[np.floating]) -> float:
    """ROC AUC of values of fakes (n,) against those of reals (m,).

    The share of pairs in which the fake has the higher value, of equal ones a half (Mann and
    Whitney 1947).
    """
    order = np.sort(np.asarray(real))
    below = np.searchsorted(order, fake, "left") + np.searchsorted(order, fake, "right")
    return float(below.sum() / (2 * len(fake) * len(real)))


def recall_at(fake: Floats, real: Floats, rate: float = 0.01) -> float:
    """The share of fakes over the value that at most a share `rate` of the reals exceeds.

    That value is one of the reals': between two of them more than that share could lie above it.
    """
    return float((fake > np.quantile(real, 1 - rate, method="higher")).mean())


def _logit(scores: Floats) -> NDArray[np.float64]:
    clipped = np.clip(np.asarray(scores, np.float64), EPSILON, 1 - EPSILON)
    return np.log(clipped / (1 - clipped))


def _fit_line(
    fake: NDArray[np.float64],
    real: NDArray[np.float64],
    fake_weights: NDArray[np.floating],
    real_weights: NDArray[np.floating],
) -> tuple[float, float]:
    """Slope and intercept of the log-odds of fake at logits (n,) and (m,), by Newton's method.

    Where all logits are equal the slope is 0.
    """
    x = np.concatenate([fake, real])
    signs = np.concatenate([np.ones(len(fake)), -np.ones(len(real))])
    weights = np.concatenate([side / side.sum() / 2 for side in (fake_weights, real_weights)])
    if np.ptp(x) == 0:
        return 0.0, 0.0
    # Of columns centred and of unit spread the steps are well conditioned whatever the scores are.
    centre, spread = x.mean(), x.std()
    columns = np.stack([(x - centre) / spread, np.ones_like(x)], axis=1)
    penalty = np.array([1 / (WEAKNESS * len(x) * spread**2), 0.0])

    def loss(line: NDArray[np.float64]) -> float:
        margins = np.logaddexp(0, -signs * (columns @ line))
        return float(weights @ margins + 0.5 * penalty @ line**2)

    line = np.zeros(2)
    for _ in range(MAX_STEPS):
        # Past 40 exp has no effect in float64, and past 700 it overflows.
        missed = 1 / (1 + np.exp(np.clip(signs * (columns @ line), -40, 40)))
        gradient = -columns.T @ (weights * signs * missed) + penalty * line
        if np.abs(gradient).max() < PRECISION:
            break
        curvature = (columns.T * (weights * missed * (1 - missed))) @ columns + np.diag(penalty)
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        before, share = loss(line), 1.0
        # Halved until it does not climb: a full step can overshoot where the classes lie apart.
        while loss(line - share * step) > before and share > 1e-6:
            share /= 2
        line = line - share * step
    slope = line[0] / spread
    return float(slope), float(line[1] - slope * centre)

"""Calibration and accuracy figures from scores: arrays in, numbers out.

Evidence of a class on a face is its best score s; its log-likelihood ratio is
`clip(slope * logit(s) + intercept, min_llr, max_llr)`, by the runtime's own function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from fakecheck.card import Calibration
from fakecheck.detector import EPSILON, log_likelihood_ratio, log_mean_exp
from fakecheck.errors import CardError
from fakecheck.types import Floats


def fit_calibration(fake: Floats, real: Floats, fake_groups: int, real_groups: int) -> Calibration:
    """Logistic calibration (Platt 1999; Brümmer and du Preez 2006) of scores (n,) and (m,).

    Fakes and reals weigh 50:50, so that the fitted log-odds are a log-likelihood ratio. The bounds
    are those that so many independent groups support: a ratio above m + 1 would claim that fewer
    than one in m + 1 reals score so high, of which m reals can be no witness; the argument is that
    of empirical lower and upper bounds (Vergeer et al. 2016), in its simplest form.
    """
    scores = np.concatenate([fake, real]).astype(np.float64)
    logits = _logit(scores)[:, None]
    labels = np.concatenate([np.ones(len(fake)), np.zeros(len(real))])
    # So weak a penalty that it matters only where a line parts the two wholly.
    model = LogisticRegression(C=1e4, class_weight="balanced").fit(logits, labels)
    slope = float(model.coef_[0, 0])
    if slope <= 0:
        raise CardError(
            "the detector's scores are no higher for fakes than for reals: it cannot be calibrated"
        )
    return Calibration(
        slope=round(slope, 5),
        intercept=round(float(model.intercept_[0]), 5),
        min_llr=round(-math.log(fake_groups + 1), 4),
        max_llr=round(math.log(real_groups + 1), 4),
    )


def detector_llr(scores: Floats, calibrations: Sequence[Calibration]) -> Floats:
    """Best scores (n, classes) → (n,) log-likelihood ratios of the detector, as at run time."""
    ratios = [log_likelihood_ratio(scores[:, i], c) for i, c in enumerate(calibrations)]
    return np.asarray(log_mean_exp(np.stack(ratios, axis=1), axis=1), np.float32)


def exceeded_by(values: Floats, rate: float) -> float:
    """The value that a share `rate` of `values` (n,) exceeds."""
    return float(np.quantile(values, 1 - rate))


def auc(fake: Floats, real: Floats) -> float:
    """ROC AUC of values of fakes (n,) against those of reals (m,)."""
    labels = np.concatenate([np.ones(len(fake)), np.zeros(len(real))])
    return float(roc_auc_score(labels, np.concatenate([fake, real])))


def recall_at(fake: Floats, real: Floats, rate: float = 0.01) -> float:
    """The share of fakes over the value that a share `rate` of the reals exceeds."""
    return float((fake > exceeded_by(real, rate)).mean())


def _logit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    clipped = np.clip(scores, EPSILON, 1 - EPSILON)
    return np.log(clipped / (1 - clipped))

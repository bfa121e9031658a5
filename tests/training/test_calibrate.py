"""Calibration: known score distributions give the ratios that theory says."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn (pip install fakecheck[train])")

from fakecheck.calibration import (
    auc,
    detector_llr,
    exceeded_by,
    fit_calibration,
    recall_at,
)
from fakecheck.detector import log_likelihood_ratio
from fakecheck.errors import CardError


def _scores(mean: float, n: int, seed: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(mean, 1.0, n)
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def test_normal_logits_give_the_ratio_of_their_densities() -> None:
    # N(1, 1) against N(-2, 1): log ratio = 3 z + 1.5, whatever the numbers of each.
    found = fit_calibration(_scores(1, 20_000, 1), _scores(-2, 5_000, 2), 500, 500)
    assert found.slope == pytest.approx(3, abs=0.2)
    assert found.intercept == pytest.approx(1.5, abs=0.2)


def test_bounds_are_what_so_many_groups_can_witness() -> None:
    found = fit_calibration(_scores(1, 400, 1), _scores(-1, 900, 2), 40, 90)
    assert found.max_llr == pytest.approx(math.log(91), abs=1e-3)
    assert found.min_llr == pytest.approx(-math.log(41), abs=1e-3)
    extremes = log_likelihood_ratio(np.array([0.0, 1.0], np.float32), found)
    np.testing.assert_allclose(extremes, [found.min_llr, found.max_llr], rtol=1e-5)


def test_a_detector_that_knows_nothing_is_not_calibrated() -> None:
    with pytest.raises(CardError, match="cannot be calibrated"):
        fit_calibration(_scores(-1, 500, 1), _scores(1, 500, 2), 50, 50)


def test_one_silent_class_costs_the_other_its_share() -> None:
    spec = fit_calibration(_scores(2, 2000, 1), _scores(-2, 2000, 2), 1000, 1000)
    one = detector_llr(np.array([[0.9]], np.float32), [spec])
    both = detector_llr(np.array([[0.9, 0.0]], np.float32), [spec, spec])
    assert both[0] == pytest.approx(one[0] - math.log(2), abs=0.02)


def test_rates() -> None:
    values = np.arange(1000, dtype=np.float32)
    assert (values > exceeded_by(values, 0.01)).mean() == pytest.approx(0.01, abs=1e-3)
    assert recall_at(values + 500, values) == pytest.approx(0.51, abs=0.01)
    assert auc(values + 1000, values) == 1.0

"""The runtime's own fit and figures against scikit-learn's, and against theory."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fakecheck.calibration import auc, false_alarm_table, fit_calibration, recall_at
from fakecheck.errors import CardError


def scores_of(logits: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def drawn(case: str) -> tuple[np.ndarray, np.ndarray]:
    """Logits of fakes and of reals."""
    random = np.random.default_rng(0)
    if case == "normal":
        return random.normal(1, 1, 2000), random.normal(-2, 1, 500)
    if case == "few":
        return random.normal(1, 1, 30), random.normal(-1, 1, 40)
    if case == "uneven":
        return random.normal(0.5, 2, 30), random.normal(-3, 2, 4000)
    if case == "mostly silent":
        fake = np.where(random.random(300) < 0.5, -20, random.normal(1, 2, 300))
        return fake, np.where(random.random(500) < 0.9, -20, random.normal(-1, 2, 500))
    return random.normal(0.001, 0.001, 100), random.normal(-0.001, 0.001, 100)


@pytest.mark.parametrize("case", ["normal", "few", "uneven", "mostly silent", "narrow"])
def test_the_fit_is_that_of_scikit_learn(case):
    linear_model = pytest.importorskip("sklearn.linear_model")
    fake, real = (scores_of(logits) for logits in drawn(case))
    clipped = np.clip(np.concatenate([fake, real]).astype(float), 1e-6, 1 - 1e-6)
    model = linear_model.LogisticRegression(
        C=1e4, class_weight="balanced", tol=1e-10, max_iter=10_000, solver="newton-cholesky"
    ).fit(np.log(clipped / (1 - clipped))[:, None], np.repeat([1, 0], [len(fake), len(real)]))
    found = fit_calibration(fake, real, 50, 50)
    assert found.slope == pytest.approx(model.coef_[0, 0], rel=1e-3)
    assert found.intercept == pytest.approx(model.intercept_[0], abs=1e-3)


def test_weights_count_as_repetitions_do():
    fake, real = (scores_of(logits) for logits in drawn("few"))
    times = [np.random.default_rng(side).integers(1, 4, n) for side, n in ((0, 30), (1, 40))]
    weighted = fit_calibration(fake, real, 9, 9, (times[0].astype(float), times[1].astype(float)))
    repeated = fit_calibration(np.repeat(fake, times[0]), np.repeat(real, times[1]), 9, 9)
    # All but the penalty, which counts the scores.
    assert weighted.slope == pytest.approx(repeated.slope, rel=1e-3)
    assert weighted.intercept == pytest.approx(repeated.intercept, abs=1e-3)
    plain = fit_calibration(fake, real, 9, 9)
    assert abs(weighted.slope - plain.slope) > 0.01


def test_classes_that_a_line_parts_wholly_still_give_a_finite_slope():
    found = fit_calibration(scores_of(np.full(50, 6.0)), scores_of(np.full(50, -6.0)), 50, 50)
    assert 0 < found.slope < 10
    assert found.intercept == pytest.approx(0, abs=1e-2)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_score_that_never_changes_is_not_calibrated(value):
    same = np.full(30, value, np.float32)
    with pytest.raises(CardError, match="cannot be calibrated"):
        fit_calibration(same, same, 30, 30)


def test_the_area_is_that_of_scikit_learn_with_ties():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(1)
    fake, real = random.integers(2, 9, 300), random.integers(0, 7, 200)
    expected = metrics.roc_auc_score(np.repeat([1, 0], [300, 200]), np.concatenate([fake, real]))
    assert auc(fake, real) == pytest.approx(expected, abs=1e-12)
    assert auc(np.ones(3), np.ones(5)) == 0.5
    assert auc(np.ones(3), np.zeros(5)) == 1.0


def test_what_does_not_exceed_the_reals_recalls_nothing():
    silent = np.zeros(50, np.float32)
    assert recall_at(silent, silent) == 0.0
    real = np.linspace(0, 1, 101, dtype=np.float32)
    fake = np.array([0.5, 0.9, 0.95, 0.995], np.float32)
    assert recall_at(fake, real) == pytest.approx(0.25)
    assert recall_at(fake, real, 0.07) == pytest.approx(0.5)


def test_rates_that_no_witness_shows_are_left_out():
    llr = np.linspace(-5, 5, 1001, dtype=np.float32)
    assert set(false_alarm_table(llr, 1001)) == {0.1, 0.05, 0.02, 0.01, 0.005, 0.002}
    table = false_alarm_table(llr, 60)
    assert set(table) == {0.1, 0.05, 0.02}
    assert table[0.1] == pytest.approx(4.0, abs=1e-3)
    assert math.isclose(table[0.02], 4.8, abs_tol=1e-3)


def test_too_few_witnesses_make_no_table():
    assert set(false_alarm_table(np.zeros(20, np.float32), 20)) == {0.1, 0.05}
    with pytest.raises(CardError, match="19 independent real faces are too few"):
        false_alarm_table(np.zeros(20, np.float32), 19)


def test_one_side_alone_is_not_calibrated():
    scores = scores_of(np.linspace(-3, 3, 40))
    with pytest.raises(CardError, match="0 scores of fakes and 40 of reals"):
        fit_calibration(scores[:0], scores, 0, 40)

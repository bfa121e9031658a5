"""Intervals and calibration errors against known answers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.metrics import roc_auc_score

from fakecheck_training.curves import (
    auc_interval,
    average_precision,
    calibration_error,
    reliability,
)


def groups(count: int, each: int = 1) -> list[str]:
    return [f"g{n // each}" for n in range(count)]


def test_auc_is_that_of_scikit_learn_with_ties() -> None:
    rng = np.random.default_rng(0)
    fake = rng.integers(2, 9, 60).astype(np.float32)
    real = rng.integers(0, 7, 90).astype(np.float32)
    value, low, high = auc_interval(fake, real, groups(60, 3), groups(90))
    truth = np.repeat([1, 0], [60, 90])
    assert value == pytest.approx(roc_auc_score(truth, np.concatenate([fake, real])), abs=1e-6)
    assert low < value < high


def test_separate_scores_have_no_width() -> None:
    values = np.arange(10, dtype=np.float32)
    assert auc_interval(values + 20, values, groups(10), groups(10)) == (1.0, 1.0, 1.0)


def test_the_interval_is_drawn_over_groups_not_pictures() -> None:
    """A hundred copies of one lucky group say no more than one does."""
    fake = np.array([0.9] * 100 + [0.1], np.float32)
    real = np.full(30, 0.5, np.float32)
    few = auc_interval(fake, real, ["lucky"] * 100 + ["other"], groups(30))
    assert few[1:] == (0.0, 1.0)
    many = auc_interval(fake, real, groups(101), groups(30))
    assert many[2] - many[1] < 0.1


def test_nothing_to_judge_is_below_everything() -> None:
    fake = np.array([-np.inf, 1.0], np.float32)
    real = np.array([0.0, -np.inf], np.float32)
    assert auc_interval(fake, real, groups(2), groups(2))[0] == pytest.approx((0.5 + 2) / 4)


def test_a_probability_that_is_right_has_no_error() -> None:
    rng = np.random.default_rng(1)
    probability = rng.uniform(size=40_000).astype(np.float32)
    fake = rng.uniform(size=40_000) < probability
    bins = reliability(probability, fake)
    assert calibration_error(bins) < 0.01
    assert sum(one.weight for one in bins) == pytest.approx(1)
    assert sum(one.pictures for one in bins) == 40_000


def test_one_that_is_too_sure_has_the_distance_as_its_error() -> None:
    probability = np.full(100, 0.9, np.float32)
    fake = np.arange(100) < 50
    assert calibration_error(reliability(probability, fake)) == pytest.approx(0.4, abs=1e-6)


def test_fakes_and_reals_weigh_the_same_whatever_their_numbers() -> None:
    probability = np.full(110, 0.5, np.float32)
    fake = np.arange(110) < 10
    (even,) = reliability(probability, fake)
    assert even.fake == pytest.approx(0.5)
    (raw,) = reliability(probability, fake, even=False)
    assert raw.fake == pytest.approx(10 / 110)


def test_average_precision_of_a_known_curve() -> None:
    """Right, wrong, right, and one of three never found: 1/3 at 1, 1/3 at 2/3."""
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    hits = np.array([True, True, False])
    assert average_precision(scores, hits, 3) == pytest.approx(1 / 3 + 2 / 9)
    assert average_precision(scores[:0], hits[:0], 3) == 0.0
    assert average_precision(scores, np.array([True, True, True]), 3) == 1.0

"""Intervals and calibration errors against known answers."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.metrics import roc_auc_score

from fakecheck.calibration import auc, recall_at
from fakecheck_training.curves import (
    FEW,
    auc_interval,
    average_precision,
    calibration_error,
    draw,
    error_by_chance,
    if_enough,
    recall_interval,
    reliability,
    share_interval,
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


def test_intervals_are_those_of_samples_that_are_drawn_one_by_one() -> None:
    """Ties and groups with fakes and reals among them: the matrices against plain repeating."""
    rng = np.random.default_rng(3)
    fake = rng.integers(4, 30, 80).astype(np.float32)
    real = rng.integers(0, 25, 150).astype(np.float32)
    sides = groups(80, 2), [f"g{n // 3 + 20}" for n in range(150)]
    drawn = draw(*sides, seed=0)
    areas, recalls = [], []
    for fakes, reals in zip(drawn.fakes, drawn.reals, strict=True):
        one = np.repeat(fake, fakes[drawn.fake_of].astype(int))
        other = np.repeat(real, reals[drawn.real_of].astype(int))
        areas.append(auc(one, other))
        recalls.append(recall_at(one, other, 0.03))
    for found, value, slow in (
        (auc_interval(fake, real, *sides), auc(fake, real), areas),
        (recall_interval(fake, real, *sides, 0.03), recall_at(fake, real, 0.03), recalls),
    ):
        assert found == pytest.approx((value, *np.percentile(slow, [2.5, 97.5])), abs=1e-5)


def test_a_group_is_drawn_with_its_fakes_and_its_reals() -> None:
    sides = groups(30), groups(40)
    drawn = draw(*sides, seed=1)
    shared = [int(drawn.fake_of[n]) for n in range(30)], [int(drawn.real_of[n]) for n in range(30)]
    np.testing.assert_array_equal(drawn.fakes[:, shared[0]], drawn.reals[:, shared[1]])
    assert (drawn.fakes.sum(axis=1) + drawn.reals[:, drawn.real_of[30:]].sum(axis=1) == 40).all()
    assert drawn.fakes.any(axis=1).all()
    assert drawn.reals.any(axis=1).all()


def test_draws_without_a_fake_are_left_out() -> None:
    drawn = draw(["a"], ["b"], seed=0)
    assert 400 < len(drawn.fakes) < 600
    assert auc_interval(np.ones(1), np.zeros(1), ["a"], ["b"]) == (1.0, 1.0, 1.0)


def test_at_most_one_real_in_a_hundred_exceeds_what_recall_is_held_at() -> None:
    for count in (50, 100, 853, 1000):
        real = np.random.default_rng(count).normal(size=count).astype(np.float32)
        assert recall_at(real, real) <= 0.01
    # Eight of 853 lie above the ninth; between the two, where none of them lies, it would be nine.
    real = np.arange(853, dtype=np.float32)
    assert recall_at(real, real) == pytest.approx(8 / 853)


def test_under_twenty_groups_nothing_is_said_of_the_interval() -> None:
    assert if_enough((0.5, 0.4, 0.6), groups(FEW), groups(FEW)) == (0.5, 0.4, 0.6)
    for sides in ((groups(FEW - 1), groups(FEW)), (groups(FEW), groups(3 * FEW, 4))):
        value, low, high = if_enough((0.5, 0.4, 0.6), *sides)
        assert value == 0.5
        assert np.isnan([low, high]).all()


def test_a_share_is_bounded_as_the_binomial_would_have_it() -> None:
    hits = np.arange(1000) < 100
    value, low, high = share_interval(hits, groups(1000))
    assert value == 0.1
    assert (low, high) == pytest.approx((0.1 - 1.96 * 0.0095, 0.1 + 1.96 * 0.0095), abs=0.004)
    # In twos that are alike there are half as many witnesses.
    _, wide_low, wide_high = share_interval(hits, groups(1000, 2))
    assert wide_high - wide_low == pytest.approx(2**0.5 * (high - low), rel=0.15)


def test_a_share_of_none_or_all_is_no_certainty() -> None:
    none = np.zeros(100, bool)
    # None of a hundred: more than 3.6 % would show itself in 39 of 40 cases.
    assert share_interval(none, groups(100)) == (0, 0, pytest.approx(0.0362, abs=1e-4))
    assert share_interval(none, groups(100, 10))[2] > 0.3
    assert share_interval(~none, groups(100)) == (1, pytest.approx(0.9638, abs=1e-4), 1)


def test_few_pictures_show_more_error_by_chance_than_many() -> None:
    few, many = (
        error_by_chance(np.tile(np.linspace(0.01, 0.99, 20), n), np.arange(20 * n) % 2 == 0)
        for n in (5, 100)
    )
    assert 0 < many[0] < many[1] < few[0] < few[1] < 0.25
    assert many[1] < 0.05


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


@pytest.mark.parametrize(("fakes", "reals"), [(300, 200), (100, 20)])
def test_the_error_by_chance_is_that_of_perfectly_calibrated_samples(
    fakes: int, reals: int
) -> None:
    """Normal scores one apart have a ratio that is known: its errors, and what is said of one."""
    rng = np.random.default_rng(4)
    fake = np.arange(fakes + reals) < fakes
    samples = [
        (1 / (1 + np.exp(-rng.normal(np.where(fake, 0.5, -0.5))))).astype(np.float32)
        for _ in range(200)
    ]
    errors = [calibration_error(reliability(one, fake)) for one in samples]
    mean, most = error_by_chance(samples[0], fake)
    assert mean == pytest.approx(np.mean(errors), rel=0.1)
    assert most == pytest.approx(np.percentile(errors, 95), rel=0.1)
    # One that is too low everywhere is held against the same.
    low = samples[0] / (samples[0] + 5 * (1 - samples[0]))
    assert calibration_error(reliability(low, fake)) > 1.3 * most
    assert error_by_chance(low, fake) == pytest.approx((mean, most), rel=0.1)
    assert error_by_chance(low, fake) == error_by_chance(low, fake)


def test_average_precision_of_a_known_curve() -> None:
    """Right, wrong, right, and one of three never found: 1/3 at 1, 1/3 at 2/3."""
    scores = np.array([0.5, 0.9, 0.7], np.float32)
    hits = np.array([True, True, False])
    assert average_precision(scores, hits, 3) == pytest.approx(1 / 3 + 2 / 9)
    assert average_precision(scores[:0], hits[:0], 3) == 0.0
    assert average_precision(scores, np.array([True, True, True]), 3) == 1.0

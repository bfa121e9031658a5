"""Figures of video verdicts, and the calibration of held-back scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from bundles import make_card
from sequence_corpora import corpus, item

from fakecheck.types import Span
from fakecheck_training.curves import auc_draws, auc_interval
from fakecheck_training.sequence.metrics import (
    accuracy_of,
    auc_difference,
    intersection_over_union,
    overlap,
)


def test_overlap_is_in_seconds():
    spans = [Span(0.0, 2.0, 0), Span(5.0, 6.0, 0)]
    recall, precision = overlap(spans, [(1.0, 3.0)])
    assert (recall, precision) == (0.5, pytest.approx(1 / 3))
    # One second shared, four in all.
    assert intersection_over_union(recall, precision) == pytest.approx(0.25)
    assert intersection_over_union(*overlap([], [(1.0, 2.0)])) == 0


def test_accuracy_of_separate_scores_is_perfect():
    fake = np.arange(20) < 10
    found = accuracy_of(np.where(fake, 0.99, 0.01), fake, [f"g{n}" for n in range(20)])
    assert (found.auc, found.low, found.high, found.recall, found.accuracy) == (1, 1, 1, 1, 1)
    assert found.error == pytest.approx(0.01)


def test_a_difference_is_paired():
    rng = np.random.default_rng(0)
    fake = np.arange(200) < 100
    groups = [f"g{n}" for n in range(200)]
    values = rng.normal(fake * 1.0, 1.0)
    assert auc_difference(values, values * 2 + 1, fake, groups) == (0, 0, 0)
    better, low, high = auc_difference(values + 0.5 * fake, values, fake, groups)
    assert 0 < low < better < high
    worse = auc_difference(values, values + 0.5 * fake, fake, groups)
    assert worse == pytest.approx((-better, -high, -low))
    # Far narrower than what each AUC by itself varies by.
    area, least, most = auc_interval(values[fake], values[~fake], groups[:100], groups[100:])
    assert least < area < most
    assert high - low < most - least


def test_intervals_are_those_that_they_were():
    rng = np.random.default_rng(1)
    real = rng.normal(0, 1, 40)
    groups = [[f"g{n // 2}" for n in range(40)]] * 2
    area, drawn = auc_draws(real + 1, real, *groups)
    assert auc_interval(real + 1, real, *groups) == (area, *np.percentile(drawn, [2.5, 97.5]))


def test_what_the_card_gets_holds_on_the_scores_it_was_fitted_to(tmp_path):
    from fakecheck_training.sequence.calibrate import HeldBack, fit
    from fakecheck_training.sequence.recipe import load_sequence_recipe

    recipe = load_sequence_recipe(Path("sequence"))
    rng = np.random.default_rng(0)
    held_back = []
    for number in range(400):
        fake = number % 2 == 1
        labels = np.array([False, fake, fake])
        logits = rng.normal(np.where(labels, 1.5, -1.5), 1.0)
        score = 1 / (1 + np.exp(-logits.max() + 0.5))
        samples = (1 / (1 + np.exp(-logits))).astype(np.float32)
        one = item(number, fake, set=recipe.calibrate_on[0])
        held_back.append(HeldBack(one, float(score), samples, labels))
    unknown = item(999, True, set=recipe.calibrate_on[0], family="stylegan")
    held_back.append(HeldBack(unknown, 0.001, np.zeros(1, np.float32), np.ones(1, bool)))
    fitted = fit(recipe, held_back, {"stargan"})
    assert fitted["calibration"]["slope"] > 0
    assert fitted["false_alarm_llr"][0.1] < fitted["false_alarm_llr"][0.01]
    bands = fitted["bands"]
    assert 0 < bands["real_below"] <= 0.5
    assert 0.1 <= bands["forged_over"] <= 0.95


def test_the_limit_holds_for_groups_that_it_was_not_set_on():
    from fakecheck_training.sequence.calibrate import false_alarm_rows

    rng = np.random.default_rng(3)
    over: dict[float, list[float]] = {}
    for _ in range(300):
        # A hundred groups to set it by and one more, of one to eight sequences that are alike.
        groups = np.repeat(np.arange(101), rng.integers(1, 9, 101))
        llr = (rng.normal(0, 1, 101)[groups] + rng.normal(0, 0.1, len(groups))).astype(np.float32)
        known = groups < 100
        rows = false_alarm_rows(llr[known], groups[known].astype(str))
        for rate, limit in rows.items():
            over.setdefault(rate, []).append(float(np.mean(llr[~known] > limit)))
    # Rarer ones than one in a hundred groups cannot be told of.
    assert set(over) == {0.1, 0.05, 0.02, 0.01}
    for rate, shares in over.items():
        assert np.mean(shares) < rate + 2 * np.sqrt(rate / len(shares))
    assert np.mean(over[0.1]) > 0.05


def test_large_groups_weigh_no_more_than_small_ones():
    from fakecheck_training.sequence.calibrate import false_alarm_rows

    quiet, loud = np.arange(39.0), [90.0, 80.0]
    groups = [*(f"g{n}" for n in range(39)), "g39", "g40"]
    once = false_alarm_rows(np.array([*quiet, *loud]), groups)
    often = np.array([*quiet, *np.repeat(loud, 50)])
    assert false_alarm_rows(often, [*groups[:39], *["g39"] * 50, *["g40"] * 50]) == once
    # Of 41 groups 0.1 * 42 - 1 may be over it: three, and a part of a fourth that is one sequence.
    assert once == {0.1: 37.0, 0.05: 80.0}


def test_a_detector_that_is_taken_out_leaves_nothing(tmp_path):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    from fakecheck.observations import ClassTable
    from fakecheck_training.sequence.unseen import without

    cards = [make_card(tmp_path / "a", id="edit"), make_card(tmp_path / "b", id="swap")]
    table = ClassTable(cards)
    one = without(corpus(cards, 2)[1], table, 0)
    assert np.isnan(one.seen.llr[:, table.owner == 0]).all()
    assert not np.isnan(one.seen.llr[:, table.owner == 1]).any()
    assert (one.seen.count[:, table.owner == 0] == 0).all()


def test_at_higher_rates_of_false_alarms_more_is_called_fake(tmp_path):
    from sequence_samples import write_model

    from fakecheck.temporal import load_sequence_card
    from fakecheck_training.sequence.rates import RATES, at_rates

    # Its table: 10 % of reals exceed 0.5, 1 % exceed 2.
    card = load_sequence_card(write_model(tmp_path))
    over = [1 / (1 + np.exp(-llr)) for llr in (0.0, 1.2, 1.8, 2.1, 3.0)]
    (row,) = at_rates({"forged": over}, card)
    assert (row.name, row.clips, row.called) == ("forged", 5, (1, 2, 3, 4))
    assert row.intervals == ()
    groups = {"real": ["a", "a", "b", "c", "d"]}
    forged, real = at_rates({"forged": over, "real": over}, card, groups)
    assert (forged.intervals, real.called) == ((), row.called)
    for called, (low, high) in zip(real.called, real.intervals, strict=True):
        assert 0 <= low <= called / 5 <= high <= 1
    assert len(RATES) == 4

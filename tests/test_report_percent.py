"""Rounded numbers that agree with the verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakecheck.report.catalogue import Words
from fakecheck.report.percent import digits_of, limit_percent, percent
from fakecheck.types import FaceVerdict, Verdict


def verdict(probability: float | None, low: float | None, high: float | None) -> Verdict:
    return Verdict("inconclusive", probability, high, "", low)


@pytest.mark.parametrize(
    ("probability", "low", "high", "shown"),
    [
        (0.1383, 0.1385, 0.932, "13.8%"),
        (0.1384, 0.1385, 0.932, "13.8%"),
        (0.14, 0.1385, 0.932, "14%"),
        (0.497, 0.5, 0.9, "49.7%"),
        (0.93, None, 0.9273, "93%"),
        (0.926, 0.5, 0.9273, "92.6%"),
        (0.92685, 0.5, 0.9273, "92.69%"),
        # Not even with two digits, and no more are given.
        (0.927301, 0.5, 0.9273, "93%"),
        (0.927299, 0.5, 0.9273, "92.73%"),
        (0.31, None, None, "31%"),
        (0.998, 0.5, 0.9985, "over 99%"),
    ],
)
def test_as_many_digits_as_are_needed(
    probability: float, low: float | None, high: float | None, shown: str
) -> None:
    said = verdict(probability, low, high)
    assert percent(probability, digits_of(said)) == shown
    assert Words("en").percent(probability, digits_of(said)) == shown


def test_limits_have_a_digit_and_as_many_as_the_probability() -> None:
    assert [limit_percent(0.92745, digits) for digits in (0, 1, 2)] == ["92.7%", "92.7%", "92.75%"]
    assert Words("ko").threshold(0.92745, 2) == limit_percent(0.92745, 2)
    assert digits_of(verdict(0.9271, 0.5, 0.92745)) == 2
    assert digits_of(verdict(None, None, None)) == 0


def test_another_probability_is_held_against_the_same_limits() -> None:
    assert digits_of(verdict(0.96, 0.1385, 0.932), FaceVerdict(1, "real", 0.1383)) == 1


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.integers(0, 1))
def test_no_rounded_number_contradicts_the_verdict(
    probability: float, limit: float, least: int
) -> None:
    digits = digits_of(verdict(probability, None, limit), least=least)
    assert least <= digits <= 2
    shown = float(percent(probability, digits).strip("%"))
    shown_limit = float(limit_percent(limit, digits).strip("%"))
    if probability < limit:
        assert shown <= shown_limit
    if probability > limit:
        assert shown >= shown_limit
    if abs(probability - limit) > 1e-4:
        assert shown != shown_limit

"""How rarely real faces reach a likelihood ratio: the tables of false alarms on cards, read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from fakecheck.types import Floats


def false_alarm_rate(table: Mapping[float, float], llr: float) -> float:
    """The share of real faces whose log-likelihood ratio exceeds `llr`, from a card's `table`."""
    return float(np.exp(log_false_alarm_rate(table, np.array([llr], np.float32))[0]))


def log_false_alarm_rate(table: Mapping[float, float], llr: Floats) -> Floats:
    """Natural logarithms of false alarm rates for log-likelihood ratios of any shape.

    The table maps rates to ratios. Between its rows the logarithm of the rate is linear in the
    ratio. Beyond the rarest row measured the rate is taken to fall by exp(-llr), as the bound of
    Markov's inequality does. Tails of detectors with few loud reals are flatter than that: what is
    beyond the table rests on this assumption. Before the commonest row the rate stays.
    """
    rows = sorted(
        ((ratio, rate) for rate, ratio in table.items()), key=lambda row: (row[0], -row[1])
    )
    ratios, rates = zip(*rows, strict=True)
    within = np.interp(llr, ratios, np.log(rates))
    return np.asarray(within - np.maximum(llr - ratios[-1], 0), np.float32)

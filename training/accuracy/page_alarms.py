"""docs/accuracy.md: real pictures that are called fake, at the usual rate and at others."""

from __future__ import annotations

from collections.abc import Sequence

from fakecheck.verdict import rate_percent
from fakecheck_training.accuracy.rates import AtRate
from fakecheck_training.accuracy.results import Results
from fakecheck_training.accuracy.rows import Alarms
from fakecheck_training.accuracy.words import (
    STATE_TITLES,
    one_decimal,
    percent,
    percent_interval,
    real_title,
    title,
)
from fakecheck_training.markdown import table
from fakecheck_training.measured import STATES


def alarms_section(results: Results) -> str:
    """A row a set with reals."""
    rows = []
    for index, first in enumerate(results.fused["none"].alarms):
        cells = []
        for state in STATES:
            row = results.fused[state].alarms[index]
            cells.append(f"{row.fake}, {percent(row.inconclusive / row.reals)}")
        rows.append((real_title(first.dataset), first.reals, *cells))
    return "Real pictures called fake, and the share left inconclusive.\n\n" + table(
        ("reals of", "pictures", *(STATE_TITLES[state] for state in STATES)), rows
    )


def rates_section(found: Sequence[AtRate]) -> str:
    """A column a rate."""
    reals = found[0].alarms["none"].reals
    rows = [
        (title(row.dataset), row.fakes, *(percent(one.calls[i].called_fake) for one in found))
        for i, row in enumerate(found[0].calls)
    ]
    rows.append(("**all families**", "", *(percent(one.called_fake) for one in found)))
    for state in STATES:
        counts = (_count(one.alarms[state]) for one in found)
        rows.append((f"*reals, {STATE_TITLES[state]}*", reals, *counts))
        if state == "none":
            rows.append(("*95 % interval*", "", *(percent_interval(one.share) for one in found)))
    return (
        "What is called fake with `--false-alarm-rate`, undegraded; below, how many real pictures"
        " are, with the 95 % interval, by bootstrap over groups, of the share of undegraded ones."
        "\n\n" + table(("set", "pictures", *(_rate(one.rate) for one in found)), rows)
    )


def _count(alarms: Alarms) -> str:
    return f"{alarms.fake} ({one_decimal(alarms.fake / alarms.reals)})"


def _rate(rate: float) -> str:
    return rate_percent(rate).replace("%", " %")

"""How many clips are called fake at other rates of false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fakecheck.temporal import SequenceCard
from fakecheck.temporal_verdict import fake_over
from fakecheck.types import Floats
from fakecheck_training.curves import RATES, share_interval


@dataclass(frozen=True)
class AtRates:
    """Of the `clips` called `name` so many are `called` fake at each of RATES.

    `intervals` are the 95 % intervals of these shares, none where the groups are not known.
    """

    name: str
    clips: int
    called: tuple[int, ...]
    intervals: tuple[tuple[float, float], ...] = ()


def at_rates(
    values: Mapping[str, Sequence[float]],
    card: SequenceCard,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> list[AtRates]:
    """A row for each name; `values` are the probabilities of its clips, of one face each.

    Those that `groups` names get intervals, by the group of each clip.
    """
    limits = [fake_over([0.0], card, rate) for rate in RATES]
    rows = []
    for name, ones in values.items():
        called = [_floats(ones) > limit for limit in limits]
        mine = (groups or {}).get(name)
        intervals = [] if mine is None else [share_interval(one, mine)[1:] for one in called]
        counts = tuple(int(one.sum()) for one in called)
        rows.append(AtRates(name, len(ones), counts, tuple(intervals)))
    return rows


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, np.float32)

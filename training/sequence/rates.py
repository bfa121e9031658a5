"""How many clips are called fake at other rates of false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fakecheck.temporal import SequenceCard
from fakecheck.temporal_verdict import fake_over
from fakecheck.types import Floats
from fakecheck_training.curves import RATES


@dataclass(frozen=True)
class AtRates:
    """Of the `clips` called `name` so many are `called` fake at each of RATES."""

    name: str
    clips: int
    called: tuple[int, ...]


def at_rates(values: Mapping[str, Sequence[float]], card: SequenceCard) -> list[AtRates]:
    """A row for each name; `values` are the probabilities of its clips, of one face each."""
    limits = [fake_over([0.0], card, rate) for rate in RATES]
    return [
        AtRates(name, len(ones), tuple(int((_floats(ones) > limit).sum()) for limit in limits))
        for name, ones in values.items()
    ]


def _floats(values: Sequence[float]) -> Floats:
    return np.array(values, np.float32)

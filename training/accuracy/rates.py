"""What the verdict finds, and calls fake of real pictures, at other rates of false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fakecheck.card import DetectorCard
from fakecheck_training.accuracy.judging import judge_all
from fakecheck_training.accuracy.rows import Alarms, Calls, alarm_interval, calls, false_alarms
from fakecheck_training.curves import RATES, Interval
from fakecheck_training.measured import STATES, Shot, in_state


@dataclass(frozen=True)
class AtRate:
    """`calls` of undegraded fakes, a row a set, and `alarms` of all reals by state.

    `share` is that of undegraded reals called fake.
    """

    rate: float
    calls: list[Calls]
    alarms: dict[str, Alarms]
    share: Interval

    @property
    def called_fake(self) -> float:
        """The share of all fakes."""
        fakes = sum(row.fakes for row in self.calls)
        return sum(row.called_fake * row.fakes for row in self.calls) / fakes


def at_rates(shots: Sequence[Shot], cards: Sequence[DetectorCard]) -> list[AtRate]:
    """The figures at each of RATES, the rarest first."""
    found = []
    for rate in RATES:
        judged = {state: judge_all(in_state(shots, state), cards, rate) for state in STATES}
        alarms = {state: false_alarms(ones)[-1] for state, ones in judged.items()}
        plain = judged["none"]
        found.append(AtRate(rate, calls(plain, cards), alarms, alarm_interval(plain)))
    return found

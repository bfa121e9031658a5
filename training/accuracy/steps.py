"""The claim of plug-ins, measured: how the verdict grows as families are added one at a time.

The predecessor (Heo and Cho, "Deepfake detection model based on fake attributes shown in
images/videos", 2020) knew 14 attributes first, and then 17 families one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fakecheck.calibration import auc
from fakecheck.card import DetectorCard
from fakecheck_training.accuracy.judging import judge_all
from fakecheck_training.accuracy.rows import (
    alarm_interval,
    families_of_sets,
    is_fake,
    stands_for,
)
from fakecheck_training.curves import Interval
from fakecheck_training.data import Sample
from fakecheck_training.measured import Shot

ATTRIBUTES = "attributes alone"


@dataclass(frozen=True)
class Step:
    """The verdict with so many detectors: shares of all fakes and of all reals called fake.

    `alarms` of `reals` pictures are called fake; `share` is `false_alarms` with its interval. None
    of the three is known of what others report.
    """

    added: str
    detectors: int
    recall: float
    false_alarms: float
    auc: float
    alarms: int = 0
    reals: int = 0
    share: Interval | None = None


# What the predecessor reports before and after its families.
PREDECESSOR = (
    Step("14 attributes", 14, 0.02, 0.016, 0.02),
    Step("17 families", 35, 0.75, 0.001, 0.77),
)


def steps(shots: Sequence[Shot], cards: Sequence[DetectorCard]) -> list[Step]:
    """Detectors of no family of the pack first, together; then family after family, as given."""
    groups = in_steps(cards, [shot.sample for shot in shots])
    found, used = [], list[DetectorCard]()
    for name, members in groups:
        used += members
        judged = judge_all(shots, used)
        fake = is_fake([one.sample for one in judged])
        called = np.array([one.label == "fake" for one in judged])
        values = np.array([one.probability for one in judged], np.float32)
        found.append(
            Step(
                added=name,
                detectors=len(used),
                recall=float(called[fake].mean()),
                false_alarms=float(called[~fake].mean()),
                auc=auc(values[fake], values[~fake]),
                alarms=int(called[~fake].sum()),
                reals=int((~fake).sum()),
                share=alarm_interval(judged),
            )
        )
    return found


def in_steps(
    cards: Sequence[DetectorCard], samples: Sequence[Sample]
) -> list[tuple[str, list[DetectorCard]]]:
    """The detectors in the order in which they are added, with a name for each step."""
    there = set(families_of_sets(samples).values())
    by_family: dict[str, list[DetectorCard]] = {}
    for card in cards:
        known = bool(stands_for(card.family) & there)
        by_family.setdefault(card.family if known else ATTRIBUTES, []).append(card)
    first = by_family.pop(ATTRIBUTES, [])
    return ([(ATTRIBUTES, first)] if first else []) + list(by_family.items())

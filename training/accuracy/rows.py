"""What pages, cards and plots say of one score: a row a set of fakes, under one degradation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fakecheck.card import DetectorCard
from fakecheck.index import registry
from fakecheck.types import Floats
from fakecheck_training.accuracy.judging import Judged
from fakecheck_training.curves import (
    Interval,
    auc_interval,
    if_enough,
    recall_interval,
    share_interval,
)
from fakecheck_training.data import Sample

FALSE_ALARM_RATE = 0.01


@dataclass(frozen=True)
class Separation:
    """How one score tells a set's fakes from its own reals, and from the reals of all sets.

    `recalled` is the share of fakes over the value that at most 1 % of the reals of all sets
    exceed: a set's own reals are too few to say what one in a hundred of them does.
    """

    dataset: str
    fakes: int
    own_reals: int
    all_reals: int
    own: Interval | None
    pooled: Interval
    recalled: Interval

    @property
    def recall(self) -> float:
        """`recalled` without its interval."""
        return self.recalled[0]


@dataclass(frozen=True)
class Calls:
    """What the verdict said of a set's fakes, as shares of them.

    `family_named` is the share of those called fake whose family, or one that stands for it, came
    first; None where none was called fake. `known` says whether some detector stands for it.
    """

    dataset: str
    family: str
    known: bool
    fakes: int
    called_fake: float
    called_real: float
    not_judged: float
    family_named: float | None


@dataclass(frozen=True)
class Alarms:
    """Real pictures of a set: how many there are, are called fake, are left inconclusive."""

    dataset: str
    reals: int
    fake: int
    inconclusive: int


def family_of(sample: Sample) -> str:
    """The family a detector stands for: the pack calls DFDC's swaps after their set."""
    return "deepfakes" if sample.family == "dfdc" else sample.family


def stands_for(family: str) -> set[str]:
    """A family of a card and the families that it cannot tell apart (`families.yaml`)."""
    found = registry().families.get(family)
    return {family, *(found.members if found else ())}


def families_of_sets(samples: Sequence[Sample]) -> dict[str, str]:
    """Set → family of its fakes, in the order of the samples; sets of reals alone are left out."""
    return {sample.dataset: family_of(sample) for sample in samples if sample.fake}


def sets_of_card(card: DetectorCard, samples: Sequence[Sample]) -> list[str]:
    """The sets whose fakes this detector was made for."""
    mine = stands_for(card.family)
    return [name for name, family in families_of_sets(samples).items() if family in mine]


def groups_of(samples: Sequence[Sample]) -> NDArray[np.str_]:
    """(n,) what is drawn as one: all pictures of one kin, and flaws simulated on them."""
    return np.array([f"{sample.key.split('/')[0]}/{sample.kin}" for sample in samples])


def is_fake(samples: Sequence[Sample]) -> NDArray[np.bool_]:
    """(n,) which samples are fakes."""
    return np.array([sample.fake for sample in samples], bool)


def separation_of(
    name: str, samples: Sequence[Sample], values: Floats, sets: Collection[str]
) -> Separation:
    """A row called `name` for the fakes of `sets` together.

    `values` (n,) are the scores of `samples`, the higher the more fake.
    """
    mine = np.array([sample.dataset in sets for sample in samples])
    fake = is_fake(samples)
    groups = groups_of(samples)
    fakes, own = fake & mine, ~fake & mine

    def against(
        reals: NDArray[np.bool_], figure: Callable[..., Interval] = auc_interval
    ) -> Interval:
        names = groups[fakes], groups[reals]
        return if_enough(figure(values[fakes], values[reals], *names), *names)

    return Separation(
        dataset=name,
        fakes=int(fakes.sum()),
        own_reals=int(own.sum()),
        all_reals=int((~fake).sum()),
        own=against(own) if own.any() else None,
        pooled=against(~fake),
        recalled=against(~fake, partial(recall_interval, rate=FALSE_ALARM_RATE)),
    )


def separations(
    samples: Sequence[Sample], values: Floats, sets: Iterable[str] | None = None
) -> list[Separation]:
    """A row a set of fakes, of all of them or of `sets`."""
    names = families_of_sets(samples) if sets is None else sets
    return [separation_of(name, samples, values, {name}) for name in names]


def calls(judged: Sequence[Judged], cards: Sequence[DetectorCard]) -> list[Calls]:
    """What was said of each set's fakes."""
    known = set().union(*(stands_for(card.family) for card in cards))
    rows = []
    for name, family in families_of_sets([one.sample for one in judged]).items():
        fakes = [one for one in judged if one.sample.dataset == name and one.sample.fake]
        called = [one for one in fakes if one.label == "fake"]
        right = [one for one in called if family in stands_for(one.families[0])]
        rows.append(
            Calls(
                dataset=name,
                family=family,
                known=family in known,
                fakes=len(fakes),
                called_fake=len(called) / len(fakes),
                called_real=sum(one.label == "real" for one in fakes) / len(fakes),
                not_judged=sum(not one.judged for one in fakes) / len(fakes),
                family_named=len(right) / len(called) if called else None,
            )
        )
    return rows


def false_alarms(judged: Sequence[Judged]) -> list[Alarms]:
    """A row a set with reals, and one of all sets at the end."""
    reals = [one for one in judged if not one.sample.fake]
    by_set: dict[str, list[str]] = {}
    for one in reals:
        by_set.setdefault(one.sample.dataset, []).append(one.label)
    by_set["all sets"] = [one.label for one in reals]
    return [
        Alarms(name, len(labels), labels.count("fake"), labels.count("inconclusive"))
        for name, labels in by_set.items()
    ]


def alarm_interval(judged: Sequence[Judged]) -> Interval:
    """The share of all real pictures that is called fake."""
    reals = [one for one in judged if not one.sample.fake]
    groups = groups_of([one.sample for one in reals])
    called = np.array([one.label == "fake" for one in reals])
    return if_enough(share_interval(called, groups), groups)


@dataclass(frozen=True)
class Confusion:
    """Which family came first on fakes of each family.

    `called[row][column]` counts those called fake, `judged` all that had anything to judge. `right`
    are the columns that stand for the row's family.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    called: Mapping[str, Mapping[str, int]]
    judged: Mapping[str, Mapping[str, int]]
    right: Mapping[str, frozenset[str]]


def confusion(judged: Sequence[Judged], cards: Sequence[DetectorCard]) -> Confusion:
    """Of all fakes, by the family they are of."""
    rows = tuple(dict.fromkeys(families_of_sets([one.sample for one in judged]).values()))
    columns = tuple(dict.fromkeys(card.family for card in cards))
    called = {row: dict.fromkeys(columns, 0) for row in rows}
    seen = {row: dict.fromkeys(columns, 0) for row in rows}
    for one in judged:
        if one.sample.fake and one.judged:
            seen[family_of(one.sample)][one.families[0]] += 1
            called[family_of(one.sample)][one.families[0]] += one.label == "fake"
    right = {
        row: frozenset(column for column in columns if row in stands_for(column)) for row in rows
    }
    return Confusion(rows, columns, called, seen, right)

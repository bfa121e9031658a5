"""All figures of a measurement, computed once: pages, cards, plots and the README quote them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakecheck.card import DetectorCard
from fakecheck.types import Floats
from fakecheck.verdict import sigmoid
from fakecheck_training.accuracy.boxes import BoxAccuracy, box_accuracy, truth, undegraded_faces
from fakecheck_training.accuracy.calibrated import (
    CalibrationError,
    error_of,
    errors_of_sets,
    judged_ones,
)
from fakecheck_training.accuracy.judging import Judged, detector_values, judge_all
from fakecheck_training.accuracy.rates import AtRate, at_rates
from fakecheck_training.accuracy.rows import (
    Alarms,
    Calls,
    Confusion,
    Separation,
    calls,
    confusion,
    false_alarms,
    is_fake,
    separation_of,
    separations,
    sets_of_card,
)
from fakecheck_training.accuracy.steps import Step, steps
from fakecheck_training.curves import Bin, reliability
from fakecheck_training.data import Sample
from fakecheck_training.draws.held_back import DATASET as SIMULATED
from fakecheck_training.measured import STATES, Shot, in_state

ALL, KNOWN = "all families", "families with a detector"


@dataclass(frozen=True, eq=False)
class Fused:
    """The fused verdict in one state. `totals` has rows ALL and KNOWN, over the pack's sets."""

    judged: list[Judged]
    separations: list[Separation]
    calls: list[Calls]
    alarms: list[Alarms]
    totals: dict[str, Separation]

    @property
    def values(self) -> Floats:
        """(n,) the probabilities."""
        return np.array([one.probability for one in self.judged], np.float32)


@dataclass(frozen=True, eq=False)
class DetectorFigures:
    """One detector alone: `own` has a row a set of its families, by state; `others` all sets.

    `bins` say how far its ratio, at even odds, is the probability that it shall be.
    """

    card: DetectorCard
    own: dict[str, list[Separation]]
    others: list[Separation]
    bins: list[Bin]
    boxes: list[BoxAccuracy]


@dataclass(frozen=True, eq=False)
class Baseline:
    """Another detector: its scores (n,) of the undegraded samples, and its rows by state."""

    values: Floats
    rows: dict[str, list[Separation]]


@dataclass(frozen=True, eq=False)
class Results:
    """Everything. `errors` has a row a set, then rows KNOWN and ALL, as far as any were judged."""

    cards: Sequence[DetectorCard]
    samples: list[Sample]
    fused: dict[str, Fused]
    confusion: Confusion
    bins: dict[str, list[Bin]]
    errors: list[CalibrationError]
    detectors: list[DetectorFigures]
    baselines: Mapping[str, Baseline]
    steps: list[Step]
    rates: list[AtRate]

    @property
    def known(self) -> dict[str, bool]:
        """Set → whether some detector stands for its family."""
        return {row.dataset: row.known for row in self.fused["none"].calls}

    @property
    def all_known(self) -> bool:
        """Whether some detector stands for the family of every set."""
        return all(self.known.values())


def compute(
    shots: Sequence[Shot], cards: Sequence[DetectorCard], baselines: Mapping[str, Floats]
) -> Results:
    """All figures; `baselines` maps a name to (shots,) scores, in the shots' order."""
    fused = {state: _fused(in_state(shots, state), cards) for state in STATES}
    plain = in_state(shots, "none")
    samples = [shot.sample for shot in plain]
    pack = [shot for shot in plain if shot.sample.dataset != SIMULATED]
    judged = [one for one in fused["none"].judged if one.sample.dataset != SIMULATED]
    known = {row.dataset for row in fused["none"].calls if row.known}
    fakes = {KNOWN: judged_ones(judged, known, None), ALL: judged_ones(judged, None, None)}
    return Results(
        cards=cards,
        samples=samples,
        fused=fused,
        confusion=confusion(fused["none"].judged, cards),
        bins={name: reliability(*pair) for name, pair in fakes.items()},
        errors=[
            *errors_of_sets(judged),
            *(
                error_of(name, *pair)
                for name, pair in fakes.items()
                if 0 < pair[1].sum() < len(pair[1])
            ),
        ],
        detectors=[_detector(shots, card) for card in cards],
        baselines={name: _baseline(shots, values) for name, values in baselines.items()},
        steps=steps(pack, cards),
        rates=at_rates([shot for shot in shots if shot.sample.dataset != SIMULATED], cards),
    )


def _fused(shots: Sequence[Shot], cards: Sequence[DetectorCard]) -> Fused:
    judged = judge_all(shots, cards)
    samples = [one.sample for one in judged]
    values = np.array([one.probability for one in judged], np.float32)
    rows = calls(judged, cards)
    chosen = {
        ALL: {row.dataset for row in rows if row.dataset != SIMULATED},
        KNOWN: {row.dataset for row in rows if row.known and row.dataset != SIMULATED},
    }
    totals = {
        name: separation_of(name, samples, values, sets) for name, sets in chosen.items() if sets
    }
    return Fused(judged, separations(samples, values), rows, false_alarms(judged), totals)


def _baseline(shots: Sequence[Shot], values: Floats) -> Baseline:
    by_state, rows = {}, {}
    for state in STATES:
        mine = np.array([shot.degradation == state for shot in shots])
        by_state[state] = values[mine]
        rows[state] = separations([shot.sample for shot in in_state(shots, state)], values[mine])
    return Baseline(by_state["none"], rows)


def _detector(shots: Sequence[Shot], card: DetectorCard) -> DetectorFigures:
    by_state: dict[str, tuple[list[Sample], Floats]] = {}
    for state in STATES:
        mine = in_state(shots, state)
        by_state[state] = ([shot.sample for shot in mine], detector_values(mine, card))
    samples, values = by_state["none"]
    sets = sets_of_card(card, samples)
    own = {state: separations(*pair, sets) for state, pair in by_state.items()}
    return DetectorFigures(
        card=card,
        own=own,
        others=separations(samples, values),
        bins=_detector_bins(samples, values, sets),
        boxes=_boxes(shots, card, sets),
    )


def _detector_bins(samples: Sequence[Sample], values: Floats, sets: Sequence[str]) -> list[Bin]:
    """Of the family's own fakes against all reals."""
    fake: NDArray[np.bool_] = is_fake(samples)
    mine = np.array([sample.dataset in sets for sample in samples])
    chosen = np.isfinite(values) & (mine | ~fake)
    if not (chosen & fake).any():
        return []
    probability = np.array([sigmoid(float(llr)) for llr in values[chosen]], np.float32)
    return reliability(probability, fake[chosen])


def _boxes(shots: Sequence[Shot], card: DetectorCard, sets: Sequence[str]) -> list[BoxAccuracy]:
    """Of each own set whose forged parts or areas are known, in every state."""
    faces = undegraded_faces(shots)
    found = []
    for name in sets:
        members = [shot for shot in shots if shot.sample.dataset == name]
        reals = [shot for shot in members if not shot.sample.fake]
        if not reals:
            reals = [shot for shot in shots if not shot.sample.fake]
        fakes = [shot for shot in members if shot.sample.fake]
        for state in STATES:
            chosen = [*in_state(fakes, state), *in_state(reals, state)]
            known = [(shot, what) for shot in chosen if (what := truth(shot, faces)) is not None]
            row = box_accuracy(card, [pair[0] for pair in known], [pair[1] for pair in known])
            if row is not None:
                found.append(row)
    return found

"""What turns a sequence into a probability: the temporal model, and poolings without a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fakecheck.card import Calibration
from fakecheck.detector import log_likelihood_ratio
from fakecheck.features import sequence_of
from fakecheck.observations import ClassTable, fused_llr, steady_llr
from fakecheck.temporal import TemporalModel
from fakecheck.types import Floats
from fakecheck.verdict import EVEN, sigmoid
from fakecheck_training.curves import Interval
from fakecheck_training.sequence.calibrate import HeldBack, fit_whole
from fakecheck_training.sequence.data import Labelled, family_known
from fakecheck_training.sequence.metrics import (
    Accuracy,
    accuracy_of,
    auc_difference,
)
from fakecheck_training.sequence.recipe import SequenceRecipe

MODEL, MEAN, LOUDEST = "temporal model", "mean over frames", "loudest frame"
REFITTED = f"{MEAN}, refitted"
# The poolings that the model is compared with; a refitted one orders videos as before.
POOLINGS = (MEAN, LOUDEST)
Judge = Callable[[Labelled], float]
Results = Mapping[str, tuple[Accuracy, Floats]]


def judges(model: TemporalModel, table: ClassTable, refitted: Calibration) -> dict[str, Judge]:
    """Name → what turns a sequence into a probability; `refitted` is `refit`'s."""

    def temporal(one: Labelled) -> float:
        return sigmoid(model.judge(one.seen, table)[0])

    def network(one: Labelled) -> float:
        return float(model.run(sequence_of(one.seen, table))[0][0])

    def mean(one: Labelled) -> float:
        steady = steady_llr(one.seen.llr, table)
        return EVEN if math.isnan(steady) else sigmoid(steady)

    def fitted(one: Labelled) -> float:
        score = np.array([mean(one)], np.float32)
        if math.isnan(steady_llr(one.seen.llr, table)):
            return EVEN
        return sigmoid(float(log_likelihood_ratio(score, refitted)[0]))

    def loudest(one: Labelled) -> float:
        fused = fused_llr(one.seen.llr, table)
        return sigmoid(float(np.nanmax(fused))) if not np.isnan(fused).all() else EVEN

    return {
        MODEL: temporal,
        "its network alone": network,
        MEAN: mean,
        REFITTED: fitted,
        LOUDEST: loudest,
    }


def refit(
    recipe: SequenceRecipe, sequences: Sequence[Labelled], table: ClassTable, families: set[str]
) -> Calibration:
    """The calibration of the mean over frames, as `calibrate` fits that of the model.

    On the same `sequences`, of the recipe's `calibrate_on`: no detector was trained on them, so
    that nothing has to be held back. Those that no detector could judge are left out.
    """
    chosen = []
    for one in sequences:
        steady = steady_llr(one.seen.llr, table)
        if family_known(one.item, families) and not math.isnan(steady):
            samples = np.zeros(len(one.labels), np.float32)
            chosen.append(HeldBack(one.item, sigmoid(steady), samples, one.labels > 0))
    return fit_whole(recipe, chosen)


def measure(
    sequences: Sequence[Labelled], ways: Mapping[str, Judge]
) -> dict[str, tuple[Accuracy, Floats]]:
    """Accuracy of every way, with the probabilities (n,) that it gave."""
    fake = np.array([one.item.fake for one in sequences])
    groups = [one.item.group for one in sequences]
    found = {}
    for name, judge in ways.items():
        values = np.array([judge(one) for one in sequences])
        found[name] = (accuracy_of(values, fake, groups), values)
    return found


def differences(sequences: Sequence[Labelled], results: Results) -> dict[str, Interval]:
    """Pooling → by how much the model's AUC is over its own, with the 95 % interval."""
    fake = np.array([one.item.fake for one in sequences])
    groups = [one.item.group for one in sequences]
    model = results[MODEL][1]
    return {name: auc_difference(model, results[name][1], fake, groups) for name in POOLINGS}

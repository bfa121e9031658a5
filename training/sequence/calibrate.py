"""`python -m fakecheck_training.sequence.calibrate`: held-back scores → ratios, thresholds, bands.

Fitted on what each fold's model said of the groups it was not trained on; `val` takes no part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from fakecheck.calibration import FALSE_ALARM_RATES, exceeded_by, fit_calibration
from fakecheck.card import GRAPH_FILE, Calibration
from fakecheck.detector import log_likelihood_ratio
from fakecheck.errors import InputError
from fakecheck.loading import load_detectors
from fakecheck.observations import ClassTable
from fakecheck.temporal import forged_scores
from fakecheck.types import Floats
from fakecheck_training.cards import sha256
from fakecheck_training.curves import calibration_error, reliability
from fakecheck_training.options import cli, data_option, work_option
from fakecheck_training.sequence.card import out_option, read_sequence_card, write_sequence_card
from fakecheck_training.sequence.corpus import Item
from fakecheck_training.sequence.data import Labelled, family_known, known_families, load_set
from fakecheck_training.sequence.metrics import probability
from fakecheck_training.sequence.recipe import (
    SequenceRecipe,
    load_sequence_recipe,
    model_folder,
    recipe_argument,
)


@dataclass(frozen=True, eq=False)
class HeldBack:
    """One sequence with its `forged_score` by a model that has not seen its group.

    `score` is 0..1, `samples` (T,) float32 those of its samples; `labels` (T,) bool, which of them
    are forged.
    """

    item: Item
    score: float
    samples: Floats
    labels: NDArray[np.bool_]

    @property
    def fake(self) -> bool:
        """Whether a forged sample is in it."""
        return bool(self.labels.any())


def read_held_back(
    path: Path, model: Path, sequences: Sequence[Labelled], table: ClassTable
) -> list[HeldBack]:
    """Those of `sequences` that `train` has scored, with their scores.

    Raises InputError where `path` is not there or not of the graph in the folder `model`.
    """
    if not path.exists():
        raise InputError(
            f"{path} does not exist: run python -m fakecheck_training.sequence.train first"
        )
    known = {f"{one.item.set}/{one.item.key}": one for one in sequences}
    with np.load(path) as kept:
        # Older ones do not say of which graph they are.
        if "graph" in kept and str(kept["graph"]) != sha256(model / GRAPH_FILE):
            raise InputError(
                f"the held-back scores in {path} are not of the model in {model}",
                advice="run python -m fakecheck_training.sequence.train again",
            )
        parts = np.split(kept["values"], np.cumsum(kept["lengths"])[:-1])
        keys = kept["keys"].tolist()
    found = []
    for key, logits in zip(keys, parts, strict=True):
        one = known.get(key)
        if one is not None and len(logits) == len(one.labels) + 1:
            scores = probability(logits).astype(np.float32)
            score, samples = forged_scores(float(scores[0]), scores[1:], one.seen, table)
            found.append(HeldBack(one.item, score, samples, one.labels > 0))
    return found


def fit(
    recipe: SequenceRecipe, held_back: Sequence[HeldBack], families: set[str]
) -> dict[str, object]:
    """What the card gets. Forgeries whose family has no detector do not count: they are missed.

    Sets weigh in the calibration of whole sequences as in training, whatever their size.
    """
    chosen = [
        one
        for one in held_back
        if one.item.set in recipe.calibrate_on and family_known(one.item, families)
    ]
    fakes = [one for one in chosen if one.fake]
    reals = [one for one in chosen if not one.fake]
    whole = fit_whole(recipe, chosen)
    groups = _groups(fakes), _groups(reals)
    llr = log_likelihood_ratio(_scores(reals), whole)
    known = probability(log_likelihood_ratio(_scores(fakes), whole))
    samples = np.concatenate([one.samples for one in chosen])
    labels = np.concatenate([one.labels for one in chosen])
    each = fit_calibration(samples[labels], samples[~labels], groups[0], groups[1])
    return {
        "calibration": whole.model_dump(),
        "sample_calibration": each.model_dump(),
        "false_alarm_llr": false_alarm_rows(llr, [one.item.group for one in reals]),
        "bands": {
            "miss_rate": recipe.miss_rate,
            "real_below": round(min(0.5, exceeded_by(known, 1 - recipe.miss_rate)), 4),
            "forged_over": forged_over(fakes, each),
        },
    }


def fit_whole(recipe: SequenceRecipe, chosen: Sequence[HeldBack]) -> Calibration:
    """The calibration of whole sequences by the scores of those `chosen`."""
    fakes = [one for one in chosen if one.fake]
    reals = [one for one in chosen if not one.fake]
    weights = _weights(recipe, fakes), _weights(recipe, reals)
    return fit_calibration(_scores(fakes), _scores(reals), _groups(fakes), _groups(reals), weights)


def false_alarm_rows(llr: Floats, groups: Sequence[str]) -> dict[float, float]:
    """Rate → the ratio that real faces of other groups exceed at most so often, from (n,) ratios.

    Every group weighs the same, whatever it has sequences, since its own are alike. Of n groups at
    most `rate * (n + 1) - 1` may be over it for the next one to be so at this rate (Vovk et al.
    2005). Cards of detectors do without: their tables are added up, which gives away as much.
    """
    names, of, count = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    order = np.argsort(-llr, kind="stable")
    over = np.cumsum(1 / count[of[order]])
    rows = {}
    for rate in FALSE_ALARM_RATES:
        spare = rate * (len(names) + 1) - 1
        if spare >= 0:
            place = min(int(np.searchsorted(over, spare, "right")), len(llr) - 1)
            rows[rate] = round(float(llr[order[place]]), 4)
    return rows


def forged_over(fakes: Sequence[HeldBack], calibration: Calibration) -> float:
    """The probability over which a sample is best taken for forged, by the F1 score.

    Of clips that are forged in a part: there a wrong cut shows.
    """
    partly = [one for one in fakes if not one.labels.all()]
    if not partly:
        return 0.5
    labels = np.concatenate([one.labels for one in partly])
    scores = np.concatenate([one.samples for one in partly])
    values = probability(log_likelihood_ratio(scores, calibration))

    def f1(cut: float) -> float:
        called = values > cut
        return float(2 * (called & labels).sum() / max(called.sum() + labels.sum(), 1))

    cuts = np.arange(0.1, 0.96, 0.05)
    return round(float(cuts[int(np.argmax([f1(cut) for cut in cuts]))]), 2)


def _weights(recipe: SequenceRecipe, side: Sequence[HeldBack]) -> Floats:
    sizes = Counter(one.item.set for one in side)
    return np.array([recipe.sets[one.item.set] / sizes[one.item.set] for one in side], np.float32)


def _groups(side: Sequence[HeldBack]) -> int:
    return len({one.item.group for one in side})


def _scores(side: Sequence[HeldBack]) -> Floats:
    return np.array([one.score for one in side], np.float32)


@cli
@recipe_argument
@data_option
@work_option
@out_option
def main(recipe: Path, data: Path, work: Path, out: Path) -> None:
    """Calibrate the temporal model of RECIPE on its held-back scores and write its card anew."""
    spec = load_sequence_recipe(recipe)
    cards = load_detectors().cards
    sequences = [one for name in spec.sets for one in load_set(name, cards, data, work)[0]]
    held_back = read_held_back(
        model_folder(work, spec) / "held_back.npz", out, sequences, ClassTable(cards)
    )
    families = known_families(cards)
    fitted = fit(spec, held_back, families)
    write_sequence_card(out, {**read_sequence_card(out), **fitted})
    for name, value in fitted.items():
        click.echo(f"{name}: {value}", err=True)
    calibration = Calibration(**fitted["calibration"])  # type: ignore[arg-type]
    chosen = [one for one in held_back if one.item.set in spec.calibrate_on]
    known = [one for one in chosen if family_known(one.item, families)]
    values = probability(log_likelihood_ratio(_scores(known), calibration))
    error = calibration_error(reliability(values, np.array([one.fake for one in known])))
    click.echo(f"expected calibration error on them: {error:.3f}", err=True)


if __name__ == "__main__":
    main()

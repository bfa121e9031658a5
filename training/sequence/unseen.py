"""A detector that the temporal model has never seen is plugged in: what is gained, what is lost.

The model is trained without a detector, then judges `val` first without and then with it. Nothing
is trained or fitted anew in between: the threshold is that of the model without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from fakecheck.calibration import exceeded_by
from fakecheck.card import DetectorCard
from fakecheck.observations import ClassTable, steady_llr
from fakecheck.temporal import forged_score
from fakecheck.types import Floats
from fakecheck_training.sequence.data import Labelled, family_known, known_families, load_set
from fakecheck_training.sequence.metrics import FALSE_ALARM_RATE, probability
from fakecheck_training.sequence.recipe import SequenceRecipe
from fakecheck_training.sequence.train import Corpus, fold_of, load_corpus, logits, train_member

# Held back from the training without the detector, to put the threshold by.
THRESHOLD_FOLD = 0
# Sets of `val` to judge.
SETS = ("ffpp_val", "animated_val")
# Fewer forgeries of a family than this say nothing.
FEWEST = 10


@dataclass(frozen=True)
class Added:
    """Recall of the detector's families and false alarms, before and after it was plugged in.

    At the score that 5 % of held-back real sequences of training exceed without it.
    """

    detector: str
    forged: int
    real: int
    recall_before: float
    recall_after: float
    alarms_before: float
    alarms_after: float


def added_detectors(
    recipe: SequenceRecipe, cards: Sequence[DetectorCard], data: Path, work: Path
) -> list[Added]:
    """A row for every detector of whose families `val` has sequences."""
    sets = {name: load_set(name, cards, data, work)[0] for name in SETS}
    val = [one for sequences in sets.values() for one in sequences]
    corpus = load_corpus(recipe, cards, data, work)
    rows = []
    for number, card in enumerate(cards):
        families = known_families([card])
        fakes = [one for one in val if one.item.fake and family_known(one.item, families)]
        if len(fakes) < FEWEST or len(cards) < 2:
            continue
        click.echo(f"without {card.id}", err=True)
        rows.append(_added(recipe, corpus, number, val, fakes))
    return rows


def _added(
    recipe: SequenceRecipe,
    corpus: Corpus,
    number: int,
    val: Sequence[Labelled],
    fakes: Sequence[Labelled],
) -> Added:
    table = corpus.table
    known = [without(one, table, number) for one in corpus.sequences]
    fewer = replace(corpus, sequences=known)
    held = np.array([fold_of(one.item.group, recipe.folds) == THRESHOLD_FOLD for one in known])
    model = train_member(recipe, fewer, ~held, recipe.seed)
    reals = [one for one in val if not one.item.fake]
    quiet = [one for one, mine in zip(known, held, strict=True) if mine and not one.item.fake]
    limit = exceeded_by(_whole(model, quiet, table), FALSE_ALARM_RATE)

    def share(sequences: Sequence[Labelled]) -> float:
        return float((_whole(model, sequences, table) > limit).mean())

    return Added(
        table.cards[number].id,
        len(fakes),
        len(reals),
        share([without(one, table, number) for one in fakes]),
        share(fakes),
        share([without(one, table, number) for one in reals]),
        share(reals),
    )


def without(one: Labelled, table: ClassTable, number: int) -> Labelled:
    """The sequence as it would be seen if this detector were not installed."""
    gone = table.owner == number
    seen = replace(
        one.seen,
        llr=np.where(gone, np.nan, one.seen.llr).astype(np.float32),
        count=np.where(gone, 0, one.seen.count).astype(np.float32),
    )
    return replace(one, seen=seen)


def _whole(model: Any, sequences: Sequence[Labelled], table: ClassTable) -> Floats:
    network = np.array([values[0] for values in logits(model, sequences, table)], np.float32)
    steady = np.array([steady_llr(one.seen.llr, table) for one in sequences], np.float32)
    return forged_score(probability(network), steady)

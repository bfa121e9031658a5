"""A training of the temporal model that was stopped goes on, and refuses what it did not start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tf_keras", reason="needs pip install fakecheck[train]")

from bundles import make_card
from sequence_corpora import corpus

from fakecheck.errors import UsageError
from fakecheck.observations import ClassTable
from fakecheck_training.sequence import train
from fakecheck_training.sequence.folds import FoldStore, facts_of
from fakecheck_training.sequence.recipe import load_sequence_recipe
from fakecheck_training.sequence.train import Corpus, fold_of, train_folds

COUNT = 16
RECIPE = replace(
    load_sequence_recipe(Path("sequence")), folds=3, steps=2, batch=4, width=4, units=2
)


@pytest.fixture
def cards(tmp_path):
    return [make_card(tmp_path / "a", id="edit"), make_card(tmp_path / "b", id="swap")]


@pytest.fixture
def known(cards):
    sequences = corpus(cards, COUNT)
    fold = np.array([fold_of(one.item.group, RECIPE.folds) for one in sequences])
    return Corpus(sequences, fold, np.full(COUNT, 1 / COUNT), ClassTable(cards))


def store(folder, known, recipe=RECIPE):
    facts = facts_of(recipe, known.sequences, known.chance, known.table)
    return FoldStore(folder / "folds", recipe.name, facts)


def test_finished_folds_are_not_trained_again_and_all_ends_as_without_a_stop(
    tmp_path, known, monkeypatch
):
    members, held_back = train_folds(RECIPE, known)
    trained, train_member = [], train.train_member

    def stopped(recipe, corpus, chosen, seed):
        trained.append(seed)
        if len(trained) == 2:
            raise KeyboardInterrupt
        return train_member(recipe, corpus, chosen, seed)

    monkeypatch.setattr(train, "train_member", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_folds(RECIPE, known, store(tmp_path, known))
    kept = store(tmp_path, known)
    again, same = train_folds(RECIPE, known, kept)
    assert trained == [1000, 1001, 1001, 1002]
    for one, other in zip(members, again, strict=True):
        for weight, wanted in zip(other.get_weights(), one.get_weights(), strict=True):
            np.testing.assert_allclose(weight, wanted, atol=1e-5)
    for values, wanted in zip(same, held_back, strict=True):
        np.testing.assert_allclose(values, wanted, atol=1e-4)
    kept.clear()
    assert not (tmp_path / "folds").exists()


def test_a_fold_comes_back_as_it_was_kept(tmp_path, known):
    kept = store(tmp_path, known)
    assert kept.read(0) is None
    weights = [np.ones((2, 3), np.float32), np.float32(4) * np.ones((), np.float32)]
    held_back = [np.arange(3, dtype=np.float32), np.arange(5, dtype=np.float32)]
    for number, logits in enumerate((held_back, [])):
        kept.keep(number, weights, logits)
        found, same = store(tmp_path, known).read(number)
        for one, other in zip([*found, *same], [*weights, *logits], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("changes", "said"), [({"steps": 3}, "steps was 2"), ({"sets": {"animated": 1}}, "sets was")]
)
def test_folds_of_another_recipe_are_refused(tmp_path, known, changes, said):
    store(tmp_path, known)
    with pytest.raises(UsageError, match=rf"{said} .*folds was trained") as caught:
        store(tmp_path, known, replace(RECIPE, **changes))
    assert "to train anew" in str(caught.value)
    # What is fitted or written after the training may change.
    store(tmp_path, known, replace(RECIPE, version="9.0.0", limits=["none"], miss_rate=0.2))


def test_folds_of_other_data_are_refused(tmp_path, known, cards):
    store(tmp_path, known)
    one = known.sequences[3]
    louder = replace(one, seen=replace(one.seen, llr=one.seen.llr + np.float32(0.01)))
    others = [*known.sequences[:3], louder, *known.sequences[4:]]
    for other in (
        replace(known, sequences=others),
        replace(known, sequences=known.sequences[:-1]),
        replace(known, chance=np.linspace(1, 2, COUNT) / COUNT),
    ):
        with pytest.raises(UsageError, match="sequences was"):
            store(tmp_path, other)
    table = ClassTable([cards[0], cards[1].model_copy(update={"version": "1.0.1"})])
    with pytest.raises(UsageError, match="detectors was"):
        store(tmp_path, replace(known, table=table))

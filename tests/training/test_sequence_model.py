"""The temporal model: masks, learning, and the same scores out of the frozen graph."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tf_keras", reason="needs pip install fakecheck[train]")

from bundles import make_card
from click.testing import CliRunner
from sequence_corpora import corpus

from fakecheck.calibration import auc
from fakecheck.card import GRAPH_FILE
from fakecheck.errors import InputError
from fakecheck.features import WIDTH
from fakecheck.observations import ClassTable
from fakecheck.temporal import TemporalModel
from fakecheck_training.sequence.calibrate import read_held_back
from fakecheck_training.sequence.card import read_sequence_card
from fakecheck_training.sequence.export import export_model
from fakecheck_training.sequence.model import build_model
from fakecheck_training.sequence.recipe import load_sequence_recipe
from fakecheck_training.sequence.train import (
    Corpus,
    fold_of,
    logits,
    save_held_back,
    train_folds,
)


def model_of(seed=0):
    model = build_model(np.zeros(WIDTH, np.float32), np.ones(WIDTH, np.float32), 8, 4, 0.0)
    rng = np.random.default_rng(seed)
    model.correct.kernel.assign(rng.normal(size=model.correct.kernel.shape))
    return model


def test_what_fills_a_short_sequence_up_changes_nothing():
    model = model_of()
    values = np.random.default_rng(0).normal(size=(1, 5, WIDTH)).astype(np.float32)
    seen = np.ones((1, 5), np.float32)
    alone = model(values, seen)
    filled = np.concatenate([values, np.zeros((1, 3, WIDTH), np.float32)], axis=1)
    there = np.array([[1] * 5 + [0] * 3], np.float32)
    padded = model(filled, there, there)
    np.testing.assert_allclose(alone[0], padded[0], atol=1e-5)
    np.testing.assert_allclose(alone[1], padded[1][:, :5], atol=1e-5)


def test_a_lost_sample_has_no_say_in_the_pooling():
    model = model_of()
    values = np.random.default_rng(0).normal(size=(1, 4, WIDTH)).astype(np.float32)
    seen = np.array([[1, 1, 0, 1]], np.float32)
    whole, samples = model(values, seen)
    shown = samples.numpy()[0, [0, 1, 3]]
    assert shown.min() <= whole.numpy()[0] <= shown.max()


def test_groups_keep_their_fold():
    folds = [fold_of(f"g{n}", 5) for n in range(200)]
    assert folds == [fold_of(f"g{n}", 5) for n in range(200)]
    assert min(np.bincount(folds, minlength=5)) > 15


def test_it_learns_and_the_frozen_graph_says_the_same(tmp_path):
    cards = [make_card(tmp_path / "a", id="edit"), make_card(tmp_path / "b", id="swap")]
    table = ClassTable(cards)
    recipe = replace(
        load_sequence_recipe(Path("sequence")), folds=2, steps=30, batch=16, width=8, units=4
    )
    sequences = corpus(cards, 60)
    fold = np.array([fold_of(one.item.group, 2) for one in sequences])
    known = Corpus(sequences, fold, np.full(60, 1 / 60), table)
    members, held_back = train_folds(recipe, known)
    assert all(len(v) == len(o.seen) + 1 for v, o in zip(held_back, sequences, strict=True))
    whole = np.array([values[0] for values in held_back])
    fake = np.array([one.item.fake for one in sequences])
    assert auc(whole[fake], whole[~fake]) > 0.9
    difference = export_model(recipe, members, sequences, table, tmp_path / "model")
    assert difference < 1e-5
    model = TemporalModel(tmp_path / "model")
    assert model.card.detectors == {"edit": "1.0.0", "swap": "1.0.0"}
    assert read_sequence_card(tmp_path / "model")["training"]["steps"] == 30
    assert len(list(logits(members[0], sequences[:3], table))) == 3
    kept = tmp_path / "held_back.npz"
    save_held_back(kept, known, held_back, tmp_path / "model")
    assert len(read_held_back(kept, tmp_path / "model", sequences, table)) == 60
    (tmp_path / "model" / GRAPH_FILE).write_bytes(b"another")
    with pytest.raises(InputError, match=r"not of the model in .*sequence\.train again"):
        read_held_back(kept, tmp_path / "model", sequences, table)


@pytest.mark.parametrize("name", ["clips", "extract", "train", "calibrate", "evaluate"])
def test_every_command_has_help(name):
    main = importlib.import_module(f"fakecheck_training.sequence.{name}").main
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert "--work" in result.output


def test_a_model_that_was_not_trained_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"run python -m fakecheck_training\.sequence\.train"):
        read_held_back(tmp_path / "held_back.npz", tmp_path, [], ClassTable([]))

"""`python -m fakecheck_training.sequence.train`: cached boxes → the temporal model, fold by fold.

Ends with the frozen graph, `model.onnx` and a card in fakecheck/models/sequence, not calibrated
yet; `calibrate` follows. Finished folds lie in WORK until then: one that was stopped goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fakecheck.card import GRAPH_FILE, DetectorCard
from fakecheck.files import atomic_path
from fakecheck.loading import load_detectors
from fakecheck.observations import ClassTable
from fakecheck.types import Floats
from fakecheck_training.cards import sha256
from fakecheck_training.compat import keras, tf
from fakecheck_training.options import cli, data_option, work_option
from fakecheck_training.sequence.card import out_option
from fakecheck_training.sequence.data import Batch, Labelled, batches, load_set, make_batch, moments
from fakecheck_training.sequence.export import export_model
from fakecheck_training.sequence.folds import FoldStore, facts_of
from fakecheck_training.sequence.model import build_model, loss_of
from fakecheck_training.sequence.recipe import (
    SequenceRecipe,
    load_sequence_recipe,
    model_folder,
    recipe_argument,
)

REPORT_EVERY = 100
AVERAGED = 0.3  # of the steps, from whose weights the mean is taken at the end


@dataclass(frozen=True, eq=False)
class Corpus:
    """All sequences to train on, their fold (n,) and the chance (n,) that each is drawn."""

    sequences: list[Labelled]
    fold: NDArray[np.int64]
    chance: Floats
    table: ClassTable


def load_corpus(
    recipe: SequenceRecipe, cards: Sequence[DetectorCard], data: Path, work: Path
) -> Corpus:
    """The recipe's sets; of each, forged and real sequences are drawn equally often."""
    sequences: list[Labelled] = []
    chances: list[float] = []
    for name, weight in recipe.sets.items():
        found, table = load_set(name, cards, data, work)
        fakes = sum(one.item.fake for one in found)
        for one in found:
            same = fakes if one.item.fake else len(found) - fakes
            chances.append(weight / same / (2 if 0 < fakes < len(found) else 1))
        sequences += found
    fold = np.array([fold_of(one.item.group, recipe.folds) for one in sequences])
    chance = np.array(chances)
    return Corpus(sequences, fold, chance / chance.sum(), table)


def fold_of(group: str, folds: int) -> int:
    """The fold of a group, the same on every machine."""
    digest = hashlib.md5(group.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[4:8], "big") % folds


def new_member(recipe: SequenceRecipe, corpus: Corpus, chosen: NDArray[np.bool_]) -> Any:
    """A model for the `chosen` (n,) sequences that has not learned from them yet."""
    scaling = moments(_chosen(corpus, chosen), corpus.table)
    return build_model(*scaling, recipe.width, recipe.units, recipe.dropout)


def _chosen(corpus: Corpus, chosen: NDArray[np.bool_]) -> list[Labelled]:
    return [one for one, mine in zip(corpus.sequences, chosen, strict=True) if mine]


def train_member(
    recipe: SequenceRecipe, corpus: Corpus, chosen: NDArray[np.bool_], seed: int
) -> Any:
    """A model of the `chosen` (n,) sequences; its weights are the mean of those of the last steps.

    The mean is Polyak's and Juditsky's (1992): it takes the noise of the last steps out.
    """
    keras.utils.set_random_seed(seed)
    sequences, model = _chosen(corpus, chosen), new_member(recipe, corpus, chosen)
    chance = corpus.chance[chosen] / corpus.chance[chosen].sum()
    schedule = keras.optimizers.schedules.CosineDecay(recipe.rate, recipe.steps, alpha=0.05)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, clipnorm=2.0)

    @tf.function(reduce_retracing=True)
    def step(*batch: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(model, batch, recipe.sample_weight)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    rng = np.random.default_rng((recipe.seed, seed))
    drawn = batches(
        sequences, chance, corpus.table, recipe.augment, recipe.batch, recipe.steps, rng
    )
    losses: list[float] = []
    sums, count = [np.zeros(w.shape) for w in model.get_weights()], 0
    for number, batch in enumerate(drawn, 1):
        losses.append(float(step(*tensors(batch))))
        if number > (1 - AVERAGED) * recipe.steps:
            sums = [total + w for total, w in zip(sums, model.get_weights(), strict=True)]
            count += 1
        if number % REPORT_EVERY == 0:
            click.echo(f"step {number}: loss {np.mean(losses[-REPORT_EVERY:]):.4f}", err=True)
    if count:
        model.set_weights([total / count for total in sums])
    return model


def tensors(batch: Batch) -> list[Any]:
    """In the order that `loss_of` takes them."""
    return [
        tf.constant(one)
        for one in (
            batch.values,
            batch.mask,
            batch.there,
            batch.labels,
            batch.fake,
            batch.weight,
        )
    ]


def logits(model: Any, sequences: Sequence[Labelled], table: ClassTable) -> Iterator[Floats]:
    """Of every sequence the logit of all of it, and then (T,) of its samples."""
    for start in range(0, len(sequences), 64):
        part = sequences[start : start + 64]
        batch = make_batch(part, table)
        whole, samples = model(batch.values, batch.mask, batch.there)
        for row, one in enumerate(part):
            length = len(one.seen)
            yield np.append(whole[row].numpy(), samples[row, :length].numpy()).astype(np.float32)


def train_folds(
    recipe: SequenceRecipe, corpus: Corpus, kept: FoldStore | None = None
) -> tuple[list[Any], list[Floats]]:
    """The members, and the held-back logits of every sequence (see `logits`).

    Folds that are `kept` are not trained again, and those that are trained are kept there.
    """
    members = []
    held_back: list[Floats] = [np.zeros(0, np.float32)] * len(corpus.sequences)
    for fold in range(recipe.folds):
        mine = np.flatnonzero(corpus.fold == fold)
        done = None if kept is None else kept.read(fold)
        click.echo(f"fold {fold + 1} of {recipe.folds}{': kept' if done else ''}", err=True)
        if done:
            member = new_member(recipe, corpus, corpus.fold != fold)
            member.set_weights(done[0])
            found = done[1]
        else:
            member = train_member(recipe, corpus, corpus.fold != fold, recipe.seed * 1000 + fold)
            found = list(logits(member, [corpus.sequences[i] for i in mine], corpus.table))
            if kept is not None:
                kept.keep(fold, member.get_weights(), found)
        members.append(member)
        for number, values in zip(mine, found, strict=True):
            held_back[number] = values
    return members, held_back


def save_held_back(path: Path, corpus: Corpus, held_back: Sequence[Floats], model: Path) -> None:
    """Keys and sets of the sequences with their held-back logits, one after the other.

    `model` is the folder of the graph that was trained with them.
    """
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            keys=np.array([f"{one.item.set}/{one.item.key}" for one in corpus.sequences]),
            lengths=np.array([len(values) for values in held_back]),
            values=np.concatenate(held_back),
            graph=np.array(sha256(model / GRAPH_FILE)),
        )


@cli
@recipe_argument
@data_option
@work_option
@out_option
def main(recipe: Path, data: Path, work: Path, out: Path) -> None:
    """Train the temporal model of RECIPE on what `extract` found, and freeze it.

    A training that was stopped goes on after its last finished fold.
    """
    spec = load_sequence_recipe(recipe)
    cards = load_detectors().cards
    corpus = load_corpus(spec, cards, data, work)
    forged = sum(one.item.fake for one in corpus.sequences)
    click.echo(f"{len(corpus.sequences)} sequences, {forged} forged", err=True)
    folder = model_folder(work, spec)
    facts = facts_of(spec, corpus.sequences, corpus.chance, corpus.table)
    kept = FoldStore(folder / "folds", spec.name, facts)
    members, held_back = train_folds(spec, corpus, kept)
    difference = export_model(spec, members, corpus.sequences, corpus.table, out)
    save_held_back(folder / "held_back.npz", corpus, held_back, out)
    kept.clear()
    click.echo(
        f"wrote {out}: TensorFlow and ONNX Runtime differ by {difference:.1g} in score", err=True
    )


if __name__ == "__main__":
    main()

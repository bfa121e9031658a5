"""Finished folds of the temporal model, kept so that a training that was stopped goes on.

A note beside them says what they depend on: the recipe, and a digest of what the detectors found in
every sequence. Every fold starts from seeds of its own, so it ends the same after a stop.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fakecheck.features import FEATURE_VERSION
from fakecheck.files import atomic_path
from fakecheck.observations import ClassTable
from fakecheck.types import Floats
from fakecheck_training.kept import TRAINED_BY, refuse_changed
from fakecheck_training.sequence.data import Labelled
from fakecheck_training.sequence.recipe import SequenceRecipe

# What of the recipe the weights do not depend on.
NOT_WEIGHTS = ("version", "limits", "calibrate_on", "window", "miss_rate")


class FoldStore:
    """The folds in a folder. `facts` is what they depend on, see `facts_of`."""

    def __init__(self, folder: Path, name: str, facts: dict[str, Any]) -> None:
        """Raises UsageError where the folder holds folds of other facts."""
        self._folder, note = folder, folder / TRAINED_BY
        if note.exists():
            then = json.loads(note.read_text(encoding="utf-8"))
            refuse_changed(name, then, facts, folder, f"delete {folder}")
            return
        with atomic_path(note) as path:
            path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8", newline="\n")

    def _path(self, fold: int) -> Path:
        return self._folder / f"fold_{fold}.npz"

    def keep(self, fold: int, weights: Sequence[Floats], held_back: Sequence[Floats]) -> None:
        """Writes a fold, whole or not at all; `held_back` are the logits of its sequences."""
        arrays = {f"weight_{number}": weight for number, weight in enumerate(weights)}
        lengths = np.array([len(values) for values in held_back], np.int64)
        values = np.concatenate([np.zeros(0, np.float32), *held_back])
        with atomic_path(self._path(fold)) as path:
            np.savez(path, allow_pickle=False, lengths=lengths, values=values, **arrays)

    def read(self, fold: int) -> tuple[list[Floats], list[Floats]] | None:
        """Weights and held-back logits of a fold, None where it is not finished."""
        if not self._path(fold).exists():
            return None
        with np.load(self._path(fold)) as kept:
            count = sum(name.startswith("weight_") for name in kept)
            weights = [kept[f"weight_{number}"] for number in range(count)]
            ends = np.cumsum(kept["lengths"])
            held_back = np.split(kept["values"], ends[:-1]) if len(ends) else []
        return weights, held_back

    def clear(self) -> None:
        """Removes all: a model has been made of them."""
        shutil.rmtree(self._folder, ignore_errors=True)


def facts_of(
    recipe: SequenceRecipe, sequences: Sequence[Labelled], chance: Floats, table: ClassTable
) -> dict[str, Any]:
    """What the weights of a fold depend on; `chance` (n,) is that of each sequence."""
    facts = dataclasses.asdict(recipe)
    for name in NOT_WEIGHTS:
        del facts[name]
    facts["features"] = FEATURE_VERSION
    facts["detectors"] = {
        card.id: hashlib.sha256(_card_facts(card).encode()).hexdigest()[:16] for card in table.cards
    }
    facts["sequences"] = _digest(sequences, chance)
    found: dict[str, Any] = json.loads(json.dumps(facts))  # tuples as lists
    return found


def _card_facts(card: Any) -> str:
    """What features and draws take from a card beside the boxes."""
    classes = [(spec.name, spec.calibration.model_dump()) for spec in card.classes]
    alarms = sorted(card.false_alarm_llr.items())
    return json.dumps([card.version, card.family, card.kind, classes, alarms])


def _digest(sequences: Iterable[Labelled], chance: Floats) -> str:
    digest = hashlib.sha256(np.asarray(chance, np.float64).tobytes())
    for one in sequences:
        item, seen = one.item, one.seen
        digest.update(repr((item.set, item.key, item.group, item.family, item.fake)).encode())
        digest.update(one.labels.tobytes())
        for field in dataclasses.fields(seen):
            digest.update(np.ascontiguousarray(getattr(seen, field.name)).tobytes())
    return digest.hexdigest()[:16]

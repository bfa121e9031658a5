"""Labelled sequences of a drawn detector, without pictures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from sequence_samples import boxes_of, face_at, frame_of

from fakecheck.card import DetectorCard
from fakecheck.observations import ClassTable, join, observe
from fakecheck_training.sequence.corpus import Item
from fakecheck_training.sequence.data import Labelled


def item(number: int, fake: bool, **changes: Any) -> Item:
    fields: dict[str, Any] = {
        "key": f"clip{number}",
        "set": "toy",
        "fake": fake,
        "family": "stargan" if fake else "",
        "group": f"toy/g{number}",
        "files": (f"clip{number}.mp4",),
    }
    return Item(**{**fields, **changes})


def sequence(
    cards: list[DetectorCard], number: int, llr: list[float], labels: list[float], **changes: Any
) -> Labelled:
    """A sample of each of `llr`, as the first detector's; the others are silent."""
    table = ClassTable(cards)
    silent = {card.id: [-3.0] for card in cards}
    found = [
        observe(
            frame_of(n, [face_at()], boxes_of(cards[0], (0, 1, value, (10, 10, 90, 90))), **silent),
            table,
        )[0]
        for n, value in enumerate(llr)
    ]
    fake = any(labels)
    return Labelled(item(number, fake, **changes), join(found), np.array(labels, np.float32))


def corpus(cards: list[DetectorCard], count: int, seed: int = 0) -> list[Labelled]:
    """Half real; of the forged ones half in a part only. Forged samples score higher by 3."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        length = int(rng.integers(1, 12))
        labels = np.zeros(length)
        if number % 2:
            labels[:] = 1
            if number % 4 == 1 and length > 3:
                labels[: length // 2] = 0
        llr = rng.normal(-1.5, 0.7, length) + 3 * labels
        made.append(sequence(cards, number, llr.tolist(), labels.tolist()))
    return made

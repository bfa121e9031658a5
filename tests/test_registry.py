"""The taxonomy's words, and that shipped cards use no others."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

import fakecheck_detectors
import fakecheck_registry
from fakecheck.card import CARD_FILE, Kind, load_card
from fakecheck.regions import REGIONS

FOLDERS = sorted(
    path.parent for path in Path(fakecheck_detectors.__file__).parent.glob(f"*/{CARD_FILE}")
)


def test_regions_are_those_of_the_runtime():
    assert tuple(fakecheck_registry.artifacts().regions) == REGIONS


def test_every_word_has_a_meaning():
    words = fakecheck_registry.artifacts()
    for meaning in (*words.regions.values(), *words.artifacts.values()):
        assert meaning.endswith(".")


def test_families_have_kinds_and_references():
    for family in fakecheck_registry.families().values():
        assert family.kind in get_args(Kind)
        assert family.name
        assert any(f" {year}" in family.reference for year in range(2014, 2027))


def test_labels():
    words = fakecheck_registry.artifacts()
    assert words.holds("mouth_partswap")
    assert words.holds("face_gridnoise")
    for label in ("face", "ear_blur", "face_magic", "blur_face", "face_"):
        assert not words.holds(label)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_shipped_cards_use_known_words(folder):
    card = load_card(folder)
    family = fakecheck_registry.families()[card.family]
    assert card.kind == family.kind
    for spec in card.classes:
        assert fakecheck_registry.artifacts().holds(spec.name), spec.name

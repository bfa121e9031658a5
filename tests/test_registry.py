"""The registry's data: words, cards and the index, and that shipped cards use no other words."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

import fakecheck_detectors
from fakecheck.card import CARD_FILE, Kind, load_card
from fakecheck.errors import PluginError
from fakecheck.index import BUNDLED, FAMILIES_FILE, IndexEntry, check_record, read_registry
from fakecheck.index_files import (
    CARDS,
    PAGE_FILE,
    card_text,
    distribution_of,
    entry_of,
    find_bundles,
    index_texts,
    read_cards,
    source_of,
)
from fakecheck.regions import REGIONS

CHECKOUT = Path(__file__).parents[1]
REGISTRY = CHECKOUT / "registry"
FOLDERS = sorted(
    path.parent for path in Path(fakecheck_detectors.__file__).parent.glob(f"*/{CARD_FILE}")
)
MEND = "is stale; run: fakecheck registry add detectors"


@pytest.fixture(scope="module")
def known():
    return read_registry(REGISTRY)


def test_regions_are_those_of_the_runtime(known):
    assert tuple(known.artifacts.regions) == REGIONS


def test_every_word_has_a_meaning(known):
    for meaning in (*known.artifacts.regions.values(), *known.artifacts.artifacts.values()):
        assert meaning.endswith(".")


def test_families_have_kinds_and_references(known):
    for family in known.families.values():
        assert family.kind in get_args(Kind)
        assert any(f" {year}" in family.reference for year in range(2014, 2027)), (
            f"registry/{FAMILIES_FILE}: {family.word}: end its reference with the year, as in "
            "CVPR 2019"
        )


def test_members_are_families_of_the_same_kind_without_members(known):
    assert known.families["lowres_gan"].members == ("dcgan", "lsgan", "wgan")
    for family in known.families.values():
        for word in family.members:
            member = known.families[word]
            assert member.kind == family.kind
            assert member.members == ()


def test_labels(known):
    words = known.artifacts
    assert words.holds("mouth_partswap")
    assert words.holds("face_gridnoise")
    for label in ("face", "ear_blur", "face_magic", "blur_face", "face_"):
        assert not words.holds(label)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_shipped_cards_use_known_words(folder, known):
    card = load_card(folder)
    assert card.kind == known.families[card.family].kind
    for spec in card.classes:
        assert known.artifacts.holds(spec.name), spec.name


def test_bundled_detectors_have_cards_that_are_up_to_date():
    cards = {entry.id: entry for entry in read_cards(REGISTRY)}
    bundles = [entry_of(folder, "fakecheck", BUNDLED) for folder in FOLDERS]
    for entry in bundles:
        assert cards.get(entry.id) == entry, f"registry/{CARDS}/{entry.id}.yaml {MEND}"
    gone = {one.id for one in cards.values() if one.source == BUNDLED} - {one.id for one in bundles}
    assert not gone, f"delete registry/{CARDS}/ID.yaml of {gone} and run: fakecheck registry add"


def test_contributed_detectors_have_cards_that_are_up_to_date():
    for entry in read_cards(REGISTRY):
        if entry.source.startswith("contrib/"):
            found = [
                entry_of(bundle, distribution_of(bundle, REGISTRY), source_of(bundle, REGISTRY))
                for bundle in find_bundles(CHECKOUT / entry.source)
            ]
            assert entry in found, f"{MEND.removesuffix('detectors')}{entry.source}"


def test_the_index_is_made_of_the_cards(known):
    entries = read_cards(REGISTRY)
    assert known.entries == tuple(entries)
    for entry in entries:
        path = REGISTRY / CARDS / f"{entry.id}.yaml"
        assert path.read_text("utf-8") == card_text(entry), f"{path} {MEND}"
    for path, text in index_texts(REGISTRY, entries, dict(known.families)).items():
        assert path.read_text("utf-8") == text, f"{path} {MEND}"


def test_texts_of_cards_change_no_page(known):
    licence = known.entries[0].licence.model_copy(update={"graph": "MIT\n\n# [a](b) `c` \\|"})
    page = index_texts(
        REGISTRY, [known.entries[0].model_copy(update={"licence": licence})], known.families
    )[REGISTRY / PAGE_FILE]
    assert r": MIT \# \[a\](b) \`c\` \\\|. Data: " in page


@pytest.mark.parametrize("source", ["https://a.org/<b>", "https://a.org/`x`", "https://a.org/[x]"])
def test_sources_are_addresses_without_marks(known, source):
    fields = {**known.entries[0].model_dump(), "source": source}
    with pytest.raises(PluginError, match="source"):
        check_record(IndexEntry, fields, Path("x"))

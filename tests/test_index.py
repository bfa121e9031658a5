"""The registry as the runtime reads it: found through fakecheck's own distribution, and checked."""

from __future__ import annotations

import json
import shutil
from functools import partial
from importlib import metadata
from pathlib import Path

import pytest
from pydantic import ValidationError

from fakecheck.errors import PluginError
from fakecheck.index import (
    ARTIFACTS_FILE,
    FAMILIES_FILE,
    INDEX_FILE,
    IndexEntry,
    Registry,
    installed_folder,
    read_registry,
    registry,
)
from tests.bundles import write_bundle
from tests.index_samples import entry

REGISTRY = Path(__file__).parents[1] / "registry"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the files that the runtime reads."""
    for name in (ARTIFACTS_FILE, FAMILIES_FILE, INDEX_FILE):
        shutil.copyfile(REGISTRY / name, tmp_path / name)
    return tmp_path


def distribution(site: Path, name: str, entry_points: str) -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_the_installed_registry_is_found_and_read_once():
    known = registry()
    assert isinstance(known, Registry)
    assert known is registry()
    assert known.families["stargan"].kind == "attribute_edit"
    assert known.artifacts.holds("eyes_partswap")
    assert [one.id for one in known.entries] == sorted(one.id for one in known.entries)
    first = known.entries[0]
    assert known.entry(first.id) is first
    assert known.entry("nothing") is None


def test_other_distributions_cannot_bring_a_registry(tmp_path, monkeypatch):
    distribution(tmp_path, "evil", "[fakecheck.registry]\nwords = evil_words\n")
    (tmp_path / "evil_words.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_folder().joinpath(INDEX_FILE).is_file()
    world = partial(metadata.distributions, path=[str(tmp_path)])
    monkeypatch.setattr("fakecheck.index.metadata.distributions", world)
    with pytest.raises(PluginError, match="registry that belongs to fakecheck is not installed"):
        installed_folder()


@pytest.mark.parametrize(
    ("name", "text", "cause"),
    [
        (INDEX_FILE, "{", "no valid JSON"),
        (INDEX_FILE, '{"schema": "fakecheck.index/9"}', "schema: Input should be 'fakecheck.index"),
        (INDEX_FILE, '{"signature": "x"}', "signature: Input should be None"),
        (INDEX_FILE, '{"detectors": [{"id": "a"}]}', r"detectors\.0\.version: Field required"),
        (FAMILIES_FILE, "stargan: [", "no valid YAML"),
        (FAMILIES_FILE, "[]", "must hold fields"),
        (FAMILIES_FILE, "a: " + "[" * 3000, "nested more than"),
        (FAMILIES_FILE, "stargan: 3", "valid dictionary"),
        (FAMILIES_FILE, "stargan: {name: x, kind: magic, reference: y}", "kind: "),
        (FAMILIES_FILE, "Bad Word: {name: x, kind: swap, reference: y}", "word: "),
        (ARTIFACTS_FILE, "regions: {face: The face.}", "artifacts: Field required"),
        (ARTIFACTS_FILE, "\xff", "must hold fields"),
    ],
)
def test_damaged_data_are_named_with_the_cause(folder, name, text, cause):
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(PluginError, match=cause) as caught:
        read_registry(folder)
    assert str(folder / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_data_are_named(folder):
    (folder / INDEX_FILE).unlink()
    with pytest.raises(PluginError, match=r"index\.json: cannot be read"):
        read_registry(folder)


def test_an_entry_survives_the_json(tmp_path):
    one = entry(write_bundle(tmp_path), "fc-one")
    assert IndexEntry.model_validate(json.loads(one.model_dump_json())) == one


@pytest.mark.parametrize(
    "change",
    [
        {"source": "ftp://example.org/x"},
        {"source": "contrib/../x"},
        {"source": "contrib/.."},
        {"distribution": "no name"},
        {"distribution": ""},
        {"files": {"model.onnx": "123"}},
        {"files": {}},
        {"version": "1"},
        {"stars": 5},
    ],
    ids=str,
)
def test_entries_of_other_forms_are_refused(tmp_path, change):
    content = entry(write_bundle(tmp_path), "fc-one").model_dump()
    with pytest.raises(ValidationError):
        IndexEntry.model_validate({**content, **change})

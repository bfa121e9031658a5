"""One picture through training and through the runtime: the same bytes reach the graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn import write_pack

from fakecheck.card import load_card
from fakecheck.detector import crop_key, cut_crops
from fakecheck.errors import UsageError
from fakecheck_training.augment import Degrader
from fakecheck_training.cards import new_card, write_card
from fakecheck_training.data import Sample, read_samples
from fakecheck_training.draws import views
from fakecheck_training.draws.filtered import FilteredPairSource, filtered
from fakecheck_training.draws.source import PairSource
from fakecheck_training.faces import read_image
from fakecheck_training.recipe import RECIPES, DetectorRecipe, load_detector_recipe
from fakecheck_training.records import label_map_text
from fakecheck_training.sources import detector_source

CHAIN = [{"name": "gamma", "gamma": 0.7}, {"name": "sharpen", "amount": 0.5}]
DATA = [{"set": "toy", "split": "train", "use": "positives", "pictures": 1, "terms": "none"}]


def _recipe(name: str) -> DetectorRecipe:
    recipe = load_detector_recipe(Path(name))
    records = replace(
        recipe.records, simulated=0.0, untouched=0.0, matched=0.0, fake_weights={}, real_weights={}
    )
    return replace(
        recipe,
        crop=replace(recipe.crop, filters=CHAIN),
        degrade=Degrader(untouched=1.0),
        records=records,
        fake_sets=["toy"],
        min_face=8.0,
    )


def _samples(root: Path) -> list[Sample]:
    """Those of the toy pack; the fakes have a replaced nose."""
    return [replace(s, parts=("nose",)) if s.fake else s for s in read_samples(root)]


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing random but the choice of the picture and its mirroring."""
    for name in ("TIGHT", "BOX_SHIFT", "BOX_SCALE", "MARK_SHIFT"):
        monkeypatch.setattr(views, name, 0.0)


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("name", ["stylegan", "partswap"])
def test_training_and_runtime_feed_the_graph_the_same_bytes(tmp_path: Path, name: str) -> None:
    recipe, faces = _recipe(name), write_pack(tmp_path)
    source = detector_source(recipe, tmp_path, _samples(tmp_path), faces)
    (tmp_path / "frozen_inference_graph.pb").write_bytes(b"graph")
    (tmp_path / "label_map.pbtxt").write_text(label_map_text(recipe.classes))
    write_card(tmp_path, new_card(recipe, tmp_path, DATA, [{"name": "ssd", "steps": 4}], tmp_path))
    card = load_card(tmp_path)
    assert [step["name"] for step in card.filters] == ["gamma", "sharpen"]
    same = 0
    for seed in range(12):
        drawn = source.draw(False, np.random.default_rng(seed))
        image = read_image(tmp_path / drawn.source)
        crops = cut_crops(image, [faces[drawn.source]], [card]).sets[crop_key(card)].pixels
        same += any(np.array_equal(drawn.image, crop[..., ::-1]) for crop in crops)
    # The others were mirrored.
    assert 3 <= same < 12


@pytest.mark.usefixtures("still")
def test_without_the_chain_the_bytes_differ(tmp_path: Path) -> None:
    recipe, faces = _recipe("stylegan"), write_pack(tmp_path)
    samples = _samples(tmp_path)
    plain = replace(recipe, crop=replace(recipe.crop, filters=[]))
    one, other = (
        detector_source(r, tmp_path, samples, faces).draw(True, np.random.default_rng(1))
        for r in (recipe, plain)
    )
    assert one.source == other.source
    assert not np.array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.xyxy, other.xyxy)


def test_pairs_stay_pairs_and_no_chain_is_no_wrapper(tmp_path: Path) -> None:
    recipe = replace(load_detector_recipe(Path("attributes")), degrade=Degrader(untouched=1.0))
    faces, samples = write_pack(tmp_path), _samples(tmp_path)
    source = detector_source(recipe, tmp_path, samples, faces)
    assert filtered(source, []) is source
    both = filtered(source, CHAIN)
    assert isinstance(both, FilteredPairSource)
    assert isinstance(source, PairSource)
    plain, pair = (s.pair(np.random.default_rng(3)) for s in (source, both))
    assert pair.after.labels == plain.after.labels
    assert not np.array_equal(pair.before, plain.before)


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("[{name: sparkle}]", "unknown filter 'sparkle', known are clahe"),
        ("[{name: median, size: 4}]", "median"),
        ("[{name: gamma, strength: 2}]", "filter gamma"),
        ("[sharpen]", r"crop: filters\[0\] must be dict"),
    ],
)
def test_mistakes_in_a_chain_are_named(tmp_path: Path, chain: str, message: str) -> None:
    text = (RECIPES / "stylegan2.yaml").read_text()
    path = tmp_path / "recipe.yaml"
    path.write_text(text.replace("margin: 0.0}", f"margin: 0.0, filters: {chain}}}"))
    with pytest.raises(UsageError, match=message):
        load_detector_recipe(path)

"""docs/video.md: its sentences follow from its figures, on drawn sequences from end to end."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("tf_keras", reason="needs pip install fakecheck[train]")

from bundles import make_card
from sequence_corpora import corpus
from sequence_samples import write_model

from fakecheck.observations import ClassTable
from fakecheck.temporal import TemporalModel
from fakecheck_training.sequence import evaluate
from fakecheck_training.sequence.corpus import NOT_STILLS
from fakecheck_training.sequence.metrics import Floor
from fakecheck_training.sequence.page import EXPERIMENT, to_markdown
from fakecheck_training.sequence.poolings import MEAN, MODEL, POOLINGS, REFITTED, judges, refit
from fakecheck_training.sequence.recipe import load_sequence_recipe, model_folder
from fakecheck_training.sequence.sentences import compared, floor_sentence, left_out, share
from fakecheck_training.sequence.train import Corpus, save_held_back
from fakecheck_training.sequence.unseen import Added

ROOT = Path(__file__).resolve().parents[2]
RECIPE = load_sequence_recipe(Path("sequence"))


def one_set(cards, name, count=40, seed=0):
    """Drawn sequences, each a video of its own, with samples at known seconds."""
    found = corpus(cards, count, seed)
    return [
        replace(one, item=replace(one.item, set=name, kind="real clip", family="deepfakes"))
        if one.item.fake
        else replace(one, item=replace(one.item, set=name, kind="real clip"))
        for one in found
    ]


@pytest.fixture
def cards(tmp_path):
    return [
        make_card(tmp_path / "a", id="edit", family="deepfakes", kind="swap"),
        make_card(tmp_path / "b", id="swap"),
    ]


@pytest.fixture
def text(tmp_path, cards, monkeypatch):
    """The page on drawn sequences, by a model that takes the loudest box."""
    model = TemporalModel(write_model(tmp_path / "model"))
    table = ClassTable(cards)
    detectors = SimpleNamespace(cards=cards, versions={"edit": "1.0.0", "swap": "1.0.0"})
    monkeypatch.setattr(evaluate, "load_detectors", lambda: detectors)
    monkeypatch.setattr(
        evaluate, "load_set", lambda name, known, *_: (one_set(known, name), ClassTable(known))
    )
    monkeypatch.setattr(evaluate, "spectrum_scores", lambda ones, *_: np.linspace(0, 1, len(ones)))
    added = [Added("edit", 20, 20, 0.1, 0.8, 0.03, 0.05)]
    monkeypatch.setattr(evaluate, "added_detectors", lambda *_: added)
    clips = one_set(cards, "real_clips")
    logits = [np.zeros(len(one.seen) + 1, np.float32) for one in clips]
    known = Corpus(clips, np.zeros(len(clips), np.int64), np.ones(len(clips)), table)
    held_back = model_folder(tmp_path, RECIPE) / "held_back.npz"
    save_held_back(held_back, known, logits, tmp_path / "model")
    page, rows = evaluate.measured_page(RECIPE, model, tmp_path, tmp_path, True)
    assert {row["name"] for row in rows} >= {"ROC AUC", "accuracy"}
    return to_markdown(page)


def test_the_page_compares_the_model_with_both_poolings(text):
    found = re.findall(r"The temporal model's AUC is (.*?) \(95 % interval of the difference", text)
    # On videos and on hand-held stills.
    assert len(found) == 4
    for name in POOLINGS:
        assert sum(name in place for place in found) == 2
    assert text.count("by paired bootstrap over videos") == 2
    assert f"| {REFITTED} |" in text


def test_the_page_says_what_its_figures_are_worth(text):
    assert "a perfectly calibrated score" in text
    rows = [line for line in text.splitlines() if line.startswith("| real: ")]
    assert len(rows) == 4  # of three sets, and of all of them
    for row in rows:
        assert len(re.findall(r"\d+ \(\d+\.\d to \d+\.\d %\)", row)) == 4
    (forged,) = (x for x in text.splitlines() if x.startswith("| forged: hand-held"))
    assert "%" not in forged
    assert "[features.md](features.md)" in text
    assert "`lowres_gan`" in text
    assert "These 2 detectors come with fakecheck" in text


def test_what_the_page_points_to_is_there(text):
    assert f"[experiment 23]({EXPERIMENT})" in text.replace("\n", " ")
    path, _, anchor = EXPERIMENT.partition("#")
    headings = re.findall(r"^## (.*)$", (ROOT / "docs" / path).read_text("utf-8"), re.MULTILINE)
    assert anchor in [re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings]
    assert (ROOT / "docs" / "features.md").exists()


def test_a_difference_is_ahead_or_behind_and_proven_or_not():
    ahead = compared({MEAN: (0.0123, 0.002, 0.02)}, "videos")
    assert "0.0123 ahead of that of the mean over frames" in ahead
    assert "+0.0020 to +0.0200" in ahead
    assert "leaves zero out" in ahead
    behind = compared({MEAN: (-0.0123, -0.03, 0.002)}, "videos")
    assert "0.0123 behind that of" in behind
    assert "-0.0300 to +0.0020" in behind
    assert "no difference is shown" in behind
    assert "equal to that of" in compared({MEAN: (0.00001, -0.1, 0.1)}, "videos")
    assert "leaves zero out" in compared({MEAN: (-0.02, -0.03, -0.01)}, "videos")


def test_a_calibration_error_is_held_against_what_chance_makes():
    floor = Floor(0.03, 0.05, 131, 134)
    assert "within that: no miscalibration is shown" in floor_sentence(0.049, floor)
    assert "beyond that" in floor_sentence(0.06, floor)
    assert "131 forged and 134 real" in floor_sentence(0.06, floor)


def test_a_detector_that_was_there_is_not_called_left_out():
    assert "These 9 detectors" in left_out([str(number) for number in range(9)])
    assert left_out(["stargan", "lowres_gan"]) == ""
    # What is said of it: its generators' samples are in none of the sets, nor in any clip.
    assert {"dcgan", "lsgan", "wgan"} <= set(NOT_STILLS)
    assert share(3, None) == "3"
    assert share(3, (0.004, 0.0312)) == "3 (0.4 to 3.1 %)"


def test_the_mean_over_frames_is_refitted_on_forgeries_that_have_a_detector(tmp_path, cards):
    table = ClassTable(cards)
    sequences = one_set(cards, "ffpp_calib", 120, seed=3)
    line = refit(RECIPE, sequences, table, {"deepfakes"})
    assert line.slope > 0
    assert refit(RECIPE, sequences[:60], table, {"deepfakes"}) != line
    unknown = [
        replace(one, item=replace(one.item, family="stylegan")) if number % 4 == 1 else one
        for number, one in enumerate(sequences)
    ]
    assert refit(RECIPE, unknown, table, {"deepfakes"}) != line
    ways = judges(TemporalModel(write_model(tmp_path / "model")), table, line)
    before, after = ([ways[name](one) for one in sequences] for name in (MEAN, REFITTED))
    order = np.argsort(before)
    assert (np.diff(np.array(after)[order]) >= 0).all()
    assert ways[MODEL](sequences[1]) > 0.5

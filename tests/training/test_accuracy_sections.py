"""Sections of docs/accuracy.md: what they say follows from the scores."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs pip install fakecheck[train]")
pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from accuracy_samples import a_sample, cells, copied_cards, judged, made_results, section

from fakecheck.temporal import load_sequence_card
from fakecheck_training.accuracy.__main__ import TEMPORAL
from fakecheck_training.accuracy.calibrated import errors_of_sets, judged_ones
from fakecheck_training.accuracy.detectors_page import detectors_page
from fakecheck_training.accuracy.judging import Judged
from fakecheck_training.accuracy.page import accuracy_page
from fakecheck_training.accuracy.page_compared import videos_section
from fakecheck_training.accuracy.page_families import alarms_sentence, flaws_sentence
from fakecheck_training.accuracy.results import ALL, Results
from fakecheck_training.accuracy.rows import alarm_interval, confusion, groups_of, separation_of
from fakecheck_training.accuracy.steps import Step
from fakecheck_training.accuracy.words import interval, percent_interval
from fakecheck_training.draws.held_back import SimulatedSample
from fakecheck_training.measured import STATES

FLAWS = 20


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return made_results(copied_cards(tmp_path_factory.mktemp("bundles")), FLAWS)


@pytest.fixture(scope="module")
def page(results: Results) -> str:
    return accuracy_page(results, "the command", load_sequence_card(TEMPORAL))


def test_recall_has_an_interval_where_there_are_groups_enough(results: Results, page: str) -> None:
    glance = section(page, "At a glance")
    rows = {row.dataset: row for row in results.fused["none"].separations}
    ((_, _, recall, *_),) = cells(glance, "StarGAN edits of CelebA")
    assert recall == interval(rows["stargan"].recalled, 2) == "1.00 (1.00 to 1.00)"
    ((_, _, total, *_),) = cells(glance, f"**{ALL}**")
    value, low, high = results.fused["none"].totals[ALL].recalled
    assert 0 < low < value < high < 1
    assert total == f"{value:.2f} ({low:.2f} to {high:.2f})"
    # Sixteen groups of fakes are too few.
    ((_, area, recall, *_),) = cells(glance, "CIPLab, parts pasted by hand")
    assert area == f"{rows['ciplab'].pooled[0]:.3f} (–)"
    assert recall == f"{rows['ciplab'].recall:.2f} (–)"
    alone = section(detectors_page(results, "the command"), "stargan 1.3.0")
    (plain, *_) = cells(alone, "StarGAN edits of CelebA")
    assert plain[-1] == interval(results.detectors[1].own["none"][0].recalled)
    assert "(–)" not in plain[-1]


def test_the_recall_is_held_at_a_value_that_at_most_one_real_in_a_hundred_exceeds() -> None:
    samples = [a_sample("dfdc", n, fake, "dfdc") for fake in (True, False) for n in range(150)]
    reals = np.arange(150, dtype=np.float32)

    def recall(fakes: float) -> float:
        values = np.concatenate([np.full(150, fakes, np.float32), reals])
        return separation_of("dfdc", samples, values, {"dfdc"}).recall

    # Two of 150 reals are over 1 %: fakes over an interpolated value, but under 148, are not found.
    assert np.quantile(reals, 0.99) < 147.8
    assert (recall(147.8), recall(148.2)) == (0.0, 1.0)


def test_a_flaw_is_drawn_with_the_picture_that_it_was_simulated_on() -> None:
    real = a_sample("stargan", 3, False)
    flaw = SimulatedSample(real.key, "simulated", "val", True, "attributes", real.group)
    other = a_sample("ciplab", 3, False)
    names = groups_of([real, flaw, other]).tolist()
    assert names[0] == names[1] != names[2]


def test_baselines_are_shown_in_every_state(results: Results, page: str) -> None:
    rows = cells(section(page, "Against other detectors"), "StarGAN edits of CelebA")
    assert len(rows) == len(STATES)
    shown = {state: row[-1] for state, row in zip(STATES, rows, strict=True)}
    assert shown == {
        "none": "1.000, 1.00",
        "jpeg50": "1.000, 1.00",
        "half": "1.000, 1.00",
        "blur1": "0.500, 0.00",
    }
    for state, row in zip(STATES, rows, strict=True):
        one = results.fused[state].separations[0]
        assert row[0] == f"{one.pooled[0]:.3f}, {one.recall:.2f}"
    for title in ("Undegraded:", "JPEG 50:", "Half size:", "Blurred:"):
        assert f"\n{title}\n" in page


def test_steps_at_which_false_alarms_rose_are_named() -> None:
    steps = [
        Step(name, 1, 0.5, alarms / 500, 0.9, alarms, 500, (alarms / 500, 0.002, 0.016))
        for name, alarms in (("first", 3), ("louder", 6), ("quiet", 6), ("better", 2), ("last", 4))
    ]
    assert alarms_sentence(steps) == (
        "The FPR, of 500 real pictures, rises with louder (3 to 6) and last (2 to 4). In the end 4"
        " are called fake, 0.8 %, with a 95 % interval of 0.2 to 1.6 % by bootstrap over groups."
    )
    assert "rises at no step. In the end 2 are" in alarms_sentence(steps[1:4])


def test_steps_count_what_the_verdict_says(results: Results, page: str) -> None:
    last = results.steps[-1]
    (alarms,) = {row.alarms["none"].fake for row in results.rates if row.rate == 0.01}
    assert (last.alarms, last.reals) == (alarms, 56)
    assert last.share == alarm_interval(results.fused["none"].judged)
    assert alarms_sentence(results.steps) in section(page, "One plug-in at a time")


def test_flaws_have_a_row_and_a_sentence(results: Results, page: str) -> None:
    named = section(page, "Which family is named")
    assert sum(results.confusion.judged["attributes"].values()) == FLAWS
    assert "| attributes | " in named
    assert f"simulated flaws: 0 of {FLAWS} are called fake, 0 of these" in named
    card = results.cards[0].model_copy(update={"family": "attributes"})
    seen = [
        Judged(a_sample("simulated", n, True, "attributes"), label, 0.9, (first, "x"), True)
        for n, (label, first) in enumerate(
            [("fake", "stargan"), ("fake", "attributes"), ("real", "attributes"), ("real", "x")]
        )
    ]
    other = [results.cards[1], results.cards[1].model_copy(update={"family": "x"})]
    assert flaws_sentence(confusion(seen, [card, *other]), "attributes") == (
        "The row `attributes` is that of the simulated flaws: 2 of 4 are called fake, 1 of these"
        " with `attributes` first; whatever the verdict, it comes first in 2."
    )


def test_each_set_has_its_error_beside_that_of_chance(results: Results, page: str) -> None:
    text = section(page, "Does the probability mean what it says?")
    by_name = {row.name: row for row in results.errors}
    assert list(by_name) == ["stargan", "families with a detector", ALL]
    ((*counts, error, chance, most),) = cells(text, "StarGAN edits of CelebA")
    row = by_name["stargan"]
    assert counts == ["24", "24"]
    assert [error, chance, most] == [f"{x:.3f}" for x in (row.error, *row.chance)]
    assert 0 < row.chance[0] < row.chance[1]
    assert "The probability holds at even odds and for this mix of families: where" in text
    mean, most = by_name[ALL].chance
    assert f"would show {mean:.3f} on average, by chance, and at most {most:.3f} in 95" in text
    assert by_name[ALL].error > most


def test_errors_are_of_a_sets_own_reals_and_of_what_was_judged() -> None:
    seen = [judged(n, fake, "fake", ("x",)) for n in range(20) for fake in (True, False)]
    seen += [judged(n, False, "real", ("x",), "dfdc") for n in range(50)]
    (row,) = errors_of_sets(seen)
    assert (row.name, row.fakes, row.reals) == ("dcgan", 20, 20)
    assert row.error == pytest.approx(0.4, abs=1e-6)
    seen[0] = dataclasses.replace(seen[0], judged=False)
    assert errors_of_sets(seen) == []
    probability, fake = judged_ones(seen, None, {"dfdc"})
    assert (len(probability), fake.sum()) == (69, 19)


def test_the_share_of_false_alarms_has_an_interval(results: Results, page: str) -> None:
    text = section(page, "At other rates of false alarms")
    (shown,) = cells(text, "*95 % interval*")
    assert shown[1:] == [percent_interval(row.share) for row in results.rates]
    seen = [judged(n, False, "fake" if n < 20 else "real", ("x",)) for n in range(1000)]
    value, low, high = alarm_interval([*seen, judged(1, True, "fake", ("x",))])
    assert value == 0.02
    assert (low, high) == pytest.approx((0.012, 0.029), abs=0.003)
    assert percent_interval((0.02, 0.0123, 0.029)) == "1.2 to 2.9 %"
    assert percent_interval(alarm_interval(seen[:19])) == "–"


def test_the_temporal_models_card_is_quoted(page: str) -> None:
    card = load_sequence_card(TEMPORAL)
    text = section(page, "Videos")
    assert "[video.md](video.md)" in text
    assert f"version {card.version}" in text
    assert card.metrics
    for row in card.metrics:
        assert f"| {row.name} | {row.forged} | {row.real} | {row.value:.3f} |" in text
    other = card.metrics[0].model_copy(update={"set": "elsewhere", "value": 0.25})
    changed = videos_section(card.model_copy(update={"metrics": (other,)}))
    assert f"| elsewhere | {other.name} | {other.forged} | {other.real} | 0.250 |" in changed


def test_the_split_is_not_called_untouched(page: str) -> None:
    assert "so that it is not untouched." in page
    docs = Path(__file__).parents[2] / "docs"
    assert "](../training/EXPERIMENTS.md)" in page
    assert (docs / "../training/EXPERIMENTS.md").exists()

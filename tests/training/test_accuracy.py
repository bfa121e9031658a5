"""Pages, cards and README say the same, and say what the scores were."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs pip install fakecheck[train]")
pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from accuracy_samples import (
    SETS,
    a_face,
    a_sample,
    a_shot,
    boxes_of,
    copied_cards,
    judged,
    made_results,
    section,
)

from fakecheck.card import DetectorCard, load_card
from fakecheck.errors import UsageError
from fakecheck.temporal import load_sequence_card
from fakecheck_training.accuracy.__main__ import TEMPORAL
from fakecheck_training.accuracy.boxes import box_accuracy, truth, undegraded_faces
from fakecheck_training.accuracy.cards import (
    END,
    START,
    card_metrics,
    readme_block,
    write_cards,
    write_readme,
)
from fakecheck_training.accuracy.detectors_page import detectors_page
from fakecheck_training.accuracy.page import accuracy_page
from fakecheck_training.accuracy.plots import draw_plots
from fakecheck_training.accuracy.results import ALL, KNOWN, Results
from fakecheck_training.accuracy.rows import (
    calls,
    confusion,
    false_alarms,
    family_of,
    separation_of,
    stands_for,
)
from fakecheck_training.accuracy.steps import ATTRIBUTES, in_steps
from fakecheck_training.accuracy.words import joined, limits, percent
from fakecheck_training.draws.held_back import SimulatedSample
from fakecheck_training.draws.parts import part_label
from fakecheck_training.measured import Shot
from fakecheck_training.simulation.parts import part_box


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> list[DetectorCard]:
    return copied_cards(tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def results(cards: list[DetectorCard]) -> Results:
    return made_results(cards)


@pytest.fixture(scope="module")
def page(results: Results) -> str:
    return accuracy_page(results, "the command", load_sequence_card(TEMPORAL))


def test_pages_and_cards_hold_the_same_figures(results: Results, page: str) -> None:
    overview = section(page, "At a glance")
    details = detectors_page(results, "made by")
    compared = 0
    for figures in results.detectors:
        for row in card_metrics(results, figures):
            auc, recall = row["auc"], row["recall_at_fpr01"]
            if row["of"] == "detector":
                states = {"none": "undegraded", "jpeg50": "JPEG 50", "half": "half size"}
                state = states.get(row["degradation"], "blurred")
                mine = section(details, f"{figures.card.id} {figures.card.version}")
                (line,) = [one for one in mine.splitlines() if f" {state} |" in one][:1]
                shown = re.findall(r"(\d\.\d{3}) \((?:\d|–)", line)
                assert len(shown) == 3
                column = 0 if row["negatives_from"] == "own reals" else 1
                assert shown[column] == f"{auc:.3f}"
                assert shown[2] == f"{recall:.3f}"
                compared += 1
            elif row["degradation"] == "none" and row["negatives_from"] != "own reals":
                assert f"{auc:.3f} (" in overview
                assert f"| {recall:.2f} (" in overview
                compared += 1
    assert compared == 2 * (8 + 1)


def test_what_is_found_and_missed_is_in_the_page(page: str) -> None:
    assert "    the command\n" in page
    assert re.search(r"\| StarGAN edits of CelebA \| 24 \| 1\.000 \(1\.000 to 1\.000\)", page)
    assert "*StyleGAN faces*" in page
    assert "Sets in *italics* hold families" in page
    assert "| **families with a detector** | 40 |" in page
    assert "**No detector knows**: StyleGAN faces (100 %) are called real." in page
    assert "| partswap | **" in page
    assert page.count("![") == 3
    for name in ("families.png", "reliability.png", "roc.png"):
        assert f"({name})" in page


def test_totals_leave_unknown_families_out(results: Results) -> None:
    totals = results.fused["none"].totals
    assert (totals[ALL].fakes, totals[KNOWN].fakes) == (56, 40)
    assert totals[KNOWN].pooled[0] == 1.0
    assert totals[ALL].pooled[0] < 0.95


def test_steps_raise_recall_family_by_family(results: Results) -> None:
    assert [step.added for step in results.steps] == ["partswap", "stargan"]
    assert [step.detectors for step in results.steps] == [1, 2]
    first, last = results.steps
    assert first.recall < last.recall
    assert first.auc < last.auc
    fused = results.fused["none"]
    called = [one.label == "fake" for one in fused.judged if one.sample.fake]
    assert last.recall == pytest.approx(np.mean(called))


def test_detectors_of_no_family_of_the_pack_come_first(cards: list[DetectorCard]) -> None:
    other = cards[0].model_copy(update={"id": "attributes", "family": "attributes"})
    samples = [a_sample(name, 0, True, family) for name, family, *_ in SETS]
    found = in_steps([*cards, other], samples)
    assert [name for name, _ in found] == [ATTRIBUTES, "partswap", "stargan"]


def test_cards_are_written_and_read_back(results: Results, cards: list[DetectorCard]) -> None:
    write_cards(results)
    for card, figures in zip(cards, results.detectors, strict=True):
        written = load_card(card.folder)
        assert len(written.metrics) == 16
        assert [row.auc for row in written.metrics] == [
            row["auc"] for row in card_metrics(results, figures)
        ]
        assert {row.of for row in written.metrics} == {"detector", "verdict"}
        page = (card.folder / "CARD.md").read_text()
        assert f"{written.metrics[0].auc:.3f}" in page


def test_the_readme_block_is_replaced(results: Results, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    write_readme(readme, results)
    text = readme.read_text()
    assert text == f"before\n{START}\n{readme_block(results)}{END}\nafter\n"
    row = results.fused["none"].separations[0]
    assert f"| StarGAN edits of CelebA | `stargan` | {row.own[0]:.3f} |" in text
    assert "StyleGAN faces" not in text
    readme.write_text("no marks")
    with pytest.raises(UsageError, match="must have one line"):
        write_readme(readme, results)


def test_plots_are_drawn(results: Results, tmp_path: Path) -> None:
    for path in draw_plots(results, tmp_path):
        assert path.read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 3


def test_boxes_on_the_part_are_right_and_those_on_reals_are_not(cards: list[DetectorCard]) -> None:
    card = cards[0]
    nose = part_box(a_face(), "nose")
    values = {"partswap": np.zeros((1, 3), np.float32)}
    fakes = [a_shot(a_sample("ciplab", n, True, "partswap"), "none", values) for n in range(4)]
    reals = [a_shot(a_sample("ciplab", n, False), "none", values) for n in range(4)]
    faces = undegraded_faces([*fakes, *reals])

    def measured(shots: list[Shot]) -> tuple[float, int]:
        found = box_accuracy(card, shots, [truth(shot, faces) or () for shot in shots])
        assert found is not None
        assert list(found.by_class) == [part_label("nose")]
        return found.by_class[part_label("nose")]

    assert measured([*fakes, *reals]) == (1.0, 4)
    false = [
        Shot(s.sample, "none", 160, 160, s.faces, values, {"partswap": boxes_of([(2, 0.9, nose)])})
        for s in reals
    ]
    precision, wanted = measured([*fakes, *false])
    assert wanted == 4
    assert precision == pytest.approx(0.5)
    assert box_accuracy(card, reals, [()] * 4) is None


def test_truth_follows_the_picture_when_it_shrinks() -> None:
    sample = a_sample("ciplab", 1, True, "partswap")
    plain = a_shot(sample, "none", {})
    half = Shot(sample, "half", 80, 80, (), {}, {})
    faces = undegraded_faces([plain, half])
    ((label, whole),) = truth(plain, faces) or ()
    ((_, small),) = truth(half, faces) or ()
    assert label == "nose_partswap"
    np.testing.assert_allclose(small, whole / 2, rtol=1e-5)
    assert truth(a_shot(a_sample("ciplab", 2, True, "partswap"), "none", {}), {}) is None
    made = SimulatedSample(
        sample.key, "simulated", "val", True, "attributes", "g", labels=("eyes_blur",),
        boxes=((10.0, 20.0, 30.0, 40.0),),
    )  # fmt: skip
    ((label, box),) = truth(Shot(made, "half", 80, 80, (), {}, {}), faces) or ()
    assert label == "eyes_blur"
    np.testing.assert_allclose(box, [5, 10, 15, 20])


def test_a_family_is_right_if_it_stands_for_the_sets(cards: list[DetectorCard]) -> None:
    assert stands_for("lowres_gan") == {"lowres_gan", "dcgan", "lsgan", "wgan"}
    assert stands_for("nobody") == {"nobody"}
    lowres = cards[0].model_copy(update={"family": "lowres_gan"})
    seen = [
        judged(0, True, "fake", ("lowres_gan",)),
        judged(1, True, "fake", ("stargan", "lowres_gan")),
        judged(2, True, "inconclusive", ("lowres_gan",)),
        judged(3, True, "inconclusive", ()),
        judged(4, False, "real", ("stargan",), "dfdc"),
    ]
    (row,) = calls(seen, [lowres, cards[1]])
    assert row.known
    assert (row.family_named, row.called_fake, row.not_judged) == (0.5, 0.5, 0.25)
    table = confusion(seen, [lowres, cards[1]])
    assert table.called["dcgan"] == {"lowres_gan": 1, "stargan": 1}
    assert table.judged["dcgan"] == {"lowres_gan": 2, "stargan": 1}
    assert table.right["dcgan"] == {"lowres_gan"}


def test_false_alarms_are_counted_a_set_and_in_all() -> None:
    seen = [judged(n, False, "real", ("x",)) for n in range(3)]
    seen += [judged(n, False, "fake", ("x",), "dfdc") for n in range(2)]
    rows = [(row.dataset, row.reals, row.fake) for row in false_alarms(seen)]
    assert rows == [("dcgan", 3, 0), ("dfdc", 2, 2), ("all sets", 5, 2)]


def test_dfdc_counts_as_the_family_that_its_detector_names() -> None:
    assert family_of(a_sample("dfdc", 0, True, "dfdc")) == "deepfakes"


def test_recall_is_held_against_the_reals_of_all_sets() -> None:
    samples = [a_sample("stargan", n, True, "stargan") for n in range(4)]
    samples += [a_sample("stargan", n, False) for n in range(100)]
    samples += [a_sample("dfdc", n, False) for n in range(100)]
    values = np.array([0.5, 0.7, 0.9, 0.1, *[0.2] * 100, *[0.6] * 100], np.float32)
    row = separation_of("stargan", samples, values, {"stargan"})
    assert row.own is not None
    assert (row.own[0], row.pooled[0]) == (0.75, 0.625)
    assert row.recall == 0.5


def test_words_and_numbers() -> None:
    assert [percent(share) for share in (0, 0.004, 0.0146, 0.5, 1)] == [
        "0 %",
        "0.4 %",
        "1 %",
        "50 %",
        "100 %",
    ]
    assert joined(["a"]) == "a"
    assert joined(["a", "b", "c"]) == "a, b and c"


def test_small_sets_are_named(results: Results) -> None:
    (sentence,) = [one for one in limits(results) if "Too few" in one]
    assert "CIPLab, parts pasted by hand (16)" in sentence

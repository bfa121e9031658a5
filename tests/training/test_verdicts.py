"""The page of accuracy says what the verdicts were."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from fakecheck_training.data import Sample
from fakecheck_training.verdicts import (
    Judged,
    auc_with_interval,
    false_alarms,
    family_of,
    row_of,
    to_markdown,
)


def judged(number, fake, probability, label, dataset="stargan", family="stargan"):
    sample = Sample(
        key=f"{dataset}/{fake}{number}",
        dataset=dataset,
        split="val",
        fake=fake,
        family=family if fake else "",
        group=f"g{number}",
    )
    return Judged(sample, label, probability, (family, "partswap"), True)


PERFECT = [
    *(judged(i, True, 0.9 + i / 1000, "fake") for i in range(20)),
    *(judged(i, False, 0.1 + i / 1000, "real") for i in range(20)),
    *(judged(i, False, 0.6, "inconclusive", dataset="dfdc") for i in range(5)),
]


def test_auc_of_separate_scores_is_one_and_of_equal_ones_a_half():
    fakes, reals = PERFECT[:20], PERFECT[20:]
    assert auc_with_interval(fakes, reals) == (1.0, 1.0, 1.0)
    same = [judged(i, fake, 0.5, "real") for fake in (True, False) for i in range(9)]
    assert auc_with_interval(same[:9], same[9:])[0] == 0.5


def test_the_interval_is_drawn_over_groups_not_pictures():
    """A hundred copies of one lucky group say no more than one does."""
    few = [judged(0, True, 0.9, "fake")] * 100 + [judged(1, True, 0.1, "real")]
    reals = [judged(i, False, 0.5, "real") for i in range(30)]
    _, low, high = auc_with_interval(few, reals)
    assert (low, high) == (0.0, 1.0)


def test_a_row_counts_what_was_called_what():
    fakes = [*PERFECT[:18], judged(18, True, 0.2, "real"), judged(19, True, 0.65, "inconclusive")]
    row = row_of("stargan", [*fakes, *PERFECT[20:]], {"stargan"})
    assert (row.fakes, row.own_reals, row.known) == (20, 20, True)
    assert (row.called_fake, row.called_real) == (0.9, 0.05)
    assert row.recall == pytest.approx(0.95)
    assert row.family_named == 1.0


def test_false_alarms_are_counted_a_set_and_in_all():
    alarms = false_alarms([*PERFECT, judged(99, False, 0.99, "fake")])
    assert alarms == {"stargan": (21, 1, 0), "dfdc": (5, 0, 5), "all sets": (26, 1, 5)}


def test_dfdc_counts_as_the_family_that_its_detector_names():
    swap = judged(0, True, 1, "fake", dataset="dfdc", family="dfdc").sample
    assert family_of(swap) == "deepfakes"


def test_the_page_marks_unknown_families_and_gives_every_table():
    rows = [row_of("stargan", PERFECT, set())]
    page = to_markdown({"none": rows}, {"none": false_alarms(PERFECT)}, {"stargan": "1.0.0"})
    assert "| *stargan* | 20 | 1.000 (1.000 to 1.000) |" in page
    assert "| dfdc | 0 of 5 (0.0%) | 100% |" in page
    assert "stargan 1.0.0" in page

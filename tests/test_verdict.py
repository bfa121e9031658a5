"""Evidence is pooled a face, fused over families, and held against a fitting threshold."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from bundles import make_card
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakecheck.sequence import Evidence, EvidencePool
from fakecheck.types import Face, FrameResult, StageError
from fakecheck.verdict import (
    false_alarm_rate,
    judge,
    sigmoid,
)

TABLE = {0.1: 0.5, 0.01: 2.0}


@pytest.fixture
def cards(tmp_path):
    return [
        make_card(tmp_path / family, id=family, family=family)
        for family in ("stargan", "deepfakes", "partswap")
    ]


def evidence(*units, too_small=0, largest=100.0):
    return Evidence(dict(enumerate(units)), len(units) + too_small, too_small, largest)


def face(track, size=100.0):
    return Face(np.array([0, 0, size, size], np.float32), np.zeros((5, 2), np.float32), 0.9, track)


def frame(index, **llr):
    return FrameResult(
        index, index / 25, (face(0),), (), {k: np.array([v], np.float32) for k, v in llr.items()}
    )


def test_rates_between_the_rows_are_interpolated_in_their_logarithm():
    assert false_alarm_rate(TABLE, 0.5) == pytest.approx(0.1)
    assert false_alarm_rate(TABLE, 1.25) == pytest.approx(math.sqrt(0.001))
    assert false_alarm_rate(TABLE, -9) == pytest.approx(0.1)


def test_beyond_what_was_measured_the_rate_falls_as_slowly_as_a_likelihood_ratio_can():
    assert false_alarm_rate(TABLE, 2.0 + math.log(10)) == pytest.approx(0.001)


def test_rows_of_one_ratio_are_no_trouble():
    flat = {0.1: 1.0, 0.01: 3.0, 0.002: 3.0}
    assert false_alarm_rate(flat, 3.5) == pytest.approx(0.002 * math.exp(-0.5))
    assert 0.01 <= false_alarm_rate(flat, 2.9) <= 0.02


def test_the_threshold_is_the_cards_own_for_one_detector_and_one_face(cards):
    verdict = judge(evidence({"stargan": 0.3}), cards, "image", 40).verdict
    assert verdict.threshold == pytest.approx(sigmoid(2.0))


def test_one_detector_more_and_one_face_more_make_alarms_as_likely(cards):
    # Each has to be rarer by half.
    louder = 2.0 + math.log(2)
    for more, label in ((-0.01, "inconclusive"), (0.01, "fake")):
        ratios = {"stargan": louder + more, "deepfakes": -30.0}
        verdict = judge(evidence(ratios), cards, "image", 40).verdict
        # The mean of two ratios is half of the louder one.
        assert verdict.threshold == pytest.approx(sigmoid(louder - math.log(2)))
        assert verdict.label == label
    one, _ = judge(evidence({"stargan": 0.3}, {"stargan": -9.0}), cards, "image", 40).faces
    assert one.threshold == pytest.approx(sigmoid(louder))


def test_many_detectors_that_are_a_little_loud_make_no_fake(cards):
    limit = 2.0 + math.log(3)
    together = dict.fromkeys(("stargan", "deepfakes", "partswap"), limit - 0.01)
    alone = {"stargan": limit + 0.01, "deepfakes": -9.0, "partswap": -9.0}
    verdicts = [judge(evidence(one), cards, "image", 40).verdict for one in (together, alone)]
    assert [verdict.label for verdict in verdicts] == ["inconclusive", "fake"]
    assert verdicts[0].probability > verdicts[1].probability > verdicts[1].threshold


def test_adding_detectors_does_not_raise_false_alarms(cards):
    """Reals of true likelihood ratios, each detector's as its card says, rarely called fake."""
    spread = 2.0
    tail = {rate: -2 + spread * NormalDist().inv_cdf(1 - rate) for rate in (0.1, 0.05, 0.01, 0.001)}
    many = [
        cards[0].model_copy(update={"id": f"d{n}", "family": f"d{n}", "false_alarm_llr": tail})
        for n in range(10)
    ]
    llr = np.random.default_rng(0).normal(-2, spread, (4000, 10))
    for number in (1, 3, 10):
        labels = [
            judge(
                evidence({f"d{n}": v for n, v in enumerate(row[:number])}), many, "image", 40, 0.05
            ).verdict.label
            for row in llr
        ]
        # Three standard errors of 4000 draws.
        assert labels.count("fake") / len(labels) < 0.05 + 0.0104


def test_one_loud_detector_makes_a_fake_and_its_family_leads(cards):
    judged = judge(
        evidence({"stargan": 6.0, "deepfakes": -1.0, "partswap": -1.0}), cards, "image", 40
    )
    verdict, families = judged.verdict, judged.families
    assert verdict.label == "fake"
    assert verdict.probability == pytest.approx(1 / (1 + 3 / (math.e**6 + 2 / math.e)))
    assert [score.family for score in families] == ["stargan", "deepfakes", "partswap"]
    assert sum(score.probability for score in families) == pytest.approx(verdict.probability)


def test_quiet_detectors_make_a_real_and_say_what_is_missed(cards):
    verdict = judge(
        evidence({"stargan": -2.0, "deepfakes": -1.0, "partswap": -1.0}), cards, "image", 40
    ).verdict
    assert verdict.label == "real"
    assert "missed" in verdict.reason


def test_between_even_odds_and_the_threshold_it_is_inconclusive(cards):
    verdict = judge(evidence({"stargan": 0.3}), cards, "image", 40).verdict
    assert verdict.label == "inconclusive"
    assert 0.5 < verdict.probability < verdict.threshold


@pytest.mark.parametrize("kind", ["image", "video"])
def test_more_false_alarms_find_more_and_are_told(cards, kind):
    # Its table: 10 % of reals exceed 0.5, 1 % exceed 2.
    rows = [(0.005, 2 + math.log(2)), (0.01, 2.0), (0.02, 2 - 1.5 * math.log10(2))]
    for rate, least in rows:
        quiet, loud = (
            judge(evidence({"stargan": least + more}), cards, kind, 40, rate).verdict
            for more in (-0.01, 0.01)
        )
        assert (quiet.label, loud.label) == ("inconclusive", "fake")
        assert quiet.threshold == loud.threshold == pytest.approx(sigmoid(least))
        assert quiet.false_alarm_rate == loud.false_alarm_rate == rate
        assert f"in {100 - 100 * rate:g}% of real" in loud.reason
        assert f"more than {100 * rate:g}% of real" in quiet.reason
        assert judge(evidence(), cards, kind, 40, rate).verdict.false_alarm_rate == rate


def test_even_odds_are_neither_real_nor_fake(cards, tmp_path):
    # What a detector says that is not calibrated yet.
    assert judge(evidence({"stargan": 0.0}), cards, "image", 40).verdict.label == "inconclusive"
    # One whose loudest reals are all likelier real than not makes no fake of what is, too.
    quiet = make_card(tmp_path / "quiet", id="quiet", false_alarm_llr={0.1: -3.0, 0.01: -2.0})
    verdict = judge(evidence({"quiet": -0.5}), [quiet], "image", 40).verdict
    assert (verdict.label, verdict.threshold) == ("inconclusive", 0.5)


def test_only_what_is_three_times_as_likely_to_be_real_is_called_so(cards):
    just, hardly = (
        judge(evidence({"stargan": -math.log(3) + more}), cards, "image", 40).verdict
        for more in (-0.01, 0.01)
    )
    assert (just.label, hardly.label) == ("real", "inconclusive")
    assert just.real_below == hardly.real_below == 0.25
    assert "over three times as likely to be real" in just.reason
    assert "most of stargan, are weak, but it is less than three times" in hardly.reason


LOUD = {"stargan": 6.0, "deepfakes": -1.0, "partswap": -1.0}
QUIET = {"stargan": -3.0, "deepfakes": -3.0, "partswap": -3.0}


def test_a_loud_face_is_not_made_real_by_quiet_ones_around_it(cards):
    alone = judge(evidence({"stargan": 3.0}), cards, "image", 40).verdict
    crowd = judge(evidence({"stargan": 3.0}, *[{"stargan": -3.0}] * 29), cards, "image", 40)
    assert alone.label == "fake"
    assert crowd.verdict.label == "inconclusive"
    assert crowd.verdict.probability == pytest.approx(alone.probability)
    # One of thirty has to be thirty times as rare.
    assert crowd.verdict.threshold == pytest.approx(sigmoid(2.0 + math.log(30)))


def test_a_picture_of_several_says_which_face(cards):
    judged = judge(evidence(QUIET, LOUD, QUIET), cards, "image", 40)
    assert judged.verdict.label == "fake"
    assert judged.verdict.reason.startswith("face 1, the most suspicious of 3: traces of stargan")
    assert [(one.track, one.label) for one in judged.faces] == [
        (0, "real"),
        (1, "fake"),
        (2, "real"),
    ]
    assert judge(evidence(LOUD), cards, "image", 40).faces == ()
    # Of a face beside it that is too small it is said that this one was judged.
    beside = judge(evidence(LOUD, too_small=1), cards, "image", 40)
    assert beside.verdict.reason.startswith("face 0, the only one of 2 that was judged: traces")
    assert [one.track for one in beside.faces] == [0]


def test_each_face_is_held_against_the_limit_of_the_detectors_that_judged_it(cards, tmp_path):
    quiet = make_card(tmp_path / "quiet", id="quiet", false_alarm_llr={0.1: -2.0, 0.01: -1.0})
    judged = judge(evidence({"stargan": 1.9}, {"quiet": 1.0}), [*cards, quiet], "image", 40)
    one, other = judged.faces
    assert (one.label, other.label) == ("inconclusive", "fake")
    assert one.probability > other.probability
    assert one.threshold > other.threshold
    for row in judged.faces:
        assert (row.label == "fake") == (row.probability > row.threshold)
    worst = max(judged.faces, key=lambda row: row.badness)
    verdict = judged.verdict
    assert (verdict.label, verdict.probability, verdict.threshold) == (
        worst.label,
        worst.probability,
        worst.threshold,
    )


def test_many_loud_faces_of_a_picture_bear_each_other_out(cards):
    loud = {"stargan": 2.2}
    assert judge(evidence(*[loud] * 12), cards, "image", 40).verdict.label == "fake"
    one = judge(evidence(loud, *[{"stargan": -3.0}] * 11), cards, "image", 40)
    assert one.verdict.label == "inconclusive"


def test_faces_that_several_detectors_judged_have_as_many_chances_of_an_alarm_each(cards):
    def labels(*loudest):
        units = [{"stargan": llr, "deepfakes": -3.0, "partswap": -3.0} for llr in loudest]
        return [face.label for face in judge(evidence(*units), cards, "image", 40).faces]

    # By the cards' tables 0.7 % and 1.5 % of reals are as loud for one of the three detectors.
    assert labels(3.46, 3.46) == ["fake", "fake"]
    assert labels(3.46, 2.7) == ["inconclusive", "inconclusive"]


def test_a_detector_of_the_frame_speaks_of_every_face(cards):
    units = {None: {"stargan": 6.0}, 1: {"deepfakes": -1.0, "partswap": -1.0}}
    found = judge(Evidence(units, 1, 0, 100.0), cards, "image", 40).verdict
    assert found == judge(evidence(LOUD), cards, "image", 40).verdict
    # Where no face was found it judges the picture.
    nobody = judge(Evidence({None: {"stargan": 6.0}}, 0, 0, 0.0), cards, "image", 40).verdict
    assert nobody.label == "fake"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-4, 6), min_size=1, max_size=8), st.integers(0, 7))
def test_a_louder_face_never_makes_a_picture_less_fake(cards, values, which):
    louder = list(values)
    louder[which % len(values)] += 1.0
    before, after = (
        judge(evidence(*({"stargan": one} for one in each)), cards, "image", 40).verdict
        for each in (values, louder)
    )
    assert (before.label == "fake") <= (after.label == "fake")
    for verdict in (before, after):
        assert (verdict.label == "fake") == (verdict.probability > verdict.threshold)


@pytest.mark.parametrize(
    ("given_evidence", "cause", "reason"),
    [
        (evidence(), "no_face", "no face was found"),
        (
            evidence({}, too_small=1, largest=30.0),
            "face_too_small",
            "the largest face is 30 pixels long",
        ),
        (evidence({}), "detectors_failed", "no detector could judge a face"),
        (replace(evidence(), frames=0), "no_frame", "no frame could be looked at"),
    ],
)
def test_nothing_to_judge_is_inconclusive_with_its_reason(cards, given_evidence, cause, reason):
    judged = judge(given_evidence, cards, "image", 40)
    verdict, families = judged.verdict, judged.families
    assert (verdict.label, verdict.probability, verdict.threshold) == ("inconclusive", None, None)
    assert verdict.unjudged == cause
    assert reason in verdict.reason
    assert families == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-4, 8), min_size=3, max_size=3), st.floats(0.1, 3))
def test_a_probability_rises_with_any_of_its_ratios(cards, values, more):
    names = [card.id for card in cards]

    def probability(ratios):
        found = evidence(dict(zip(names, ratios, strict=True)))
        return judge(found, cards, "image", 40).verdict.probability

    assert probability([*values[:-1], values[-1] + more]) > probability(values)


def test_a_video_is_judged_by_the_mean_of_its_frames():
    pool = EvidencePool()
    for index, value in enumerate([4.0, 0.0, 2.0]):
        pool.add(frame(index, stargan=value))
    assert pool.evidence().units[0]["stargan"] == pytest.approx(2.0)


def test_a_frame_where_a_detector_could_not_judge_is_left_out_of_the_mean():
    pool = EvidencePool()
    pool.add(frame(0, stargan=3.0, partswap=1.0))
    pool.add(frame(1, stargan=float("nan"), partswap=2.0))
    assert pool.evidence().units[0] == pytest.approx({"stargan": 3.0, "partswap": 1.5})


def test_a_face_seen_for_a_moment_does_not_count():
    pool = EvidencePool()
    for index in range(30):
        pool.add(frame(index, stargan=-1.0))
    passer_by = FrameResult(30, 1.2, (face(1),), (), {"stargan": np.array([9.0], np.float32)})
    pool.add(passer_by)
    assert set(pool.evidence().units) == {0}
    # Nor does what the temporal model says of it.
    assert pool.evidence({0: -1.0, 1: 9.0}).temporal == {0: -1.0}


@pytest.mark.parametrize(("frames", "counts"), [(20, True), (21, False)])
def test_a_face_that_is_there_for_a_tenth_of_the_longest_counts(frames, counts):
    pool = EvidencePool()
    for index in range(frames):
        faces = (face(0), face(1)) if index < 2 else (face(0),)
        llr = {"stargan": np.full(len(faces), 1.0, np.float32)}
        pool.add(FrameResult(index, index / 25, faces, (), llr))
    assert (1 in pool.evidence().units) is counts


def test_a_face_too_small_in_every_frame_is_counted_as_such():
    pool = EvidencePool()
    small = FrameResult(0, 0, (face(0, 30),), (), {"stargan": np.array([np.nan], np.float32)})
    pool.add(small)
    found = pool.evidence()
    assert (found.faces, found.too_small, found.largest_face) == (1, 1, 30)


def test_a_small_face_that_stays_leaves_a_large_one_its_say():
    pool = EvidencePool()
    for index in range(100):
        llr = np.array([np.nan, 6.0] if index < 5 else [np.nan], np.float32)
        faces = (face(0, 20), face(1, 200)) if index < 5 else (face(0, 20),)
        pool.add(FrameResult(index, index / 25, faces, (), {"stargan": llr}))
    found = pool.evidence()
    assert found.units[1] == pytest.approx({"stargan": 6.0})
    assert found.too_small == 1


def test_a_face_that_no_detector_managed_to_judge_is_not_too_small(cards):
    error = StageError("detect", "no memory", "stargan")
    llr = {"stargan": np.array([np.nan], np.float32)}
    pool = EvidencePool()
    pool.add(FrameResult(0, None, (face(0, 172),), (), llr, errors=(error,)))
    assert pool.evidence().too_small == 0
    assert judge(pool.evidence(), cards, "image", 36).verdict.unjudged == "detectors_failed"

"""Windows, timelines and the verdict on a video's faces."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from bundles import make_card, message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sequence_samples import boxes_of, face_at, frame_of, write_model

from fakecheck.assemble import ReportAssembler
from fakecheck.card import GRAPH_FILE
from fakecheck.errors import CardError, GraphRefusedError
from fakecheck.features import WIDTH
from fakecheck.observations import ClassTable, fused_llr, observe
from fakecheck.sequence import Evidence, SequencePool
from fakecheck.sharpness import sharpness
from fakecheck.temporal import ONNX_FILE, TemporalModel, forged_score
from fakecheck.temporal_verdict import judge_faces, real_under
from fakecheck.timeline import Timeline, forged_spans
from fakecheck.types import MediaInfo, Moment
from fakecheck.verdict import sigmoid

pytest.importorskip("onnx", reason="onnx, which draws the test models, is not installed")

INFO = MediaInfo("a.mp4", "0" * 64, "video", 640, 360, 100, 10.0)
FACE = (0, 0, 100, 100)
GAP = 10


@pytest.fixture
def cards(tmp_path):
    return [make_card(tmp_path / "card", id="bright", false_alarm_llr={0.1: 0.5, 0.01: 2.0})]


@pytest.fixture
def model(tmp_path):
    return TemporalModel(write_model(tmp_path / "model"))


def loud(card, *llr, index=0):
    """A frame with as many faces as there are values."""
    faces = [face_at(200 * n, track=n) for n in range(len(llr))]
    rows = [(n, 1, value, (200 * n, 0, 200 * n + 100, 100)) for n, value in enumerate(llr)]
    return frame_of(index, faces, boxes_of(card, *rows), bright=list(llr))


def moments(*values, step=1.0):
    return [Moment(n, n * step, 0, value) for n, value in enumerate(values)]


# The model and its card


def test_a_model_of_other_features_is_refused_with_both_versions(tmp_path):
    folder = write_model(tmp_path, features={"version": "0", "width": 7})
    with pytest.raises(CardError, match=r"features of version 0 \(7 a sample\)"):
        TemporalModel(folder)
    # As many features may mean something else.
    folder = write_model(tmp_path, features={"version": "0", "width": WIDTH})
    with pytest.raises(CardError, match="features of version 0"):
        TemporalModel(folder)


def test_a_changed_file_is_refused(tmp_path):
    folder = write_model(tmp_path)
    (folder / ONNX_FILE).write_bytes(b"other")
    with pytest.raises(GraphRefusedError, match="sha256"):
        TemporalModel(folder)


def test_a_model_with_a_forbidden_op_is_refused(tmp_path):
    evil = message((7, message((1, message((4, "Evil"))))))
    sums = {GRAPH_FILE: "0" * 64, ONNX_FILE: hashlib.sha256(evil).hexdigest()}
    folder = write_model(tmp_path, files=sums)
    (folder / ONNX_FILE).write_bytes(evil)
    with pytest.raises(GraphRefusedError, match="forbidden op Evil"):
        TemporalModel(folder)


def test_a_card_that_breaks_its_schema_names_the_field(tmp_path):
    with pytest.raises(CardError, match="window"):
        TemporalModel(write_model(tmp_path, window=0))
    with pytest.raises(CardError, match=r"model\.onnx is missing"):
        TemporalModel(write_model(tmp_path, files={"frozen_inference_graph.pb": "0" * 64}))


# Windows of samples


def test_every_sample_of_a_face_gets_its_moment(cards, model):
    pool = SequencePool(ClassTable(cards), model)
    for n in range(30):
        pool.add(loud(cards[0], 3.0 if n == 17 else -2.0, index=n), GAP)
    ratios = pool.finish()
    found = pool.timeline.moments()
    assert [moment.frame for moment in found] == list(range(30))
    for n, llr in ((17, 3.0), (16, -2.0)):
        # The mean of the odds of the network, of the best box here, and of the detectors' ratio.
        (seen,) = observe(loud(cards[0], llr, index=n), ClassTable(cards))
        odds = (math.exp(llr) + math.exp(fused_llr(seen.llr, ClassTable(cards))[0])) / 2
        assert found[n].probability == pytest.approx(odds / (1 + odds), abs=1e-4)
    assert found[17].families == pytest.approx({"stargan": 3.0})
    # Windows of 8, 8, 8 and the 6 that are left, the third with the loud one: their mean ratio. In
    # each, the mean of the network's, of its loudest sample here, and the detector's mean.
    steady = (3.0 - 7 * 2.0) / 8
    loudest = (np.exp(3.0) + np.exp(steady)) / 2
    expected = np.log((22 * np.exp(-2.0) + 8 * loudest) / 30)
    assert ratios == pytest.approx({0: expected}, abs=0.02)


def test_a_face_too_small_to_be_judged_is_one_that_is_not_seen(cards, model):
    table = ClassTable(cards)
    (small,) = observe(frame_of(3, [face_at()], bright=[math.nan]), table)
    (judged,) = observe(loud(cards[0], 2.0, index=4), table)
    assert (small.seen.tolist(), judged.seen.tolist()) == ([False], [True])
    alone, among = SequencePool(table, model), SequencePool(table, model)
    for n in range(8):
        alone.add(loud(cards[0], 2.0, index=n), GAP)
        among.add(loud(cards[0], 2.0, index=n), GAP)
    for n in range(8, 12):
        among.add(frame_of(n, [face_at()], bright=[math.nan]), GAP)
    assert among.finish() == pytest.approx(alone.finish())
    assert len(among.timeline.moments()) == 8


def test_a_score_is_the_mean_of_the_odds_of_network_and_detectors():
    network = np.array([sigmoid(2.0), sigmoid(2.0), 1.0], np.float32)
    found = forged_score(network, np.array([-1.0, math.nan, -1.0], np.float32))
    odds = (math.e**2 + math.e**-1) / 2
    assert found[:2] == pytest.approx([odds / (1 + odds), sigmoid(2.0)], abs=1e-5)
    assert 0.999 < found[2] < 1


def test_memory_does_not_grow_with_the_length(cards, model):
    pool = SequencePool(ClassTable(cards), model)
    for n in range(400):
        pool.add(loud(cards[0], -2.0, index=n), GAP)
        assert sum(len(waiting) for waiting in pool._open.values()) <= 1.5 * model.card.window
        assert len(pool._between) <= GAP + 1


def test_frames_without_the_face_are_masked_samples_and_no_moments(cards, model):
    pool = SequencePool(ClassTable(cards), model)
    for n in (0, 1, 2, 3, 4):
        frame = loud(cards[0], 1.0, index=n) if n != 2 else frame_of(n, [], bright=[])
        pool.add(frame, GAP)
    (waiting,) = pool._open.values()
    assert [bool(sample.seen[0]) for sample in waiting] == [True, True, False, True, True]
    pool.finish()
    assert [moment.frame for moment in pool.timeline.moments()] == [0, 1, 3, 4]


def test_a_face_that_was_lost_as_long_as_it_may_be_has_a_sample_of_every_frame(cards):
    pool = SequencePool(ClassTable(cards), None)
    for n in range(GAP + 2):
        lost = 0 < n <= GAP
        pool.add(frame_of(n, [], bright=[]) if lost else loud(cards[0], 1.0, index=n), GAP)
    (waiting,) = pool._open.values()
    assert [int(sample.frame[0]) for sample in waiting] == list(range(GAP + 2))


def test_a_face_that_has_left_is_judged_at_once(cards, model):
    pool = SequencePool(ClassTable(cards), model)
    pool.add(loud(cards[0], 1.0), GAP)
    for n in range(1, GAP + 2):
        pool.add(frame_of(n, [], bright=[]), GAP)
    assert not pool._open
    assert len(pool.timeline.moments()) == 1


def test_a_face_that_nothing_could_judge_has_no_ratio(cards, model):
    pool = SequencePool(ClassTable(cards), model)
    pool.add(frame_of(0, [face_at(side=20)], bright=[np.nan]), GAP)
    assert pool.finish() == {}
    assert pool.timeline.moments() == ()


# Timelines and spans


def test_a_long_timeline_keeps_the_louder_of_neighbours():
    timeline = Timeline(limit=100)
    for n in range(1000):
        timeline.add(Moment(n, n / 10, 0, 0.9 if n == 501 else 0.1))
    kept = timeline.moments()
    assert len(kept) <= 100
    assert max(kept, key=lambda moment: moment.probability).frame == 501
    assert [m.frame for m in kept] == sorted(m.frame for m in kept)


@pytest.mark.parametrize("faces", [1, 3])
def test_a_long_timeline_keeps_as_many_at_its_start_as_at_its_end(faces):
    timeline = Timeline(limit=100)
    for n in range(3000):
        for face in range(faces):
            timeline.add(Moment(n, n / 10, face, 0.9))
    for face in range(faces):
        kept = timeline.of(face)
        halves = [sum((m.time < 150) == early for m in kept) for early in (True, False)]
        assert abs(halves[0] - halves[1]) <= 1
        (span,) = forged_spans(kept, over=0.5)
        assert span.start == 0.0
        assert span.end > 280


def test_spans_reach_halfway_to_the_neighbours():
    (span,) = forged_spans(moments(0.1, 0.2, 0.9, 0.8, 0.1), over=0.5)
    assert (span.start, span.end) == (1.5, 3.5)
    first, second = forged_spans(moments(0.9, 0.1, 0.1, 0.9), over=0.5)
    assert (first.start, first.end) == (0.0, 0.5)
    assert (second.start, second.end) == (2.5, 3.5)


def test_neighbours_make_one_span_though_their_times_are_rounded():
    found = [Moment(n, 0.02 + 0.04 * n, 0, 0.9) for n in range(50)]
    (span,) = forged_spans(found, over=0.5)
    assert (span.start, span.end) == pytest.approx((0, 2))


def test_a_pause_parts_spans_and_is_not_filled():
    found = [Moment(n, time, 0, 0.9) for n, time in enumerate([0.0, 1.0, 2.0, 30.0, 31.0])]
    spans = [(span.start, span.end) for span in forged_spans(found, 0.5)]
    assert spans == [(0.0, 2.5), (29.5, 31.5)]


def test_where_no_moment_is_over_the_loudest_carried_it():
    (span,) = forged_spans(moments(0.1, 0.6, 0.7, 0.6, 0.2), over=0.8)
    assert (span.start, span.end) == (0.5, 3.5)
    (span,) = forged_spans(moments(0.1, 0.3, 0.2), over=0.5)
    assert (span.start, span.end) == (0.5, 1.5)
    assert forged_spans([], 0.5) == []


# Verdicts


def evidence(**temporal):
    ratios = {int(track[1:]): value for track, value in temporal.items()}
    units = {track: {"bright": value} for track, value in ratios.items()}
    return Evidence(units, len(ratios), 0, 100.0, ratios)


def test_the_video_is_as_bad_as_its_worst_face(cards, model):
    timeline = Timeline()
    for track, value in ((0, 0.1), (1, 0.95), (2, 0.2)):
        for n in range(3):
            timeline.add(Moment(n, float(n), track, value))
    judged = judge_faces(evidence(t0=-3.0, t1=5.0, t2=0.1), cards, model.card, timeline)
    assert judged.verdict.label == "fake"
    assert judged.verdict.probability == pytest.approx(sigmoid(5.0))
    assert [(face.track, face.label) for face in judged.faces] == [
        (0, "real"),
        (1, "fake"),
        (2, "inconclusive"),
    ]
    assert {span.track for span in judged.spans} == {1}
    assert "face 1, the most suspicious of 3," in judged.verdict.reason
    assert "from 0.0 to 2.5 s" in judged.verdict.reason
    assert judged.families[0].family == "stargan"


def test_more_faces_make_each_have_to_be_rarer(cards, model):
    one = judge_faces(evidence(t0=2.5), cards, model.card, Timeline())
    many = judge_faces(
        evidence(t0=2.5, **{f"t{n}": -3.0 for n in range(1, 5)}), cards, model.card, Timeline()
    )
    assert one.verdict.label == "fake"
    assert many.verdict.label == "inconclusive"
    assert one.verdict.threshold == pytest.approx(sigmoid(2.0))
    assert many.verdict.threshold == pytest.approx(sigmoid(2.0 + np.log(5)), abs=1e-4)


def test_more_false_alarms_find_more_in_clips_and_are_told(cards, model):
    quiet = judge_faces(evidence(t0=1.8), cards, model.card, Timeline()).verdict
    loud = judge_faces(evidence(t0=1.8), cards, model.card, Timeline(), 0.02).verdict
    assert (quiet.label, loud.label) == ("inconclusive", "fake")
    assert "more than 1% of real clips" in quiet.reason
    assert "in 98% of the real faces" in loud.reason
    assert (quiet.false_alarm_rate, loud.false_alarm_rate) == (0.01, 0.02)
    assert loud.threshold == pytest.approx(sigmoid(2 - 1.5 * np.log10(2)))


def test_many_loud_faces_bear_each_other_out(cards, model):
    loud = {f"t{n}": 2.5 for n in range(20)}
    judged = judge_faces(evidence(**loud), cards, model.card, Timeline())
    assert judged.verdict.label == "fake"
    assert {face.label for face in judged.faces} == {"fake"}
    quiet = {f"t{n}": -3.0 for n in range(18)}
    two = judge_faces(evidence(t18=2.5, t19=2.5, **quiet), cards, model.card, Timeline())
    assert two.verdict.label == "inconclusive"


@given(st.lists(st.floats(-4, 5), min_size=1, max_size=12), st.integers(0, 11))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_louder_face_never_makes_a_video_less_fake(cards, model, ratios, which):
    louder = list(ratios)
    louder[which % len(ratios)] += 1.0
    before, after = (
        judge_faces(
            evidence(**{f"t{n}": llr for n, llr in enumerate(values)}),
            cards,
            model.card,
            Timeline(),
        ).verdict
        for values in (ratios, louder)
    )
    assert (before.label == "fake") <= (after.label == "fake")
    for verdict in (before, after):
        assert (verdict.label == "fake") == (verdict.probability > verdict.threshold)


def test_many_faces_that_are_each_a_little_suspicious_by_chance_leave_a_clip_real(cards, model):
    bands = model.card.bands
    limit = math.log(bands.real_below / (1 - bands.real_below))
    assert real_under([limit], bands) == pytest.approx(bands.real_below)
    quiet = [-3.0] * 4
    odds = real_under([-0.2, *quiet], bands)
    # Under it the mean of the faces' ratios is under the limit of one.
    worst = math.log(odds / (1 - odds)) if odds < 0.5 else 0.0
    assert np.mean(np.exp([worst, *quiet])) <= math.exp(limit) + 1e-9
    faces = {f"t{n}": llr for n, llr in enumerate([-0.2, *quiet])}
    judged = judge_faces(evidence(**faces), cards, model.card, Timeline())
    assert judged.verdict.label == "real"
    assert "taken together with the others, shows less" in judged.verdict.reason
    alone = judge_faces(evidence(t0=-0.2), cards, model.card, Timeline())
    assert alone.verdict.label == "inconclusive"
    assert "show no more" in alone.verdict.reason
    # What is likelier forged than not is never real, however many quiet faces are beside it.
    many = {f"t{n}": -5.0 for n in range(1, 40)}
    judged = judge_faces(evidence(t0=0.1, **many), cards, model.card, Timeline())
    assert judged.verdict.label == "inconclusive"


def test_under_the_band_it_is_real_and_the_reason_tells_the_misses(cards, model):
    judged = judge_faces(evidence(t0=-3.0), cards, model.card, Timeline())
    assert judged.verdict.label == "real"
    assert "5%" in judged.verdict.reason
    assert judged.spans == ()


def report(cards, model, *llr):
    assembler = ReportAssembler(INFO, cards, 40, model)
    for n, value in enumerate(llr):
        assembler.add(loud(cards[0], value, index=n))
    return assembler.report()


def test_a_clip_forged_in_a_part_is_fake_and_the_part_is_told(cards, model):
    found = report(cards, model, *[-2.0] * 8, *[5.0] * 8, *[-2.0] * 8)
    assert found.verdict.label == "fake"
    (span,) = found.spans
    assert (span.start, span.end) == pytest.approx((0.75, 1.55))
    assert [face.label for face in found.face_verdicts] == ["fake"]
    assert len(found.timeline) == 24
    assert found.verdict.real_below == pytest.approx(0.4)


def test_the_family_is_that_of_the_forged_part_not_of_the_whole(cards, model):
    timeline = Timeline()
    for n in range(9):
        forged = n in (4, 5)
        families = {"stargan": 5.0 if forged else -5.0, "deepfakes": 1.0}
        timeline.add(Moment(n, float(n), 0, 0.9 if forged else 0.1, families))
    judged = judge_faces(evidence(t0=5.0), cards, model.card, timeline)
    assert [score.family for score in judged.families] == ["stargan", "deepfakes"]
    assert sum(score.probability for score in judged.families) == pytest.approx(sigmoid(5.0))


def test_without_a_model_frames_are_averaged_and_the_timeline_is_there(cards):
    found = report(cards, None, *[-3.0] * 8, *[2.4] * 4)
    assert found.verdict.reason.startswith("averaged over the frames looked at")
    assert found.verdict.probability == pytest.approx(sigmoid((-24 + 9.6) / 12), abs=1e-4)
    assert [face.label for face in found.face_verdicts] == [found.verdict.label] == ["real"]
    assert found.timeline[-1].probability > 0.5 > found.timeline[0].probability
    assert found.spans == ()


def test_a_picture_is_fused_as_ever(cards, model):
    info = MediaInfo("a.jpg", "0" * 64, "image", 640, 360, 1)
    assembler = ReportAssembler(info, cards, 40, model)
    assembler.add(loud(cards[0], 2.5))
    found = assembler.report()
    assert found.verdict.probability == pytest.approx(sigmoid(2.5))
    assert (found.timeline, found.spans, found.face_verdicts) == ((), (), ())


def test_a_blurred_face_is_less_sharp():
    import cv2

    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (120, 120, 3)).astype(np.uint8)
    soft = cv2.GaussianBlur(image, (0, 0), 3)
    sharp, blurred = (sharpness(one, [face_at()])[0] for one in (image, soft))
    assert sharp > blurred + 1
    assert sharpness(image, []).shape == (0,)

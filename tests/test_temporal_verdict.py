"""The verdict on a video at the edges: faces that are as bad, and limits of an odd card."""

from __future__ import annotations

import pytest
from bundles import make_card
from sequence_samples import write_model

from fakecheck.sequence import Evidence
from fakecheck.temporal import load_sequence_card
from fakecheck.temporal_verdict import judge_faces
from fakecheck.timeline import Timeline

pytest.importorskip("onnx", reason="onnx, which draws the test models, is not installed")


@pytest.fixture
def judged(tmp_path):
    """Judges faces of these log-ratios by a model whose card has these `changes`."""

    def call(*ratios, **changes):
        cards = [make_card(tmp_path / "card", id="bright")]
        card = load_sequence_card(write_model(tmp_path / "model", **changes))
        temporal = dict(enumerate(ratios, 1))
        units = {track: {"bright": llr} for track, llr in temporal.items()}
        evidence = Evidence(units, len(ratios), 0, 100.0, temporal)
        return judge_faces(evidence, cards, card, Timeline())

    return call


def test_of_faces_that_are_as_bad_the_first_one_gives_the_reason(judged):
    found = judged(3.0, 3.0)
    assert "face 1, the most suspicious of 2," in found.verdict.reason
    assert max(found.faces, key=lambda face: face.badness).track == 1


def test_limits_keep_their_order_and_nothing_under_even_odds_is_fake(judged):
    bands = {"miss_rate": 0.05, "real_below": 0.5, "forged_over": 0.5}
    verdict = judged(-0.5, bands=bands, false_alarm_llr={0.1: -3.0, 0.01: -2.0}).verdict
    assert (verdict.label, verdict.real_below, verdict.threshold) == ("real", 0.5, 0.5)

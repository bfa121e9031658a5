"""Features of a face through time: what each means, and that any set of detectors can fill them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from bundles import CLASSES, make_card
from sequence_samples import MARKS, boxes_of, face_at, frame_of

from fakecheck.features import FACE_FEATURES, NAMES, WIDTH, sequence_of
from fakecheck.group_features import GROUP_FEATURES
from fakecheck.observations import (
    GROUPS,
    KINDS,
    MIN_LLR,
    WORDS,
    ClassTable,
    fused_llr,
    join,
    observe,
    steady_llr,
    unseen,
)
from fakecheck.types import Face

REGISTRY = Path(__file__).parent.parent / "registry"
FACE = (0, 0, 100, 100)


@pytest.fixture
def cards(tmp_path):
    return [
        make_card(tmp_path / "a", id="edit"),
        make_card(tmp_path / "b", id="swap", family="deepfakes", kind="swap"),
    ]


def features_of(results, table, face=0):
    found = join([observe(result, table)[face] for result in results])
    values = sequence_of(found, table).values
    return {name: values[:, number] for number, name in enumerate(NAMES)}


def test_every_column_has_one_name_and_a_meaning():
    assert len(set(NAMES)) == WIDTH == len(GROUPS) * len(GROUP_FEATURES) + len(FACE_FEATURES)
    features = [one for table in (GROUP_FEATURES, FACE_FEATURES) for one in table.values()]
    assert all(one.meaning and one.unit and one.low < one.high for one in features)


def test_words_and_kinds_are_those_of_the_registry():
    words = yaml.safe_load((REGISTRY / "artifacts.yaml").read_text(encoding="utf-8"))
    assert set(WORDS) <= set(words["artifacts"])
    families = yaml.safe_load((REGISTRY / "families.yaml").read_text(encoding="utf-8"))
    assert {family["kind"] for family in families.values()} <= set(KINDS)


def test_the_best_box_of_a_group_is_told_with_its_place(cards):
    table = ClassTable(cards)
    loud = boxes_of(cards[0], (0, 2, 2.5, (50, 60, 70, 70)), (0, 1, -1.0, FACE))
    quiet = boxes_of(cards[1], (0, 1, 1.5, FACE))
    found = features_of([frame_of(0, [face_at()], loud, quiet, edit=[0], swap=[0])], table)
    assert found["all.best"][0] == found["word_partswap.best"][0] == pytest.approx(2.5)
    assert found["kind_swap.best"][0] == pytest.approx(1.5)
    assert (found["all.dx"][0], found["all.dy"][0]) == pytest.approx((0.1, 0.15))
    assert found["all.area"][0] == pytest.approx(0.02)
    assert found["all.count"][0] == pytest.approx(math.log(3))
    assert found["all.sum"][0] == pytest.approx(4.0)


def test_a_face_upside_down_has_the_features_of_one_that_stands(cards):
    table = ClassTable(cards)
    upright = boxes_of(cards[0], (0, 2, 2.5, (50, 60, 70, 70)))
    turned = boxes_of(cards[0], (0, 2, 2.5, (30, 30, 50, 40)))
    lying = boxes_of(cards[0], (0, 2, 2.5, (30, 50, 40, 70)))
    x, y = MARKS.T
    faces = [
        Face(face_at().xyxy, np.stack(marks, axis=1), 0.9, 0)
        for marks in ((x, y), (100 - x, 100 - y), (100 - y, x))
    ]
    expected, *others = (
        features_of([frame_of(0, [face], found, edit=[0])], table)
        for face, found in zip(faces, (upright, turned, lying), strict=True)
    )
    for other in others:
        assert {name: value[0] for name, value in other.items()} == pytest.approx(
            {name: value[0] for name, value in expected.items()}, abs=1e-5
        )
    place, *places = (
        observe(frame_of(0, [face], found, edit=[0]), table)[0].place[0, 1]
        for face, found in zip(faces, (upright, turned, lying), strict=True)
    )
    np.testing.assert_allclose(place, [0.1, 0.15, 0.2, 0.1], atol=1e-6)
    np.testing.assert_allclose(places, [place] * 2, atol=1e-6)


def test_places_are_in_longer_sides_of_the_face(cards):
    narrow = Face(np.array([0, 0, 50, 100], np.float32), MARKS * [0.5, 1], 0.9, 0)
    result = frame_of(0, [narrow], boxes_of(cards[0], (0, 1, 2.0, (10, 20, 40, 60))), edit=[0])
    (seen,) = observe(result, ClassTable(cards))
    np.testing.assert_allclose(seen.place[0, 0], [0.0, -0.1, 0.3, 0.4], atol=1e-6)


def test_the_mean_of_everything_is_the_fusion_of_the_verdict(cards):
    table = ClassTable(cards)
    one = boxes_of(cards[0], (0, 1, 2.0, FACE), (0, 2, 0.5, FACE))
    other = boxes_of(cards[1], (0, 1, -2.0, FACE), (0, 2, -2.0, FACE))
    result = frame_of(0, [face_at()], one, other, edit=[0], swap=[0])
    expected = math.log(((math.e**2 + math.e**0.5) / 2 + math.e**-2) / 2)
    assert features_of([result], table)["all.mean"][0] == pytest.approx(expected, abs=1e-5)
    llr = join(observe(result, table)).llr
    assert fused_llr(llr, table)[0] == pytest.approx(expected, abs=1e-5)


def test_a_group_without_a_detector_is_absent_and_zero(cards):
    found = features_of([frame_of(0, [face_at()], edit=[-3.0])], ClassTable(cards))
    assert found["kind_attribute_edit.present"][0] == 1
    for name in GROUP_FEATURES:
        assert found[f"kind_swap.{name}"][0] == 0
        assert found[f"word_blur.{name}"][0] == 0
    assert found["face.detectors"][0] == pytest.approx(math.log(2))


def test_values_lie_in_the_ranges_that_are_told(cards):
    rng = np.random.default_rng(0)
    ranges = {f"{group}.{name}": one for group in GROUPS for name, one in GROUP_FEATURES.items()}
    ranges |= {f"face.{name}": one for name, one in FACE_FEATURES.items()}
    assert list(ranges) == list(NAMES)
    frames = []
    for number in range(60):
        rows = [
            (0, int(rng.integers(1, 3)), rng.normal(0, 4), tuple(np.sort(rng.uniform(0, 300, 4))))
            for _ in range(int(rng.integers(0, 12)))
        ]
        box = np.array([0, 0, *rng.uniform(0, 300, 2)], np.float32)
        marks = rng.uniform(-200, 200, (5, 2)).astype(np.float32)
        face = Face(box, marks, 0.9, 0)
        frames.append(frame_of(number, [face], boxes_of(cards[0], *rows), edit=[0], swap=[-3]))
    for name, values in features_of(frames, ClassTable(cards)).items():
        assert values.min() >= np.float32(ranges[name].low), name
        assert values.max() <= np.float32(ranges[name].high), name


def test_features_have_one_width_whatever_is_installed(cards):
    result = frame_of(0, [face_at()], boxes_of(cards[0], (0, 1, 2.0, FACE)), edit=[2.0])
    for installed in (cards[:1], cards, cards[::-1]):
        table = ClassTable(installed)
        found = sequence_of(observe(result, table)[0], table)
        assert found.values.shape == (1, WIDTH)
        assert found.values.dtype == np.float32
        assert np.isfinite(found.values).all()
        assert found.values[0, NAMES.index("kind_attribute_edit.best")] == pytest.approx(2.0)


def test_one_more_detector_makes_the_same_ratio_less_rare(cards):
    loud = boxes_of(cards[0], (0, 1, 3.0, FACE), (0, 2, 3.0, FACE))
    alone = frame_of(0, [face_at()], loud, edit=[3.0])
    both = frame_of(0, [face_at()], loud, edit=[3.0], swap=[-3.0])
    table = ClassTable(cards)
    first, second = (features_of([r], table)["all.rarity"][0] for r in (alone, both))
    # The card's table: 1 % of reals exceed 2.0, and beyond it the rate falls by exp(-llr).
    assert first == pytest.approx(-math.log(0.01) + 1.0, abs=1e-4)
    assert second == pytest.approx(first - math.log(2), abs=1e-4)


@pytest.mark.parametrize("row", [-2.07941, -2.0794, -2.07939])
def test_a_detector_that_is_silent_says_what_most_reals_say(tmp_path, row):
    classes = [
        {
            "id": number,
            "name": name,
            "threshold": 0.5,
            "calibration": {"slope": 1.0, "intercept": 0.0, "min_llr": -2.0794, "max_llr": 6.0},
        }
        for number, name in enumerate(CLASSES, 1)
    ]
    table = {0.1: row, 0.01: row, 0.005: 1.0}
    card = make_card(tmp_path, classes=classes, false_alarm_llr=table)
    result = frame_of(0, [face_at()], boxes_of(card), bright=[0.0])
    found = features_of([result], ClassTable([card]))
    assert found["all.best"][0] == pytest.approx(-2.0794)
    assert found["all.rarity"][0] == pytest.approx(-math.log(0.1), abs=1e-4)


def test_change_is_since_the_sample_before_in_which_the_face_was_seen(cards):
    table = ClassTable(cards[:1])
    frames = [
        frame_of(n, [face_at()], boxes_of(cards[0], (0, 1, llr, FACE)), edit=[llr])
        for n, llr in enumerate([1.0, 2.5, 0.5])
    ]
    parts = [observe(one, table)[0] for one in frames]
    seen = join([parts[0], unseen(1, 0.1, table), parts[1], parts[2]])
    found = sequence_of(seen, table)
    change = found.values[:, NAMES.index("all.change")]
    np.testing.assert_allclose(change, [0, 0, 1.5, -2.0], atol=1e-6)
    assert found.mask.tolist() == [True, False, True, True]
    hidden = found.values[1]
    assert hidden[NAMES.index("face.elapsed")] == pytest.approx(math.log(1.1), abs=1e-5)
    assert np.count_nonzero(hidden) == 1


def test_pose_follows_from_the_landmarks(cards):
    table = ClassTable(cards[:1])
    found = features_of([frame_of(0, [face_at()], edit=[0])], table)
    assert found["face.roll"][0] == pytest.approx(0)
    assert found["face.yaw"][0] == pytest.approx(0)
    assert found["face.pitch"][0] == pytest.approx(0.5)
    assert found["face.size"][0] == pytest.approx(math.log(100))
    turned = MARKS.copy()
    turned[2] += (8, 0)
    moved = type(face_at())(face_at().xyxy, turned, 0.9, 0)
    assert features_of([frame_of(0, [moved], edit=[0])], table)["face.yaw"][0] == pytest.approx(0.2)


def test_each_face_has_its_own_boxes_and_those_of_the_whole_frame(cards):
    table = ClassTable(cards[:1])
    boxes = boxes_of(cards[0], (-1, 1, 1.2, FACE), (1, 1, 3.0, (200, 0, 300, 100)))
    result = frame_of(0, [face_at(), face_at(200, track=1)], boxes, edit=[0, 0])
    best = [features_of([result], table, face)["all.best"][0] for face in (0, 1)]
    assert best == pytest.approx([1.2, 3.0])


def test_every_box_of_the_whole_frame_is_every_faces(cards):
    table = ClassTable(cards[:1])
    boxes = boxes_of(cards[0], (-1, 1, 1.2, FACE), (-1, 2, 2.2, FACE))
    result = frame_of(0, [face_at(), face_at(200, track=1)], boxes, edit=[0, 0])
    for seen in observe(result, table):
        assert seen.llr[0].tolist() == pytest.approx([1.2, 2.2])
        assert seen.count[0].tolist() == [1, 1]


def test_a_detector_that_could_not_judge_leaves_the_others_their_ratio(cards):
    table, unknown = ClassTable(cards), math.nan
    llr = np.array([[2, 2, unknown, unknown], [unknown] * 4], np.float32)
    np.testing.assert_allclose(fused_llr(llr, table), [2.0, unknown], atol=1e-6)
    assert steady_llr(llr, table) == pytest.approx(2.0)
    assert math.isnan(steady_llr(llr[1:], table))


def test_a_detector_that_could_not_judge_a_small_face_is_not_there(cards):
    found = features_of([frame_of(0, [face_at(side=20)], edit=[np.nan], swap=[-3.0])],
                        ClassTable(cards))  # fmt: skip
    assert found["kind_attribute_edit.present"][0] == 0
    assert found["all.present"][0] == 1


def test_boxes_count_from_a_bare_mention_on(cards):
    table = ClassTable(cards[:1])
    rows = [(0, 1, llr, FACE) for llr in (3.0, MIN_LLR + 0.01, MIN_LLR - 0.01)]
    found = features_of([frame_of(0, [face_at()], boxes_of(cards[0], *rows), edit=[3])], table)
    assert found["all.count"][0] == pytest.approx(math.log(3))

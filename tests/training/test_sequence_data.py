"""Sequences as training draws them: other detectors, fewer samples, the same labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from bundles import make_card
from sequence_corpora import corpus, item, sequence

from fakecheck.errors import UsageError
from fakecheck.features import NAMES, sequence_of
from fakecheck.observations import ClassTable
from fakecheck_training.sequence.corpus import (
    clip_folder,
    items_of,
    read_items,
    rows_folder,
    write_items,
)
from fakecheck_training.sequence.data import (
    Augment,
    _labels,
    _mirrored,
    family_known,
    known_families,
    make_batch,
    moments,
    varied,
)
from fakecheck_training.sequence.extract import (
    BOX_ROW,
    FACE_ROW,
    SAMPLE_ROW,
    SetFaces,
    cache_path,
    cached_boxes,
    save_boxes,
)

STILL = Augment(all_detectors=1, samples=0, lost=0, size=0, sharpness=0, llr=0, jitter=0)


@pytest.fixture
def cards(tmp_path):
    return [
        make_card(tmp_path / "a", id="edit"),
        make_card(tmp_path / "b", id="swap", family="deepfakes", kind="swap"),
    ]


def test_labels_are_those_of_the_forged_seconds(cards):
    one = sequence(cards, 0, [0.0] * 5, [0, 1, 1, 0, 0])
    cut = item(0, True, spans=((0.1, 0.3),))
    assert _labels(cut, one.seen).tolist() == [0, 1, 1, 0, 0]
    assert _labels(item(0, True), one.seen).tolist() == [1] * 5
    assert _labels(item(0, False), one.seen).tolist() == [0] * 5


def test_detectors_are_switched_off_whole_and_one_stays(cards):
    table = ClassTable(cards)
    how = Augment(all_detectors=0, keep=0.3)
    one = sequence(cards, 0, [3.0] * 6, [1] * 6)
    rng = np.random.default_rng(0)
    kept = set()
    for _ in range(60):
        seen = varied(one, table, how, rng)[0].seen
        there = ~np.isnan(seen.llr[seen.seen])
        assert (there == there[0]).all()
        by_detector = [there[0][table.owner == n] for n in range(2)]
        assert all(part.all() or not part.any() for part in by_detector)
        assert any(part.all() for part in by_detector)
        kept.add(tuple(bool(part.all()) for part in by_detector))
    assert kept == {(True, True), (True, False), (False, True)}


def test_a_forgery_that_no_detector_is_left_for_weighs_less(cards):
    table = ClassTable(cards)
    how = Augment(all_detectors=0, keep=0.0, unseen_weight=0.25)
    rng = np.random.default_rng(1)
    forged = sequence(cards, 0, [3.0], [1])
    weights = {varied(forged, table, how, rng)[1] for _ in range(40)}
    assert weights == {0.25, 1.0}
    real = sequence(cards, 1, [-3.0], [0])
    assert {varied(real, table, how, rng)[1] for _ in range(40)} == {1.0}


def test_labels_stay_with_their_samples(cards):
    table = ClassTable(cards)
    llr = [-2.0, -2.0, 4.0, 4.0, -2.0, 4.0]
    one = sequence(cards, 0, llr, [0, 0, 1, 1, 0, 1])
    rng = np.random.default_rng(2)
    how = Augment(all_detectors=1, samples=1, lost=0, llr=0, jitter=0)
    for _ in range(50):
        drawn = varied(one, table, how, rng)[0]
        assert len(drawn.seen) == len(drawn.labels) >= 2
        assert (np.diff(drawn.seen.time) > 0).all()
        assert ((drawn.seen.llr[:, 0] > 0) == (drawn.labels > 0)).all()


def test_nothing_changes_without_augmentation_but_the_side_it_is_seen_from(cards):
    table = ClassTable(cards)
    one = sequence(cards, 0, [1.0, 2.0], [1, 1])
    drawn = varied(one, table, STILL, np.random.default_rng(0))[0]
    first, second = sequence_of(one.seen, table), sequence_of(drawn.seen, table)
    column = NAMES.index("all.best")
    np.testing.assert_allclose(first.values[:, column], second.values[:, column])
    twice = _mirrored(_mirrored(one.seen))
    np.testing.assert_array_equal(twice.landmarks, one.seen.landmarks)


def test_short_sequences_are_filled_up_and_told_apart(cards):
    table = ClassTable(cards)
    batch = make_batch(
        [sequence(cards, 0, [1.0], [1]), sequence(cards, 1, [0.0] * 3, [0] * 3)], table
    )
    assert batch.values.shape == (2, 3, len(NAMES))
    assert batch.there.tolist() == [[1, 0, 0], [1, 1, 1]]
    assert batch.fake.tolist() == [1, 0]


def test_a_feature_that_never_changes_has_no_say(cards):
    table = ClassTable(cards)
    mean, scale = moments(corpus(cards, 12), table)
    assert scale[NAMES.index("kind_synthesis.best")] == 0
    assert scale[NAMES.index("all.best")] > 0
    assert np.isfinite(mean).all()


def test_members_of_a_family_count_as_known(tmp_path):
    card = make_card(tmp_path, family="lowres_gan", kind="synthesis")
    families = known_families([card])
    assert {"dcgan", "lsgan", "wgan"} <= families
    assert family_known(item(0, True, family="dcgan"), families)
    assert not family_known(item(0, True, family="stylegan"), families)
    assert family_known(item(0, False), families)
    assert family_known(item(0, True, family="dfdc"), {"deepfakes"})


def test_lists_of_clips_come_back_as_they_were(tmp_path):
    items = [item(0, True, spans=((0.5, 1.0), (2.0, 2.5))), item(1, False)]
    write_items(tmp_path, items)
    assert read_items(tmp_path) == items


@pytest.mark.parametrize("name", ["nosuch", "foo_val", "ffpp_test"])
def test_a_set_that_is_not_known_is_one_sentence(tmp_path, name):
    with pytest.raises(UsageError, match=rf"no set '{name}'.*real_clips.*ffpp_val"):
        items_of(name, tmp_path, tmp_path)


def test_boxes_in_other_crops_of_the_same_graph_are_not_taken(tmp_path, cards):
    card = cards[0]
    faces = SetFaces([item(0, True)], np.zeros(0, SAMPLE_ROW), np.zeros(0, FACE_ROW))
    boxes = np.ones(3, BOX_ROW)
    save_boxes(tmp_path, "toy", card, faces, boxes)
    np.testing.assert_array_equal(cached_boxes(tmp_path, "toy", card, faces), boxes)
    wider = card.model_copy(update={"crop": card.crop.model_copy(update={"margin": 0.9})})
    for other in (wider, card.model_copy(update={"min_face": 99.0})):
        assert cache_path(tmp_path, "toy", other) == cache_path(tmp_path, "toy", card)
        assert cached_boxes(tmp_path, "toy", other, faces) is None
    other_clips = replace(faces, items=[item(1, True)])
    assert cached_boxes(tmp_path, "toy", card, other_clips) is None


def test_making_clips_says_how_far_it_is(tmp_path, monkeypatch):
    from fakecheck_training import options
    from fakecheck_training.sequence import clips

    def three(*_):
        yield from (item(number, False) for number in range(3))

    monkeypatch.setattr(clips, "load_faces", lambda work: {})
    monkeypatch.setattr(clips, "MAKERS", dict.fromkeys(clips.CLIP_SETS, three))
    monkeypatch.setattr(options, "REPORT_EVERY", 0.0)
    places = ["--data", str(tmp_path), "--work", str(tmp_path), "--videos", str(tmp_path)]
    result = CliRunner().invoke(clips.main, places)
    assert result.exit_code == 0, result.output
    for name in clips.CLIP_SETS:
        for count in (1, 2, 3):
            assert f"{name}: clips: {count}, " in result.output
        assert f"{name}: 3 clips, 0 forged" in result.output
    # What is finished is not made again.
    assert not CliRunner().invoke(clips.main, places).output


def test_clips_made_again_forget_what_was_found_in_the_old_ones(tmp_path, monkeypatch):
    from fakecheck_training.sequence import clips

    def interrupted(*_):
        raise KeyboardInterrupt

    folder, rows = clip_folder(tmp_path, "real_clips"), rows_folder(tmp_path, "real_clips")
    folder.mkdir(parents=True)
    rows.mkdir(parents=True)
    write_items(folder, [])
    (rows / "faces.npz").touch()
    monkeypatch.setattr(clips, "load_faces", lambda work: {})
    monkeypatch.setitem(clips.MAKERS, "real_clips", interrupted)
    places = ["--data", str(tmp_path), "--work", str(tmp_path), "--videos", str(tmp_path)]
    result = CliRunner().invoke(clips.main, [*places, "--again"])
    assert result.exit_code == 1
    assert not (folder / "items.jsonl").exists()
    assert not rows.exists()

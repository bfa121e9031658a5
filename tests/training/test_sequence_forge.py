"""Forgeries in clips: where and when they are, and that the truth is told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn import drawn_face

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

import itertools

from fakecheck_training.sequence.clips import rng_of, seconds_of, write_clip
from fakecheck_training.sequence.forge import (
    FORGERIES,
    Plan,
    animate,
    draw_plan,
    forge_clip,
    make_forger,
    smooth_faces,
)


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_forgery_changes_the_face_and_nothing_far_from_it(kind):
    image, face = drawn_face(1)
    donor, donor_face = drawn_face(2)
    forged = make_forger(kind, donor, donor_face, np.random.default_rng(3))(image, face)
    changed = np.abs(forged.astype(int) - image).max(axis=2) > 8
    left, top, right, bottom = (int(v) for v in face.xyxy)
    assert changed[top:bottom, left:right].any()
    changed[max(0, top - 8) : bottom + 8, max(0, left - 8) : right + 8] = False
    assert changed.mean() < 0.02


def test_every_frame_is_forged_alike():
    image, face = drawn_face(1)
    forger = make_forger("parts", *drawn_face(2), np.random.default_rng(3))
    np.testing.assert_array_equal(forger(image, face), forger(image, face))


def test_plans_are_of_part_and_whole_and_skip_lost_faces():
    _, face = drawn_face(1)
    faces = [face] * 40
    faces[7] = None
    plans = [draw_plan(faces, np.random.default_rng(seed)) for seed in range(60)]
    assert all(plan.strength[7] == 0 for plan in plans)
    shares = [plan.forged.mean() for plan in plans]
    assert min(shares) < 0.5 < 0.9 < max(shares)
    assert {plan.curve for plan in plans} == {"steady", "drift", "flicker"}


def test_frames_of_no_strength_are_untouched():
    image, face = drawn_face(1)
    forger = make_forger("patch", *drawn_face(2), np.random.default_rng(3))
    plan = Plan("patch", "steady", np.array([0, 1, 0.5], np.float32))
    first, full, half = forge_clip([image] * 3, [face] * 3, plan, forger)
    np.testing.assert_array_equal(first, image)
    changes = [np.abs(one.astype(int) - image).sum() for one in (half, full)]
    assert 0 < changes[0] < changes[1]


def test_forged_seconds_are_runs_of_frames():
    forged = np.array([0, 1, 1, 0, 0, 1], bool)
    assert seconds_of(forged, 2.0) == ((0.5, 1.5), (2.5, 3.0))
    assert seconds_of(np.zeros(3, bool), 2.0) == ()


def test_a_still_becomes_a_clip_that_moves_a_little(tmp_path):
    image, _ = drawn_face(1)
    frames = animate(image, 12, rng_of("a"), side=128)
    assert len(frames) == 12
    steps = [cv2.absdiff(a, b).mean() for a, b in itertools.pairwise(frames)]
    assert 0 < np.mean(steps) < 20
    path = tmp_path / "a.mp4"
    write_clip(path, frames, 8, 23)
    from fakecheck.media import Sampling, open_media

    found = list(open_media(path).frames(Sampling(frames=None)))
    assert len(found) == 12
    assert np.abs(found[5].image.astype(int) - frames[5]).mean() < 8


def test_landmarks_are_smoothed_over_time():
    _, face = drawn_face(1)
    _, other = drawn_face(5)
    middle = smooth_faces([face, other, face])[1]
    expected = (face.landmarks * 2 + other.landmarks) / 3
    np.testing.assert_allclose(middle.landmarks, expected, rtol=1e-5)
    assert smooth_faces([face, None, face])[1] is None

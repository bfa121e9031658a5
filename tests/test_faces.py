"""Faces are found in pictures of any size, and followed over frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakecheck.faces import FaceFinder
from fakecheck.tracker import FaceTracker
from fakecheck.types import Face

RESOURCES = Path(__file__).parent / "resources"


@pytest.fixture(scope="module")
def picture():
    return cv2.imread(str(RESOURCES / "real_face.jpg"))


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


def box(x, y, size=50.0):
    return Face(np.array([x, y, x + size, y + size], np.float32), np.zeros((5, 2), np.float32), 0.9)


def test_the_face_of_a_picture_with_landmarks_in_order(finder, picture):
    (face,) = finder.find(picture)
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    assert 0.6 < face.score <= 1
    assert face.xyxy[0] < left_eye[0]
    assert face.xyxy[3] > left_mouth[1]


@pytest.mark.parametrize("scale", [0.35, 1.0, 4.0, 9.0])
def test_boxes_are_in_pixels_of_the_picture_whatever_its_size(finder, picture, scale):
    (expected,) = finder.find(picture)
    image = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    (face,) = finder.find(image)
    tolerance = 0.15 * expected.size
    np.testing.assert_allclose(face.xyxy / scale, expected.xyxy, atol=tolerance)
    np.testing.assert_allclose(face.landmarks / scale, expected.landmarks, atol=tolerance)


@pytest.mark.parametrize("side", [64, 128, 2000])
def test_a_picture_that_is_a_tight_crop_still_has_its_face(finder, picture, side):
    (face,) = finder.find(picture)
    left, top, right, bottom = (int(v) for v in face.xyxy)
    crop = cv2.resize(picture[top:bottom, left:right], (side, side))
    assert len(finder.find(crop)) == 1


@pytest.mark.parametrize("scale", [1.0, 6.0])
def test_a_face_that_is_found_with_a_border_around_lies_where_it_is(finder, picture, scale):
    class Bordered(FaceFinder):
        def _look(self, image, scale, pad, turns):
            return super()._look(image, scale, pad, turns) if pad else []

    (expected,) = finder.find(picture)
    (face,) = Bordered().find(cv2.resize(picture, None, fx=scale, fy=scale))
    tolerance = 0.1 * expected.size
    np.testing.assert_allclose(face.xyxy / scale, expected.xyxy, atol=tolerance)
    np.testing.assert_allclose(face.landmarks / scale, expected.landmarks, atol=tolerance)


def test_small_faces_of_a_large_picture_are_found_when_looking_finely(picture):
    crowd = np.full((2600, 3200, 3), 120, np.uint8)
    small = cv2.resize(picture, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    for x in range(4):
        for y in range(3):
            crowd[y * 800 : y * 800 + height, x * 780 : x * 780 + width] = small
    coarse, fine = FaceFinder().find(crowd), FaceFinder(fine=True).find(crowd)
    assert len(fine) == 12
    assert len(coarse) <= 12


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("tight", [False, True])
def test_a_face_on_its_side_or_upside_down_is_found_as_it_is(finder, picture, turns, tight):
    (expected,) = finder.find(picture)
    if tight:
        left, top, right, bottom = (int(v) for v in expected.xyxy)
        picture = picture[top:bottom, left:right]
        (expected,) = finder.find(picture)
    height, width = picture.shape[:2]
    (face,) = finder.find(np.ascontiguousarray(np.rot90(picture, turns)))
    assert (expected.turns, face.turns) == (0, 4 - turns)
    x, y = expected.landmarks.T
    there = [(y, width - x), (width - x, height - y), (height - y, x)][turns - 1]
    # Pictures are shrunk alike whichever way they lie, but for rounding.
    np.testing.assert_allclose(face.landmarks.T, there, atol=0.05 * expected.size)
    assert face.size == pytest.approx(expected.size, rel=0.1)


def tilted(picture, degrees):
    """`picture` turned with the clock around its middle, and the matrix that does it."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -degrees, 1)
    size = (width, height)
    return cv2.warpAffine(picture, turn, size, borderMode=cv2.BORDER_REFLECT), turn


@pytest.mark.parametrize("degrees", [-75, -45, -30, -12, 15, 25, 40, 60, 100, 160])
def test_a_tilted_face_has_the_box_of_an_upright_one_where_it_is(finder, picture, degrees):
    (expected,) = finder.find(picture)
    image, turn = tilted(picture, degrees)
    (face,) = finder.find(image)
    there = expected.landmarks @ turn[:, :2].T + turn[:, 2]
    np.testing.assert_allclose(face.landmarks, there, atol=0.06 * expected.size)
    centre = (expected.xyxy[:2] + expected.xyxy[2:]) / 2 @ turn[:, :2].T + turn[:, 2]
    np.testing.assert_allclose(
        (face.xyxy[:2] + face.xyxy[2:]) / 2, centre, atol=0.08 * expected.size
    )
    sides = expected.xyxy[2:] - expected.xyxy[:2]
    found = face.xyxy[2:] - face.xyxy[:2]
    np.testing.assert_allclose(found[::-1] if face.turns % 2 else found, sides, rtol=0.12)
    assert np.degrees(face.roll - expected.roll) == pytest.approx(degrees, abs=5)


def test_a_tilted_face_that_is_not_found_upright_stays_as_it_was_found(picture):
    class Once(FaceFinder):
        def _look(self, image, scale, pad, turns):
            first = scale != 1.0 or image.shape[:2] != (320, 320)
            return super()._look(image, scale, pad, turns) if first else []

    image = tilted(picture, 25)[0]
    (face,), (upright,) = Once().find(image), FaceFinder().find(image)
    assert np.degrees(face.roll) > 10
    # YuNet's own box is upright around the tilted face.
    assert face.xyxy[2] - face.xyxy[0] > 1.05 * (upright.xyxy[2] - upright.xyxy[0])


def test_a_turned_face_beside_an_upright_one(finder, picture):
    turned = np.ascontiguousarray(np.rot90(picture, 2))
    faces = finder.find(np.hstack([picture, turned]))
    assert sorted((face.xyxy[0] > picture.shape[1], face.turns) for face in faces) == [
        (False, 0),
        (True, 2),
    ]


@pytest.mark.parametrize(
    ("upright", "turned", "taken"),
    [(0.85, 0.95, 0.95), (0.89, 0.905, 0.89), (0.7, 0.89, 0.7), (None, 0.95, 0.95)],
)
def test_a_face_is_taken_for_a_turned_one_only_if_it_is_surely_one(upright, turned, taken):
    class Finder(FaceFinder):
        def _find(self, image, retry, turns):
            score = {0: upright, 2: turned}.get(turns)
            return [] if score is None else [replace(box(20, 20), score=score)]

    (face,) = Finder().find(np.zeros((100, 100, 3), np.uint8))
    assert face.score == taken


def test_a_picture_without_a_face_has_none(finder):
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3)).astype(np.uint8)
    assert finder.find(noise) == []
    assert finder.find(np.zeros((1, 1, 3), np.uint8)) == []
    assert finder.find(np.zeros((2000, 3, 3), np.uint8)) == []
    # With its border at full size it would take 19 GB.
    assert finder.find(np.zeros((40_000, 64, 3), np.uint8)) == []


def test_threads_can_share_a_finder(finder, picture):
    from concurrent.futures import ThreadPoolExecutor

    expected = finder.find(picture)[0].xyxy
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(finder.find, [picture] * 16))
    assert all(len(faces) == 1 for faces in found)
    for faces in found:
        np.testing.assert_array_equal(faces[0].xyxy, expected)


def test_nothing_is_printed_when_a_model_is_opened(capfd, picture):
    FaceFinder().find(picture)
    assert capfd.readouterr() == ("", "")


def test_a_face_that_moves_keeps_its_track_and_a_new_one_gets_another():
    tracker = FaceTracker()
    first = tracker.update([box(0, 0), box(200, 0)])
    second = tracker.update([box(205, 3), box(8, 2), box(400, 400)])
    assert [face.track for face in first] == [1, 2]
    assert [face.track for face in second] == [2, 1, 3]


def test_a_face_that_was_gone_too_long_is_a_new_one():
    tracker = FaceTracker(max_gap=2)
    tracker.update([box(0, 0)])
    for _ in range(2):
        tracker.update([])
    assert tracker.update([box(0, 0)])[0].track == 1
    for _ in range(3):
        tracker.update([])
    assert tracker.update([box(0, 0)])[0].track == 2


def test_two_faces_never_share_a_track():
    tracker = FaceTracker()
    tracker.update([box(0, 0)])
    followed = tracker.update([box(2, 0), box(4, 0)])
    assert sorted(face.track for face in followed) == [1, 2]


def test_a_track_of_the_frame_before_goes_before_one_that_was_lost() -> None:
    tracker = FaceTracker()
    tracker.update([box(500, 0), box(250, 0)])
    for x in (490, 480, 470, 460, 450, 440, 430):
        (face,) = tracker.update([box(x, 0)])
        assert face.track == 1
    # It comes to lie over where the other was last seen, and not over where itself was.
    tracker = FaceTracker()
    tracker.update([box(50, 0), box(0, 0)])
    tracker.update([box(30, 0)])
    (face,) = tracker.update([box(5, 0)])
    assert face.track == 1

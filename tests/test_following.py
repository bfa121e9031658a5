"""Faces are followed between frames that lie close together, and never over a cut."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from fakecheck import following
from fakecheck.faces import FaceFinder
from fakecheck.flow import Motion, motions, shrunk
from fakecheck.following import FaceFollower, follow
from fakecheck.geometry import iou_matrix
from fakecheck.media import Sampling, open_media
from fakecheck.types import Face, Frame

RESOURCES = Path(__file__).parent / "resources"
STEP = 0.04


class CountingFinder(FaceFinder):
    """Remembers the pictures that it looked at."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def find(self, image, retry=True):
        self.seen.append(image)
        return super().find(image, retry)

    def looked_at(self, frame):
        return any(image is frame.image for image in self.seen)


@pytest.fixture
def finder():
    return CountingFinder()


@pytest.fixture(scope="module")
def clip():
    return list(open_media(RESOURCES / "real_clip.mpg").frames(Sampling(frames=None)))


@pytest.fixture(scope="module")
def picture():
    return cv2.imread(str(RESOURCES / "real_face.jpg"))


def shot(*images, start=0, step=STEP):
    return [Frame(n, n * step, image) for n, image in enumerate(images, start)]


def overlap(faces, others):
    assert len(faces) == len(others)
    boxes = [np.stack([face.xyxy for face in some]) for some in (faces, others)]
    return iou_matrix(*boxes).max(axis=1)


def test_followed_faces_are_where_one_would_find_them(clip, finder):
    follower = FaceFollower(finder)
    assert follower.next(clip[0]) is None
    ious, marks = [], []
    for frame in clip[1:]:
        followed = follower.next(frame)
        if finder.looked_at(frame):
            continue
        found = FaceFinder.find(finder, frame.image, retry=False)
        ious += overlap(followed, found).tolist()
        away = np.linalg.norm(followed[0].landmarks - found[0].landmarks, axis=1)
        marks.append(away.max() / found[0].size)
    # Of the frames after the first, one in five is looked at.
    assert len(finder.seen) == 15
    assert len(ious) == 59
    assert min(ious) > 0.85
    assert max(marks) < 0.06


def test_a_box_and_its_landmarks_go_where_the_picture_goes(finder, picture):
    (face,) = finder.find(picture)
    height, width = picture.shape[:2]
    matrix = np.array([[1.02, 0, 3.0], [0, 1.02, -2.0]])
    moved = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    (last, scale), (now, _) = shrunk(picture), shrunk(moved)
    (followed,) = follow(last, now, scale, [face])
    expected = face.xyxy.reshape(2, 2) * 1.02 + [3, -2]
    np.testing.assert_allclose(followed.xyxy.reshape(2, 2), expected, atol=1.5)
    np.testing.assert_allclose(followed.landmarks, face.landmarks * 1.02 + [3, -2], atol=1.5)
    assert followed.score == face.score


def test_frames_far_apart_are_left_to_be_looked_at(clip, finder):
    follower = FaceFollower(finder)
    for frame in shot(*(frame.image for frame in clip[:8]), step=0.12):
        assert follower.next(frame) is None
    assert follower.next(Frame(9, None, clip[9].image)) is None
    assert finder.seen == []


@pytest.mark.parametrize("after", ["mirrored", "empty", "larger"])
def test_a_cut_is_not_bridged(clip, finder, picture, after):
    other = {
        "mirrored": np.ascontiguousarray(clip[40].image[:, ::-1]),
        "empty": np.full_like(clip[0].image, 90),
        "larger": cv2.resize(picture, None, fx=2, fy=2)[:, :500],
    }[after]
    follower = FaceFollower(finder)
    for frame in shot(*(frame.image for frame in clip[:4])):
        follower.next(frame)
    (cut,) = shot(other, start=4)
    faces = follower.next(cut)
    assert finder.looked_at(cut)
    expected = finder.find(other, retry=False)
    assert [tuple(face.xyxy) for face in faces] == [tuple(face.xyxy) for face in expected]


def test_a_face_that_is_covered_is_looked_for_anew(clip, finder):
    follower = FaceFollower(finder)
    for frame in clip[:3]:
        (face,) = follower.next(frame) or FaceFinder().find(frame.image)
    left, top, right, bottom = (int(v) for v in face.xyxy)
    covered = clip[3].image.copy()
    covered[top - 20 : bottom + 20, left - 20 : right + 20] = 70
    assert follower.next(Frame(3, 3 * STEP, covered)) == ()


def test_a_face_that_comes_in_is_found_within_a_fifth_of_a_second(finder, picture):
    wide = cv2.copyMakeBorder(picture, 0, 0, 0, 360, cv2.BORDER_CONSTANT, value=[90] * 3)
    both = wide.copy()
    both[60:204, 400:580] = cv2.resize(picture, None, fx=0.5, fy=0.5)
    follower = FaceFollower(finder)
    counts = [len(follower.next(f) or ()) for f in shot(*[wide] * 3, *[both] * 6)]
    assert counts[1:3] == [1, 1]
    assert counts[-1] == 2


def test_faces_too_small_to_follow_are_always_looked_for(finder, picture):
    wide = cv2.copyMakeBorder(picture, 0, 1500, 0, 2700, cv2.BORDER_CONSTANT, value=[90] * 3)
    (grey, scale), box = shrunk(wide), np.array([160, 100, 290, 230], np.float32)
    face = Face(box, np.zeros((5, 2), np.float32), 0.9)
    assert follow(grey, grey, scale, [face]) is None


@pytest.mark.parametrize(
    ("shift", "scale", "error", "believed"),
    [
        ((9, 0), 1.05, 0.9, True),
        ((0, 11), 1.0, 0.1, False),  # further than a quarter of its side
        ((0, 0), 1.1, 0.1, False),  # as much as is ever said
        ((0, 0), 1.0, 1.1, False),
        ((-9, -9), 1.0, 0.1, False),  # out of the frame, in part
        (None, 1.0, 0.1, False),
    ],
)
def test_a_motion_that_is_not_to_be_believed_loses_the_face(
    monkeypatch, shift, scale, error, believed
):
    face = Face(np.array([4, 4, 44, 44], np.float32), np.zeros((5, 2), np.float32), 0.9)
    other = Face(np.array([60, 60, 90, 90], np.float32), np.zeros((5, 2), np.float32), 0.9)
    still = Motion(np.array([75.0, 75.0]), np.zeros(2), 1.0, 0.0)
    one = shift and Motion(np.array([24.0, 24.0]), np.array(shift, float), scale, error)
    monkeypatch.setattr(following, "motions", lambda *_: [one, still])
    grey = np.zeros((100, 100), np.uint8)
    found = follow(grey, grey, 1.0, [face, other])
    assert (found is not None) is believed
    if believed:
        np.testing.assert_allclose(found[0].xyxy, [12, 3, 54, 45])


def test_where_nothing_can_be_followed_there_is_no_motion(picture):
    flat = np.full((180, 320), 90, np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (180, 320)).astype(np.uint8)
    box = np.array([100.0, 50.0, 200.0, 150.0])
    assert motions(flat, flat, []) == []
    (still,) = motions(noise, noise, [box])
    np.testing.assert_allclose(still.moved(box.reshape(2, 2)).ravel(), box, atol=1e-3)
    (lost,) = motions(flat, noise, [box])
    assert lost is None or lost.error > 1

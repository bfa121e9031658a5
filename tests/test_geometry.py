"""Boxes come back into the frame, whatever crop, resize or turn lay between."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakecheck.geometry import invert, iou_matrix, map_boxes
from fakecheck.regions import REGIONS, crop_regions
from fakecheck.types import Face

numbers = st.floats(-500, 500)
boxes = st.tuples(numbers, numbers, st.floats(1, 400), st.floats(1, 400)).map(
    lambda b: np.array([[b[0], b[1], b[0] + b[2], b[1] + b[3]]], np.float32)
)


def face_at(x: float, y: float, size: float, roll: float = 0.0) -> Face:
    """A frontal face whose eyes lie `size` apart around (x, y), turned by `roll` radians."""
    marks = np.array([[-0.5, -0.4], [0.5, -0.4], [0, 0.1], [-0.35, 0.55], [0.35, 0.55]])
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    xyxy = np.array([x - size, y - 1.2 * size, x + size, y + 1.2 * size], np.float32)
    return Face(xyxy, (marks @ turn.T * size + [x, y]).astype(np.float32), 0.9)


places = st.floats(-50, 350), st.floats(-50, 250), st.floats(8, 200)
faces = st.builds(face_at, *places, st.floats(-3, 3))
upright = st.builds(face_at, *places, st.floats(-0.1, 0.1))
lying = st.builds(face_at, *places, st.sampled_from([np.pi / 2, np.pi, -np.pi / 2]))


@given(
    upright | lying,
    boxes,
    st.sampled_from(REGIONS),
    st.floats(0, 1),
    st.sampled_from([32, 112, 160]),
)
def test_boxes_survive_the_way_into_an_upright_crop_and_back(face, box, region, margin, side):
    image = np.zeros((200, 300, 3), np.uint8)
    for crop in crop_regions(image, [face], [region], (side, side + 16), margin):
        assert crop.image.shape == (side + 16, side, 3)
        np.testing.assert_allclose(crop.to_frame(crop.to_crop(box)), box, atol=0.05)


@given(faces, boxes, st.sampled_from(["face", "eyes", "nose", "mouth"]))
def test_a_turned_crop_gives_a_box_of_the_same_centre_and_diagonal(face, box, region):
    image = np.zeros((200, 300, 3), np.uint8)
    for crop in crop_regions(image, [face], [region], (64, 64), 0.3, max_tilt=0):
        back = crop.to_frame(crop.to_crop(box))[0]
        np.testing.assert_allclose(
            (back[:2] + back[2:]) / 2, (box[0, :2] + box[0, 2:]) / 2, atol=0.1
        )
        diagonals = [np.hypot(*(one[2:] - one[:2])) for one in (back, box[0])]
        assert diagonals[0] == pytest.approx(diagonals[1], rel=1e-3, abs=0.1)


@pytest.mark.parametrize("roll", [0.2, -0.7, 2.0])
def test_a_box_that_comes_back_turned_is_that_around_the_ellipse_in_it(roll):
    cosine, sine = np.cos(roll), np.sin(roll)
    matrix = np.array([[cosine, -sine, 5], [sine, cosine, 7]])
    angles = np.linspace(0, 2 * np.pi, 2000)
    ellipse = np.stack([10 + 4 * np.cos(angles), 20 + 9 * np.sin(angles)], axis=1)
    turned = ellipse @ matrix[:, :2].T + matrix[:, 2]
    (box,) = map_boxes(matrix, np.array([[6, 11, 14, 29]], np.float32))
    np.testing.assert_allclose(box, [*turned.min(axis=0), *turned.max(axis=0)], atol=1e-3)


@pytest.mark.parametrize("region", ["face", "eyes", "nose", "mouth"])
@pytest.mark.parametrize("roll", [0.15, -0.6, 1.3, 2.5])
def test_a_tilted_face_gives_the_crops_of_an_upright_one(region, roll):
    noise = np.random.default_rng(5).integers(0, 256, (15, 20, 3)).astype(np.uint8)
    image = cv2.resize(noise, (320, 240), interpolation=cv2.INTER_CUBIC)
    x, y = 150, 120
    turn = cv2.getRotationMatrix2D((x - 0.5, y - 0.5), -float(np.degrees(roll)), 1)
    tilted = cv2.warpAffine(image, turn, (320, 240))
    expected = crop_regions(image, [face_at(x, y, 30)], [region], (64, 64), 0.2)
    found = crop_regions(tilted, [face_at(x, y, 30, roll)], [region], (64, 64), 0.2)
    for crop, other in zip(expected, found, strict=True):
        assert np.abs(crop.image.astype(float) - other.image).mean() < 5
        assert np.abs(crop.image.astype(float) - other.image[::-1]).mean() > 20


@pytest.mark.parametrize(("roll", "blurs"), [(0.1, False), (0.11, True), (np.pi / 2 - 0.1, False)])
def test_a_face_that_is_hardly_tilted_is_cut_in_whole_pixels(roll, blurs):
    image = np.random.default_rng(5).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    face = face_at(150, 120, 40, roll)
    (crop,) = crop_regions(image, [face], ["face"], (96, 96), margin=0.0)
    assert face.size == 96
    whole = {tuple(pixel) for row in image for pixel in row.tolist()}
    kept = [tuple(pixel) in whole for pixel in crop.image.reshape(-1, 3).tolist()]
    assert all(kept) is not blurs


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("region", ["face", "eyes", "nose", "mouth"])
def test_a_face_on_its_side_or_upside_down_gives_the_crops_of_an_upright_one(region, turns):
    image = np.random.default_rng(5).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    face = face_at(150, 120, 40)
    turned = np.ascontiguousarray(np.rot90(image, turns))
    x, y = np.concatenate([face.xyxy.reshape(2, 2), face.landmarks]).T
    there = np.stack([(y, 320 - x), (320 - x, 240 - y), (240 - y, x)][turns - 1], axis=1)
    other_face = Face(np.concatenate([there[:2].min(0), there[:2].max(0)]), there[2:], 0.9)
    assert other_face.turns == 4 - turns
    for crop, other in zip(
        crop_regions(image, [face], [region], (64, 80), 0.25),
        crop_regions(turned, [other_face], [region], (64, 80), 0.25),
        strict=True,
    ):
        np.testing.assert_array_equal(other.image, crop.image)
        np.testing.assert_allclose(
            other.to_crop(other_face.xyxy[None]), crop.to_crop(face.xyxy[None]), atol=1e-4
        )


@pytest.mark.parametrize("max_tilt", [6.0, 0.0, 45.0])
@pytest.mark.parametrize("roll", [0.0, 0.4, -1.2, 1.6, 3.1, -1.7])
@pytest.mark.parametrize("region", ["face", "eyes", "nose", "mouth", "frame"])
def test_a_mark_drawn_in_the_frame_is_found_at_its_mapped_place(region, roll, max_tilt):
    image = np.zeros((240, 320, 3), np.uint8)
    face = face_at(150, 120, 40, roll)
    spot = face.landmarks[2] if region != "mouth" else face.landmarks[3:].mean(axis=0)
    if region == "eyes":
        spot = face.landmarks[0]
    centre = np.floor(spot) + 0.5
    cv2.circle(image, (int(spot[0]), int(spot[1])), 3, (255, 255, 255), -1)
    crop = crop_regions(image, [face], [region], (160, 160), 0.3, max_tilt)[0]
    ys, xs = np.nonzero(crop.image[..., 0] > 127)
    seen = np.array([xs.mean() + 0.5, ys.mean() + 0.5])
    expected = crop.to_crop(np.array([[*centre, *centre]], np.float32))[0, :2]
    np.testing.assert_allclose(seen, expected, atol=1.0)


def test_eyes_give_two_crops_the_viewers_left_first():
    face = face_at(150, 120, 40)
    crops = crop_regions(np.zeros((240, 320, 3), np.uint8), [face], ["eyes"], (32, 32))
    middle = np.array([[16, 16, 16, 16]], np.float32)
    lefts = [crop.to_frame(middle)[0, 0] for crop in crops]
    assert lefts == pytest.approx([130, 170], abs=1)


@pytest.mark.parametrize("region", ["eyes", "nose", "mouth"])
def test_the_crops_of_a_face_that_is_turned_away_are_not_much_narrower(region):
    front = face_at(150, 120, 40)
    marks = (front.landmarks - [150, 120]) * [0.1, 1] + [150, 120]
    side = Face(front.xyxy, marks.astype(np.float32), 0.9)

    def width(one):
        crop = crop_regions(np.zeros((240, 320, 3), np.uint8), [one], [region], (32, 32))[0]
        left, _, right, _ = crop.to_frame(np.array([[0, 0, 32, 32]], np.float32))[0]
        return right - left

    assert 0.8 * width(front) < width(side) < width(front)


def test_what_lies_outside_of_the_frame_repeats_its_border():
    image = np.full((40, 40, 3), 7, np.uint8)
    crop = crop_regions(image, [face_at(-100, -100, 20)], ["face"], (16, 16))[0]
    assert (crop.image == 7).all()


def test_an_unknown_region_is_named():
    with pytest.raises(ValueError, match="unknown region 'ear'"):
        crop_regions(np.zeros((9, 9, 3), np.uint8), [face_at(4, 4, 2)], ["ear"])


@given(boxes, boxes)
def test_overlap_is_symmetric_and_one_with_itself(a, b):
    assert iou_matrix(a, a)[0, 0] == pytest.approx(1, abs=1e-5)
    assert iou_matrix(a, b)[0, 0] == pytest.approx(iou_matrix(b, a)[0, 0], abs=1e-6)
    assert 0 <= iou_matrix(a, b)[0, 0] <= 1 + 1e-6


def test_no_boxes_map_to_no_boxes():
    matrix = np.array([[2.0, 0, 1], [0, 2, 1]])
    assert map_boxes(matrix, np.zeros((0, 4), np.float32)).shape == (0, 4)
    np.testing.assert_allclose(invert(invert(matrix)), matrix)

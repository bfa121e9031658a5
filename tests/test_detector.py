"""A detector's boxes come back to the frame, the face and the class that they belong to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bundles import make_card

from fakecheck.calibration import detector_llr
from fakecheck.detector import Detector, cut_crops, log_likelihood_ratio
from fakecheck.engines import RawBoxes
from fakecheck.types import Face

MARKS = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
# Wider than high, so that swapped sides show.
IMAGE = np.zeros((120, 200, 3), np.uint8)


class Engine:
    """Finds in every picture the boxes that it was given: (ymin, xmin, ymax, xmax, score, class).

    Of pictures with a bright spot only, if `bright`.
    """

    name, device = "onnx", "cpu"

    def __init__(self, *boxes, bright=False):
        self._boxes = np.array(boxes, np.float32)
        self._bright = bright
        self.batches = []

    def run(self, batch):
        self.batches.append(batch.shape)
        n, rows = len(batch), self._boxes
        counts = [len(rows) if picture.max() > 0 or not self._bright else 0 for picture in batch]
        return RawBoxes(
            np.tile(rows[:, :4], (n, 1, 1)),
            np.tile(rows[:, 4], (n, 1)),
            np.tile(rows[:, 5].astype(np.int32), (n, 1)),
            np.array(counts, np.int32),
        )


def face_at(x, y, side):
    box = np.array([x, y, x + side, y + side], np.float32)
    return Face(box, MARKS * side + box[:2], 0.9)


def findings(card, engine, *frames, min_face=None):
    crops = [cut_crops(image, faces, [card], min_face) for image, faces in frames]
    return Detector(card, engine).detect(crops)


@pytest.fixture
def card(tmp_path):
    """Of faces, in pictures of another shape than the crop's, without a margin."""
    size = {"width": 48, "height": 32, "color": "rgb"}
    crop = {"regions": ["face"], "margin": 0.0}
    return make_card(tmp_path, input=size, crop=crop, min_face=40.0)


def test_boxes_of_a_picture_of_other_sides_lie_where_they_were_seen(card):
    engine = Engine((0.1, 0.2, 0.5, 0.9, 0.8, 1))
    (found,) = findings(card, engine, (IMAGE, [face_at(60, 10, 100)]))
    assert engine.batches == [(1, 32, 48, 3)]
    np.testing.assert_allclose(found.detections.xyxy, [[80, 20, 150, 60]], atol=1e-3)


def test_boxes_are_those_of_the_face_that_was_cut_and_a_small_one_is_not_judged(card):
    engine = Engine((0.0, 0.0, 0.5, 0.5, 0.6, 2), (0.0, 0.0, 1.0, 1.0, 0.9, 1))
    faces = [face_at(0, 0, 39), face_at(60, 10, 100), face_at(0, 60, 40)]
    (found,) = findings(card, engine, (IMAGE, faces))
    boxes = found.detections
    assert boxes.face.tolist() == [1, 2, 1, 2]
    assert boxes.class_id.tolist() == [1, 1, 2, 2]
    np.testing.assert_allclose(boxes.xyxy[:2], [[60, 10, 160, 110], [0, 60, 40, 100]], atol=1e-3)
    np.testing.assert_allclose(found.best, [[0, 0], [0.9, 0.6], [0.9, 0.6]])
    said = detector_llr(found.best[1:2], [spec.calibration for spec in card.classes])[0]
    np.testing.assert_allclose(found.evidence, [math.nan, said, said], rtol=1e-6)
    (all_of_them,) = findings(card, engine, (IMAGE, faces), min_face=10)
    assert not np.isnan(all_of_them.evidence).any()


def test_every_frame_of_a_batch_gets_its_own_boxes(card):
    lit, faces = IMAGE.copy(), [face_at(60, 10, 100), face_at(0, 60, 50)]
    lit[60:, :50] = 255
    engine = Engine((0.0, 0.0, 1.0, 1.0, 0.9, 1), bright=True)
    found = findings(card, engine, (IMAGE, faces), (lit, []), (lit, faces), (IMAGE, faces[:1]))
    assert [len(one.detections) for one in found] == [0, 0, 1, 0]
    assert found[2].detections.face.tolist() == [1]
    assert [len(one.evidence) for one in found] == [2, 0, 2, 1]


def test_boxes_are_clipped_to_the_frame_and_count_even_outside_of_it(tmp_path):
    card = make_card(tmp_path, crop={"regions": ["frame"]})
    # The crop is a square around the frame: of 200 pixels, 40 of them above it.
    engine = Engine(
        (0.0, 0.0, 1.0, 1.0, 0.7, 1), (0.0, 0.0, 0.2, 1.0, 0.9, 2), (0.5, 0.0, 0.503, 1.0, 0.8, 2)
    )
    (found,) = findings(card, engine, (IMAGE, []))
    np.testing.assert_allclose(found.detections.xyxy, [[0, 0, 200, 120]], atol=1e-3)
    assert found.detections.face.tolist() == [-1]
    np.testing.assert_allclose(found.best, [[0.7, 0.9]])


def test_a_ratio_keeps_to_the_bounds_of_its_class(card):
    one = card.classes[0].calibration
    scores = np.array([0.0, 0.5, 0.9, 1.0], np.float32)
    expected = [one.min_llr, 0.0, math.log(9), one.max_llr]
    np.testing.assert_allclose(log_likelihood_ratio(scores, one), expected, atol=1e-5)

"""What of a frame's boxes is shown, and how errors are counted."""

from __future__ import annotations

import numpy as np
import pytest
from bundles import make_card

from fakecheck.assemble import MIN_LLR, ReportAssembler
from fakecheck.types import Detections, Face, FrameResult, MediaInfo, StageError

INFO = MediaInfo("a.jpg", "0" * 64, "image", 200, 100)


def box(x, y=0.0, size=40.0):
    return [x, y, x + size, y + size]


def detections(boxes, llr, class_id=None, face=None):
    n = len(boxes)
    return Detections(
        "bright",
        np.array(boxes, np.float32).reshape(n, 4),
        np.linspace(0.9, 0.5, n, dtype=np.float32),
        np.array(class_id or [1] * n, np.int32),
        np.array(llr, np.float32),
        np.array(face or [0] * n, np.int32),
    )


def result(found, index=0, errors=(), faces=1):
    seen = [
        Face(np.array(box(100 * i, size=90), np.float32), np.zeros((5, 2), np.float32), 0.9)
        for i in range(faces)
    ]
    evidence = {"bright": np.full(faces, 1.0, np.float32)}
    return FrameResult(index, None, tuple(seen), (found,), evidence, {}, tuple(errors))


@pytest.fixture
def assembler(tmp_path):
    return ReportAssembler(INFO, [make_card(tmp_path)], 40)


def test_only_boxes_worth_a_mention_are_shown_the_best_first(assembler):
    assembler.add(result(detections([box(0), box(60), box(120)], [3.0, MIN_LLR - 0.01, 4.0])))
    rows = assembler.report().detections
    assert [row.llr for row in rows] == [4.0, 3.0]
    assert rows[0].artifact == "face_synthesis"
    assert rows[0].family == "stargan"


def test_one_place_is_shown_once_a_class_and_face(assembler):
    boxes = [box(0), box(3), box(3), box(3), box(80)]
    found = detections(boxes, [5, 4, 3, 2.5, 2], class_id=[1, 1, 2, 1, 1], face=[0, 0, 0, 1, 0])
    assembler.add(result(found, faces=2))
    rows = assembler.report().detections
    assert [(row.artifact, row.track, row.llr) for row in rows] == [
        ("face_synthesis", 1, 5.0),
        ("mouth_partswap", 1, 3.0),
        ("face_synthesis", 2, 2.5),
        ("face_synthesis", 1, 2.0),
    ]


def test_the_same_error_of_many_frames_is_one_line(assembler):
    error = StageError("detect", "no memory", "bright")
    for index in range(3):
        assembler.add(result(detections([], []), index, [error]))
    assembler.add(result(detections([], []), 3, [StageError("detect", "other", "bright")]))
    messages = [error.message for error in assembler.report().errors]
    assert messages == ["no memory (in 3 frames)", "other"]


def test_a_file_without_frames_is_inconclusive(assembler):
    report = assembler.report([StageError("media", "a.jpg: is truncated")])
    assert report.verdict.label == "inconclusive"
    assert report.errors[0].stage == "media"

"""Rows in columns are the rows they were made of, and small."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from fakecheck.rows import CHUNK, DetectionTable, FaceTable
from fakecheck.types import DetectionRow, Detections, Face, FaceRow

WORDS = ("bright", "stargan", "face_synthesis")


def face(x, track=0):
    return Face(
        np.array([x, 1, x + 50, 60.25], np.float32), np.zeros((5, 2), np.float32), 0.9, track
    )


def found(llr=3.0):
    return Detections(
        "bright",
        np.array([[1.5, 2, 30, 40]], np.float32),
        np.array([0.7], np.float32),
        np.ones(1, np.int32),
        np.array([llr], np.float32),
        np.zeros(1, np.int32),
    )


def test_faces_come_back_as_they_went_in():
    table = FaceTable()
    count = CHUNK + 10
    for frame in range(count):
        table.add(frame, face(frame / 4, None if frame == 3 else frame % 2))
    rows = table.rows()
    expected = tuple(
        FaceRow(n, None if n == 3 else n % 2, (n / 4, 1.0, n / 4 + 50, 60.25), 0.9)
        for n in range(count)
    )
    assert len(rows) == count
    assert tuple(rows) == expected
    assert rows == expected
    assert rows[-1] == expected[-1]
    assert rows[5:8] == expected[5:8]
    assert rows != expected[1:]
    assert isinstance(rows[3].frame, int)
    with pytest.raises(IndexError):
        rows[count]
    table.add(count, face(0))
    assert len(rows) == count


def test_a_table_shows_its_first_rows():
    table = FaceTable()
    assert repr(table.rows()) == "<0 rows>"
    for frame in range(3):
        table.add(frame, face(frame))
    shown = repr(table.rows())
    assert shown == f"<3 rows: {', '.join(map(repr, table.rows()))}>"
    for frame in range(3, 1000):
        table.add(frame, face(frame))
    assert repr(table.rows()) == shown.replace("<3 rows", "<1000 rows").replace(">", ", ...>")


def test_boxes_come_back_as_they_went_in():
    table = DetectionTable()
    assert table.rows() == ()
    table.add(4, 0.16, 2, WORDS, found(), 0)
    table.add(5, None, None, ("whole", "dcgan", "frame_blur"), found(-1.0), 0)
    score, box = float(np.float32(0.7)), (1.5, 2.0, 30.0, 40.0)
    assert list(table.rows()) == [
        DetectionRow(4, 0.16, 2, *WORDS, score, 3.0, box),
        DetectionRow(5, None, None, "whole", "dcgan", "frame_blur", score, -1.0, box),
    ]


def test_rows_take_little_memory():
    faces, boxes, one, box = FaceTable(), DetectionTable(), face(10), found()
    tracemalloc.start()
    try:
        for frame in range(10000):
            faces.add(frame, one)
            boxes.add(frame, frame / 25, 0, WORDS, box, 0)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 32 bytes and 44; a table may be twice as large as it needs.
    assert grown / 10000 < 2 * (32 + 44)
    assert len(faces.rows()) == len(boxes.rows()) == 10000

"""Which faces and boxes a report puts first."""

from __future__ import annotations

from dataclasses import replace

from report_samples import timed_report

from fakecheck.report.moments import strongest_boxes, unjudged_faces
from fakecheck.types import FaceRow


def test_boxes_of_the_whole_frame_stand_with_those_of_the_worst_face() -> None:
    report = timed_report()
    box = report.detections[0]
    boxes = [replace(box, track=track, llr=llr) for track, llr in ((0, 9.0), (1, 2.0), (None, 5.0))]
    ranked = strongest_boxes(replace(report, detections=boxes), 3)
    assert [row.track for row in ranked] == [None, 1, 0]


def test_faces_are_left_over_only_where_one_was_judged() -> None:
    report = timed_report()
    more = replace(report, faces=(*report.faces, FaceRow(0, 7, (0.0, 0.0, 20.0, 20.0), 0.9)))
    assert (unjudged_faces(report), unjudged_faces(more)) == (0, 1)
    assert unjudged_faces(replace(more, face_verdicts=())) == 0

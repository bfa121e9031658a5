"""What is marked on which frame of a clip, up to its edges, and the sound that goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from media_samples import noise, write_clip
from report_samples import image_report, timed_report, video_report

from fakecheck.media import Sampling, open_media
from fakecheck.report import clip
from fakecheck.report.annotate import annotate_video, draw
from fakecheck.report.between import RowsBetween
from fakecheck.report.follow import Followed, follow_faces
from fakecheck.report.plot import plot
from fakecheck.report.stills import marked_stills
from fakecheck.report.tiles import family_colors
from fakecheck.types import FaceRow, Frame, Report

ALL = Sampling(frames=None)


def sampled(*frames: int) -> Report:
    """A face with a box on it, ten pixels further right on each sampled frame."""
    report = video_report()
    box = replace(report.detections[0], track=1)
    return replace(
        report,
        faces=tuple(
            FaceRow(frame, 1, (10.0 * n, 20.0, 10.0 * n + 80, 100.0), 0.9)
            for n, frame in enumerate(frames)
        ),
        detections=tuple(replace(box, frame=frame) for frame in frames),
    )


def test_nothing_of_a_shot_is_drawn_on_the_next_one() -> None:
    timeline = RowsBetween(sampled(5, 20), 25, Followed({}, cuts=(9,)))

    def drawn(*frames: int) -> set[int]:
        return {row.frame for at in frames for rows in timeline.at(at) for row in rows}

    assert drawn(*range(9)) == {5}
    assert drawn(9, 10, 11) == set()
    assert drawn(*range(12, 26)) == {20}


def test_far_from_its_sample_nothing_is_drawn() -> None:
    timeline = RowsBetween(sampled(0, 200, 400), second=25)
    shown = [frame for frame in range(201) if timeline.at(frame)[1]]
    assert shown == [*range(26), *range(175, 201)]


def test_what_a_followed_face_is_off_at_its_end_is_spread_over_the_way(tmp_path: Path) -> None:
    still = noise(320, 240, seed=3)
    path = write_clip(tmp_path / "a.mp4", frames=11, size=(320, 240), picture=still)
    samples = {1: {0: (20.0, 60.0, 100.0, 140.0), 10: (40.0, 60.0, 120.0, 140.0)}}
    boxes = follow_faces(open_media(path), samples, 20).boxes[1]
    assert follow_faces(open_media(path), samples, 9).boxes == {1: {}}
    for frame in range(1, 10):
        assert boxes[frame] == pytest.approx((20 + 2 * frame, 60, 100 + 2 * frame, 140), abs=1)


def test_a_box_that_reaches_over_the_edge_is_drawn_along_it() -> None:
    box = replace(video_report().detections[0], xyxy=(-50.0, -50.0, 900.0, 700.0))
    marked = draw(np.zeros((480, 640, 3), np.uint8), (), [box], None)
    color = family_colors([box.family])[box.family][::-1]
    for edge in (marked[200:400, :8], marked[200:400, -8:], marked[-8:, 200:400]):
        assert (edge == color).all(axis=2).any()


def test_boxes_on_a_small_picture_are_enlarged_with_it() -> None:
    box = replace(video_report().detections[0], xyxy=(32.0, 16.0, 56.0, 40.0))
    marked = draw(np.full((48, 64, 3), 255, np.uint8), (), [box], None)
    assert marked.shape[:2] == (360, 480)
    ys, xs = np.nonzero(marked.min(axis=2) < 128)
    assert (xs.min(), xs.max(), ys.max()) == pytest.approx((240, 420, 300), abs=6)


def test_boxes_on_a_picture_made_small_are_made_small_as_well(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((1280, 2560, 3), 255, np.uint8))
    report = image_report()
    box = replace(sampled(0).detections[0], track=None, xyxy=(1000.0, 400.0, 1800.0, 1000.0))
    report = replace(report, detections=(box,), faces=(FaceRow(0, 1, box.xyxy, 0.9),))
    (still,) = marked_stills(open_media(tmp_path / "a.png"), report, ALL)
    marked = cv2.imdecode(np.frombuffer(still.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert marked.shape[:2] == (640, 1280)
    # All that is not white below the label: half as large, and half as far from the corner.
    ys, xs = np.nonzero(marked.min(axis=2) < 128)
    edges = (xs.min(), xs.max(), ys.max())
    assert edges == pytest.approx((500, 900, 500), abs=6)


def test_frames_of_one_time_are_all_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = open_media(write_clip(tmp_path / "a.mp4", frames=8))

    def stuck(*_: object) -> Iterator[Frame]:
        for frame in media.frames(ALL):
            yield replace(frame, time=min(frame.time or 0.0, 0.12))

    monkeypatch.setattr(clip, "_until_broken", stuck)
    assert annotate_video(media, sampled(2, 5), tmp_path / "b.mp4") == ()
    assert len(list(open_media(tmp_path / "b.mp4").frames(ALL))) == 8


@pytest.mark.parametrize("sound", ["aac", "mp2", "pcm_s16le"])
def test_sound_from_before_the_first_frame_is_left_out(tmp_path: Path, sound: str) -> None:
    times = [1 + n / 25 for n in range(26)]
    source = write_clip(tmp_path / "a.mkv", frames=26, times=times, sound=sound)
    assert annotate_video(open_media(source), sampled(2), tmp_path / "b.mp4") == ()
    with av.open(str(tmp_path / "b.mp4")) as marked:
        heard = [frame for frame in marked.decode(audio=0) if frame.time >= 0]
        assert heard[0].time == pytest.approx(0, abs=0.05)
        assert sum(frame.samples for frame in heard) / 48_000 == pytest.approx(1, abs=0.1)


def test_limits_that_meet_leave_no_band_of_doubt() -> None:
    report = timed_report()
    met = replace(report, verdict=replace(report.verdict, real_below=report.verdict.threshold))
    assert plot(met, 860).doubt is None

"""The timeline's shapes, and its PNG."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import timed_report, video_report

from fakecheck.errors import OutputError
from fakecheck.report.catalogue import Words
from fakecheck.report.plot import MAX_FACES, MAX_POINTS, plot
from fakecheck.report.tiles import family_colors
from fakecheck.report.timeline import DOUBT, FOOT_LINE, SPAN, write_timeline
from fakecheck.types import FaceVerdict, Moment, Span


def has_color(image: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((image == np.array(color[::-1])).all(axis=2).any())


def test_shapes_of_a_clip() -> None:
    shapes = plot(timed_report(), 860)
    area = shapes.area
    assert [curve.track for curve in shapes.curves] == [1, 0]
    first = shapes.curves[0].runs[0][0]
    # 0.24 of 12 seconds.
    assert first[0] == pytest.approx(area.x + area.width * 0.02, abs=0.01)
    assert shapes.threshold == pytest.approx(area.y + area.height * (1 - 0.953), abs=0.01)
    assert shapes.doubt is not None
    assert shapes.doubt.height == pytest.approx(area.height * (0.953 - 0.3), abs=0.02)
    assert [round(span.width / area.width * 12, 2) for span in shapes.spans] == [1.44, 1.92]
    assert [lane.family for lane in shapes.lanes] == ["deepfakes", "partswap"]
    colors = family_colors(["deepfakes", "partswap", "stargan"])
    assert [lane.color for lane in shapes.lanes] == list(map(colors.get, ["deepfakes", "partswap"]))
    assert len(shapes.lanes[0].bars) == 9
    # Evidence against a family has no bar, and no lane to stand on.
    assert shapes.bare == ("stargan",)
    assert [tick.text for tick in shapes.times][:3] == ["0", "2", "4"]
    assert [level.text for level in shapes.levels] == ["0%", "25%", "50%", "75%", "100%"]


def test_lanes_are_of_families_with_a_bar_and_one_at_least() -> None:
    report = timed_report()
    lanes = len(plot(report, 860).lanes)
    loud = {**report.timeline[0].families, "stargan": 3.0}
    first, *rest = report.timeline
    shapes = plot(replace(report, timeline=(replace(first, families=loud), *rest)), 860)
    assert (len(shapes.lanes), shapes.bare) == (lanes + 1, ())
    assert shapes.height > plot(report, 860).height
    # A bar under a pixel is none.
    calm = [replace(moment, families={"alae": -1.0, "stargan": 0.1}) for moment in report.timeline]
    shapes = plot(replace(report, timeline=tuple(calm)), 860)
    assert [lane.family for lane in shapes.lanes] == ["stargan"]
    assert shapes.bare == ("alae",)
    shapes = plot(replace(report, timeline=()), 860)
    assert (shapes.lanes, shapes.bare) == ((), ())


def test_a_pause_parts_the_line() -> None:
    report = timed_report()
    kept = tuple(m for m in report.timeline if not 5 < m.time < 7)
    curve = plot(replace(report, timeline=kept), 860).curves[0]
    assert len(curve.runs) == 2
    assert curve.points == sum(m.track == 1 for m in kept)


def test_many_faces_and_points() -> None:
    report = timed_report()
    moments = tuple(
        Moment(n, n / 10, track, 0.9 if n == 1234 else 0.2, {"deepfakes": 1.0})
        for n in range(5000)
        for track in range(MAX_FACES + 2)
    )
    faces = tuple(FaceVerdict(track, "real", track / 10) for track in range(MAX_FACES + 2))
    shapes = plot(replace(report, timeline=moments, face_verdicts=faces, spans=()), 340)
    assert [curve.track for curve in shapes.curves] == [6, 5, 4, 3, 2]
    assert shapes.left_out == 2
    assert all(curve.points <= MAX_POINTS for curve in shapes.curves)
    # The peak is one frame of 5000, and kept.
    peak = shapes.area.y + shapes.area.height * 0.1
    assert min(y for run in shapes.curves[0].runs for _, y in run) == pytest.approx(peak, abs=0.01)
    labels = sorted(curve.label[1] for curve in shapes.curves)
    assert min(np.diff(labels)) >= 13.9
    assert shapes.in_minutes
    assert len(shapes.lanes[0].bars) < 400


times = st.floats(0, 1e4)
moments = st.lists(
    st.builds(
        Moment,
        st.integers(0, 10**6),
        times,
        st.none() | st.integers(0, 9),
        st.floats(0, 1),
        st.dictionaries(st.sampled_from(["a", "b"]), st.floats(-40, 40)),
    ),
    max_size=30,
).map(tuple)
spans = st.lists(
    st.tuples(times, times).map(lambda pair: Span(min(pair), max(pair), 0)), max_size=4
).map(tuple)


@given(moments, spans, st.sampled_from([340.0, 860.0]))
def test_all_shapes_lie_on_the_canvas(
    rows: tuple[Moment, ...], marked: tuple[Span, ...], width: float
) -> None:
    shapes = plot(replace(timed_report(), timeline=rows, spans=marked), width)
    bars = [bar for lane in shapes.lanes for bar in lane.bars]
    for rect in (*bars, *shapes.spans, *(lane.area for lane in shapes.lanes)):
        assert rect.x >= shapes.area.x - 0.01
        assert rect.x + rect.width <= shapes.width
        assert rect.y >= 0
        assert rect.y + rect.height <= shapes.height + 0.01
    for curve in shapes.curves:
        for run in curve.runs:
            for x, y in run:
                assert shapes.area.x <= x <= shapes.area.x + shapes.area.width + 0.01
                assert shapes.area.y <= y <= shapes.area.y + shapes.area.height + 0.01
        assert 0 <= curve.label[1] <= shapes.height


def test_png(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "clip.png"
    write_timeline(timed_report("clips/인터뷰.mp4"), path)
    image = cv2.imread(str(path))
    assert image.shape[1] == 1920
    assert has_color(image, SPAN)
    assert has_color(image, DOUBT)
    assert has_color(image, family_colors(["deepfakes", "partswap", "stargan"])["deepfakes"])
    assert list(path.parent.iterdir()) == [path]
    # A line below names the families without a bar.
    words = Words("en")
    assert words("video.bare", families="StarGAN") == "No trace worth a bar: StarGAN."
    below = image[-2 * FOOT_LINE :]
    assert (below < 200).any()
    assert not (image[-8:] < 200).any()


def test_png_of_a_clip_without_faces(tmp_path: Path) -> None:
    write_timeline(video_report(), tmp_path / "a.png")
    bare = cv2.imread(str(tmp_path / "a.png"))
    assert bare.shape[1] == 1920
    assert not has_color(bare, SPAN)
    unknown = replace(video_report(), media=replace(video_report().media, duration=None))
    write_timeline(unknown, tmp_path / "b.png")


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a timeline must end in \.png"):
        write_timeline(timed_report(), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []

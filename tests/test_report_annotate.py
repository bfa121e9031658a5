"""Marked pictures and clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import HEIGHT, WIDTH, cut, noise, write_clip
from report_samples import image_report, video_report

from fakecheck.errors import MediaError, OutputError
from fakecheck.media import Sampling, open_media
from fakecheck.report.annotate import annotate_image, annotate_video, draw
from fakecheck.report.between import RowsBetween, moved
from fakecheck.report.drawing import leader, place_label
from fakecheck.report.follow import follow_faces
from fakecheck.report.moments import several_faces, whose
from fakecheck.report.percent import percent
from fakecheck.report.tiles import (
    PALETTE,
    VERDICT_COLORS,
    banner_rows,
    banner_tile,
    family_colors,
    label_tile,
)
from fakecheck.types import DetectionRow, FaceRow, FaceVerdict, FamilyScore, Report, Verdict

FAKE = Verdict("fake", 0.9, 0.5, "because")
REAL = Verdict("real", 0.1, 0.5, "because")
FAMILIES = (FamilyScore("deepfakes", 0.8), FamilyScore("partswap", 0.2))


def row(frame: int = 0, track: int | None = 0, left: float = 16) -> DetectionRow:
    box = (left, 16.0, left + 16, 32.0)
    return DetectionRow(
        frame, frame / 25, track, "deepfakes", "deepfakes", "face_blur", 0.75, 2.0, box
    )


def face(frame: int = 0, track: int | None = 0, left: float = 12) -> FaceRow:
    return FaceRow(frame, track, (left, 8.0, left + 32, 40.0), 0.9)


def clip_report(*frames: int) -> Report:
    """One face that moves a pixel a frame, with one box on it, on these sampled frames."""
    return replace(
        video_report(),
        faces=tuple(face(frame, left=12 + frame) for frame in frames),
        detections=tuple(row(frame, left=16 + frame) for frame in frames),
        families=FAMILIES,
    )


def has_color(image: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((image == np.array(color[::-1])).all(axis=2).any())


@pytest.mark.parametrize(("width", "height"), [(64, 48), (48, 64), (1280, 720), (2, 900), (900, 1)])
def test_small_pictures_are_enlarged_and_the_strip_lies_below(width: int, height: int) -> None:
    image = noise(width, height)
    before = image.copy()
    bare = draw(image, [], [], None)
    assert max(bare.shape[:2]) == max(480, width, height)
    marked = draw(image, [face()], [row()], FAKE, FAMILIES)
    assert marked.dtype == np.uint8
    assert marked.shape[1] == bare.shape[1]
    assert marked.shape[0] > bare.shape[0]
    np.testing.assert_array_equal(image, before)


def test_nothing_to_mark_leaves_the_picture_as_it_is() -> None:
    image = noise(640, 480)
    np.testing.assert_array_equal(draw(image, [], [], None), image)
    np.testing.assert_array_equal(draw(image, [], [], FAKE)[:480], image)


def test_boxes_have_their_familys_color() -> None:
    marked = draw(noise(640, 480), [], [row()], None)
    assert has_color(marked, family_colors(["deepfakes"])["deepfakes"])
    left_edge = marked[20:30, 12:21].reshape(-1, 3)
    assert (left_edge == np.array(family_colors(["deepfakes"])["deepfakes"][::-1])).all(1).any()


@pytest.mark.parametrize("label", ["fake", "real", "inconclusive"])
def test_strip_says_the_verdict(label: str) -> None:
    verdict = Verdict(label, 0.3, 0.5, "a long reason " * 40)  # type: ignore[arg-type]
    marked = draw(noise(640, 480), [], [], verdict)
    assert has_color(marked[480:], VERDICT_COLORS[verdict.label])
    assert banner_rows(verdict, FAMILIES)[0][0].text == label.upper()


def test_the_strip_tells_a_threshold_from_a_probability_just_over_it() -> None:
    verdict = Verdict("fake", 0.9348, 0.9273, "traces")
    texts = [piece.text for piece in banner_rows(verdict, FAMILIES)[0]]
    assert texts[1:] == ["93% probability of fake", "threshold 92.7%"]
    verdict = Verdict("real", 0.1383, 0.932, "too weak", 0.1385)
    texts = [piece.text for piece in banner_rows(verdict, FAMILIES)[0]]
    assert texts[1:] == ["13.8% probability of fake", "fake over 93.2%", "real under 13.9%"]


def test_the_strip_says_whose_verdict_it_is_where_there_are_several_faces() -> None:
    texts = [piece.text for piece in banner_rows(FAKE, FAMILIES, "face 2")[0]]
    assert texts[:3] == ["FAKE", "90% probability of fake", "face 2"]
    two = replace(
        image_report(),
        faces=(face(0), replace(face(0), track=2)),
        verdict=FAKE,
        face_verdicts=(FaceVerdict(1, "real", 0.1), FaceVerdict(2, "fake", 0.9)),
    )
    assert whose(two) == "face 2"
    assert whose(replace(two, faces=two.faces[1:])) == ""


def test_families_are_named_only_on_fakes() -> None:
    texts = [piece.text for piece in banner_rows(FAKE, FAMILIES)[1]]
    assert texts == ["deepfakes 80%", "partswap 20%"]
    real = Verdict("real", 0.1, 0.5, "nothing fired")
    assert [piece.text for piece in banner_rows(real, FAMILIES)[1]] == ["nothing fired"]


@pytest.mark.parametrize("width", [480, 1280])
def test_a_fake_is_said_to_be_no_proof(width: int) -> None:
    (piece,) = banner_rows(FAKE, FAMILIES)[-1]
    assert piece.text == "evidence, not proof: about 1% of real files are called fake"
    (piece,) = banner_rows(replace(FAKE, false_alarm_rate=0.05), FAMILIES)[-1]
    assert piece.text == "evidence, not proof: about 5% of real files are called fake"
    assert banner_rows(replace(FAKE, label="inconclusive"), FAMILIES)[-1][0].text == "because"
    heights = [banner_tile(width, 14, FAKE, families).shape[0] for families in (FAMILIES, ())]
    heights.append(banner_tile(width, 14, replace(FAKE, reason=""), ()).shape[0])
    # Three rows, of which the families' or the reason's may be missing.
    assert heights[0] == heights[1] > heights[2]
    # What does not fit in one line is wrapped.
    narrow = [banner_tile(240, 14, verdict, ()).shape[0] for verdict in (FAKE, REAL)]
    assert narrow[0] >= narrow[1] + 2 * 14


def test_percent_claims_no_certainty() -> None:
    assert [percent(p) for p in (0, 0.31, 0.994, 1)] == ["under 1%", "31%", "99%", "over 99%"]


def test_families_have_distinct_colors() -> None:
    names = [f"family{number}" for number in range(len(PALETTE))]
    assert len(set(family_colors(names).values())) == len(PALETTE)
    assert len(family_colors([*names, "one_more", "another"])) == len(PALETTE) + 2


def test_label_is_no_wider_than_told() -> None:
    assert label_tile("mouth_resolutionmismatch 0.97", 14, PALETTE[0], 60).shape[1] <= 60


@given(
    st.lists(st.tuples(*[st.integers(-50, 500)] * 4), max_size=6),
    st.integers(1, 200),
    st.integers(1, 40),
)
def test_labels_stay_inside(
    boxes: list[tuple[int, int, int, int]], width: int, height: int
) -> None:
    placed: list[tuple[int, int, int, int]] = []
    for box in boxes:
        x, y = place_label(box, (width, height), (200, 300), 2, placed, boxes)
        assert 0 <= x <= 200 - width
        assert 0 <= y <= 300 - height
        placed.append((x, y, x + width, y + height))


def test_labels_of_one_box_do_not_cover_each_other() -> None:
    placed: list[tuple[int, int, int, int]] = []
    for _ in range(6):
        x, y = place_label((100, 100, 200, 200), (80, 20), (400, 400), 2, placed)
        assert all(
            x + 80 <= left or right <= x or y + 20 <= top or bottom <= y
            for left, top, right, bottom in placed
        )
        placed.append((x, y, x + 80, y + 20))


def test_labels_do_not_lie_on_another_face() -> None:
    ground = noise(640, 480)
    above = replace(face(track=0), xyxy=(100.0, 20.0, 300.0, 200.0))
    faces = [above, replace(face(track=1), xyxy=(100.0, 205.0, 300.0, 460.0))]
    box = replace(row(track=1), xyxy=(105.0, 210.0, 295.0, 300.0))
    bare, marked = draw(ground, faces, [], None), draw(ground, faces, [box], None)
    np.testing.assert_array_equal(bare[20:200, 100:300], marked[20:200, 100:300])
    # On its own face there is nothing in the way.
    own = draw(ground, faces, [replace(box, track=0)], None)
    assert (bare[20:200, 100:300] != own[20:200, 100:300]).any()


def test_a_label_that_is_away_from_its_box_has_a_line_to_it() -> None:
    box = (100, 100, 200, 200)
    assert leader((100, 80, 180, 100), box) is None
    assert leader((100, 60, 180, 80), box) is None
    assert leader((100, 59, 180, 79), box) == ((140, 79), (140, 100))
    assert leader((230, 240, 300, 260), box) == ((230, 240), (200, 200))
    assert leader((120, 120, 180, 140), box) is None
    # Faces all around leave room at a distance only.
    ground = np.zeros((480, 640, 3), np.uint8)
    mine = replace(row(track=None), xyxy=(200.0, 200.0, 400.0, 260.0))
    wall = replace(face(track=0), xyxy=(0.0, 170.0, 640.0, 300.0))
    marked = draw(ground, [wall], [mine], None)
    # Between the face's edge and the box nothing is drawn but the line.
    between = np.nonzero((marked[175:195, 5:635] > 0).any(axis=2))[1]
    assert len(between) >= 20
    assert np.ptp(between) <= 10


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".JPEG"])
def test_annotate_image(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "out" / f"a{suffix}"
    annotate_image(noise(), image_report(), path)
    assert cv2.imread(str(path)).shape[1] == 480
    assert list(path.parent.iterdir()) == [path]


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"a marked picture must end in \.jpg or \.png"):
        annotate_image(noise(), image_report(), tmp_path / "a.gif")
    media = open_media(write_clip(tmp_path / "a.mp4"))
    with pytest.raises(OutputError, match=r"a marked video must end in \.mp4"):
        annotate_video(media, clip_report(0), tmp_path / "b.avi")
    cv2.imwrite(str(tmp_path / "p.png"), noise())
    with pytest.raises(OutputError, match="a picture cannot be written as a video"):
        annotate_video(open_media(tmp_path / "p.png"), clip_report(0), tmp_path / "b.mp4")


def test_faces_move_between_samples() -> None:
    timeline = RowsBetween(clip_report(5, 15, 25))
    assert timeline.interval == 10
    for frame in range(5, 26):
        faces, detections = timeline.at(frame)
        assert [box.xyxy[0] for box in faces] == pytest.approx([12 + frame])
        assert [box.xyxy for box in detections] == [pytest.approx((16 + frame, 16, 32 + frame, 32))]
    # Half an interval before the first and after the last sample the boxes stand still.
    assert timeline.at(0)[0][0].xyxy[0] == 17
    assert timeline.at(30)[1][0].xyxy[0] == 41
    assert timeline.at(31) == ([], [])


def test_a_missed_sample_is_bridged_two_are_not() -> None:
    report = clip_report(0, 10, 20, 30, 60, 70, 80, 90, 100)
    timeline = RowsBetween(replace(report, faces=tuple(f for f in report.faces if f.frame != 20)))
    assert timeline.interval == 10
    assert timeline.at(17)[0][0].xyxy[0] == pytest.approx(29)
    assert timeline.at(45) == ([], [])


def test_boxes_without_a_track_stand_still() -> None:
    report = replace(
        clip_report(), faces=(face(10, None),), detections=(row(10, None), row(10, track=7))
    )
    timeline = RowsBetween(report, second=4)
    assert timeline.at(12) == ([face(10, None)], [row(10, None), row(10, track=7)])
    assert timeline.at(13) == ([], [])
    assert RowsBetween(clip_report()).at(0) == ([], [])


side = st.floats(1, 1000)
place = st.floats(-1000, 1000)
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), place, place, side, side)


@given(boxes, boxes, boxes)
def test_moving_there_and_back(
    inner: tuple[float, ...], then: tuple[float, ...], now: tuple[float, ...]
) -> None:
    assert moved(inner, then, then) == pytest.approx(inner, abs=1e-6)
    assert moved(then, then, now) == pytest.approx(now, abs=1e-6)
    assert moved(moved(inner, then, now), now, then) == pytest.approx(inner, abs=1e-4)


def sliding_clip(path: Path, frames: int, size: tuple[int, int], speed: float) -> Path:
    """A textured square of 80 pixels that goes there and back over an even ground."""
    patch = noise(80, 80, seed=3)
    pictures = []
    for index in range(frames):
        picture = np.full((size[1], size[0], 3), 90, np.uint8)
        left = slide(index, frames, speed)
        picture[60:140, left : left + 80] = patch
        pictures.append(picture)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def slide(index: int, frames: int, speed: float) -> int:
    """Left edge of the square: out until the middle of the clip, then back."""
    return round(20 + speed * min(index, frames - 1 - index))


def slid_face(frame: int, frames: int, speed: float) -> FaceRow:
    left = float(slide(frame, frames, speed))
    return FaceRow(frame, 0, (left, 60.0, left + 80, 140.0), 0.9)


def test_a_face_is_followed_where_it_does_not_go_straight(tmp_path: Path) -> None:
    frames, speed = 41, 6.0
    media = open_media(sliding_clip(tmp_path / "a.mp4", frames, (320, 240), speed))
    ends = (slid_face(0, frames, speed), slid_face(frames - 1, frames, speed))
    report = replace(clip_report(), faces=ends)
    straight = RowsBetween(report)
    followed = follow_faces(media, straight.samples(), straight.gaps)
    timeline = RowsBetween(report, 25, followed)
    middle = frames // 2
    # Without having been followed it stands still where it was seen.
    assert straight.at(middle)[0][0].xyxy[0] == 20
    for frame in range(frames):
        (there,) = timeline.at(frame)[0]
        assert there.xyxy == pytest.approx(slid_face(frame, frames, speed).xyxy, abs=4)
    assert slid_face(middle, frames, speed).xyxy[0] > 130
    assert set(followed.boxes[0]) == set(range(1, frames - 1))


def test_a_face_that_is_lost_on_the_way_has_no_boxes(tmp_path: Path) -> None:
    media = open_media(sliding_clip(tmp_path / "a.mp4", 21, (320, 240), 6.0))
    samples = {0: {0: (20.0, 60.0, 100.0, 140.0), 20: (220.0, 10.0, 300.0, 90.0)}}
    assert follow_faces(media, samples, 40).boxes == {0: {}}
    # Nor one whose samples are too far apart, or whose clip is gone.
    assert follow_faces(media, samples, 10).boxes == {0: {}}
    media.path.unlink()
    assert follow_faces(media, samples, 40).boxes == {0: {}}


def test_boxes_end_at_a_cut(tmp_path: Path) -> None:
    """Two shots, a face at one place in both: what is boxed in one is not drawn in the other."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "16"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for shot in (0, 1):
            picture = noise(320, 240, seed=shot)
            picture = np.clip(picture.astype(int) // 4 + 150 * shot, 0, 255).astype(np.uint8)
            for _ in range(13):
                frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    report = replace(clip_report(5, 20), faces=(face(5), face(20)))
    straight = RowsBetween(report)
    followed = follow_faces(open_media(path), straight.samples(), straight.gaps)
    assert followed.cuts == (13,)
    assert followed.boxes == {0: {}}
    timeline = RowsBetween(report, 25, followed)
    first, second = (report.detections[n].frame for n in (0, -1))
    assert (first, second) == (5, 20)
    for frame in range(6, 20):
        faces, rows = timeline.at(frame)
        assert {row.frame for row in rows} <= {5 if frame < 13 else 20}
        assert all((row.frame < 13) == (frame < 13) for row in faces)


def test_faces_are_numbered_where_there_are_several() -> None:
    ground = np.zeros((480, 640, 3), np.uint8)
    one = replace(clip_report(0), detections=())
    two = replace(one, faces=(*one.faces, face(0, track=1, left=300)))
    assert not several_faces(one)
    assert several_faces(two)
    plain = draw(ground, two.faces, [], None)
    numbered = draw(ground, two.faces, [], None, numbered=True)
    changed = np.argwhere((plain != numbered).any(axis=2))
    # Within the upper edge of the boxes.
    assert len(changed) > 100
    assert changed[:, 0].max() < 8 + 25


def sound_of(path: Path) -> tuple[str, float]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        return stream.codec_context.name, float(stream.duration * stream.time_base)


def test_annotate_video(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mp4", frames=30, sound="aac")
    path = tmp_path / "out" / "a.mp4"
    done: list[int] = []
    assert annotate_video(open_media(source), clip_report(5, 15), path, done.append) == ()
    assert done == list(range(1, 31))
    assert list(path.parent.iterdir()) == [path]
    media = open_media(path)
    frames = list(media.frames(Sampling(frames=None)))
    assert len(frames) == 30
    assert [frame.time for frame in frames] == pytest.approx([index / 25 for index in range(30)])
    width, height = media.info.width, media.info.height
    assert (width % 2, height % 2) == (0, 0)
    assert (width, height > 360) == (480, True)
    assert sound_of(path)[0] == "aac"
    assert sound_of(path)[1] == pytest.approx(sound_of(source)[1], abs=0.05)


def test_odd_sides_and_variable_frame_rate(tmp_path: Path) -> None:
    times = [0, 0.04, 0.5, 0.52, 2.0]
    source = write_clip(tmp_path / "a.mkv", frames=5, times=times, size=(482, 270))
    path = tmp_path / "b.mp4"
    assert annotate_video(open_media(source), clip_report(), path) == ()
    frames = list(open_media(path).frames(Sampling(frames=None)))
    assert [frame.time for frame in frames] == pytest.approx(times, abs=2e-3)


def test_sound_that_mp4_players_do_not_expect_is_coded_again(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "a.mpg", frames=30, sound="mp2")
    path = tmp_path / "b.mp4"
    assert annotate_video(open_media(source), clip_report(), path) == ()
    name, seconds = sound_of(path)
    assert name == "aac"
    assert seconds == pytest.approx(1.2, abs=0.1)


@pytest.mark.parametrize("rate", [11_000, 192_000])
def test_sound_of_a_rate_that_aac_does_not_know_is_resampled(tmp_path: Path, rate: int) -> None:
    source = write_clip(tmp_path / "a.mkv", frames=30, sound="pcm_s16le", rate=rate)
    path = tmp_path / "b.mp4"
    assert annotate_video(open_media(source), clip_report(), path) == ()
    name, seconds = sound_of(path)
    assert name == "aac"
    assert seconds == pytest.approx(1.2, abs=0.1)


def test_clip_that_breaks_off_is_marked_so_far(tmp_path: Path) -> None:
    source = cut(write_clip(tmp_path / "a.mkv", frames=200, size=(320, 240)), 0.6)
    path = tmp_path / "b.mp4"
    (remark,) = annotate_video(open_media(source), clip_report(5), path)
    assert remark.startswith(f"{source}: is truncated after frame ")
    assert open_media(path).info.frames == int(remark.split()[-1]) + 1


def test_broken_off_or_failed_leaves_nothing(tmp_path: Path) -> None:
    media = open_media(write_clip(tmp_path / "a.mp4"))
    path = tmp_path / "out" / "b.mp4"

    def interrupt(done: int) -> None:
        if done > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate_video(media, clip_report(), path, interrupt)
    assert list(path.parent.iterdir()) == []
    media.path.unlink()
    with pytest.raises(MediaError, match="does not exist"):
        annotate_video(media, clip_report(), path)
    assert list(path.parent.iterdir()) == []


def test_size_of_a_clip_is_kept_where_it_is_large_enough(tmp_path: Path) -> None:
    assert (WIDTH, HEIGHT) == (64, 48)
    source = write_clip(tmp_path / "a.mp4", frames=2, size=(640, 360))
    annotate_video(open_media(source), clip_report(), tmp_path / "b.mp4")
    assert open_media(tmp_path / "b.mp4").info.width == 640

"""Files in, reports out: in order, with what failed told and the rest kept."""

from __future__ import annotations

import math
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from bundles import onnx_model, write_bundle

from fakecheck import stages
from fakecheck.errors import NoDetectorsError
from fakecheck.faces import FaceFinder
from fakecheck.hookspecs import hookimpl
from fakecheck.loading import load_detectors
from fakecheck.media import Sampling
from fakecheck.pipeline import Options, check_files
from fakecheck.plugins import PluginHost

RESOURCES = Path(__file__).parent / "resources"
FACE, FORGED = RESOURCES / "real_face.jpg", RESOURCES / "forged_face.jpg"
CLIP = RESOURCES / "real_clip.mpg"


def host_of(*folders):
    class Plugin:
        @hookimpl
        def fakecheck_detectors(self):
            return list(folders)

    host = PluginHost()
    host.register(Plugin(), "test")
    return host


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    pytest.importorskip("onnx", reason="onnx, which draws the test models, is not installed")
    folder = tmp_path_factory.mktemp("bundles")
    parts = {"regions": ["eyes", "nose", "mouth"], "margin": 0.0}
    return load_detectors(
        host=host_of(
            write_bundle(folder / "a", id="bright", onnx=onnx_model()),
            write_bundle(
                folder / "b", id="parts", family="partswap", crop=parts, onnx=onnx_model()
            ),
            write_bundle(
                folder / "c",
                id="whole",
                family="dcgan",
                crop={"regions": ["frame"]},
                onnx=onnx_model(),
            ),
        )
    )


class Wrapped:
    """A detector whose `detect` is something else."""

    def __init__(self, detector, detect):
        self.card = detector.card
        self.detect = detect


def with_detect(detectors, number, detect):
    mine = list(detectors.by_device["cpu"])
    mine[number] = Wrapped(mine[number], detect)
    return replace(detectors, by_device={"cpu": tuple(mine)})


def test_a_picture_gives_boxes_in_its_pixels(detectors):
    (outcome,) = check_files([FACE], detectors)
    report = outcome.report
    assert (report.media.kind, report.media.width, report.media.height) == ("image", 360, 288)
    assert len(report.faces) == 1
    assert {row.detector for row in report.detections} <= {"bright", "parts", "whole"}
    for row in report.detections:
        left, top, right, bottom = row.xyxy
        assert 0 <= left < right <= 360
        assert 0 <= top < bottom <= 288
    assert [score.family for score in report.families] == sorted(
        (score.family for score in report.families),
        key=lambda family: -{s.family: s.probability for s in report.families}[family],
    )


def test_outcomes_keep_the_order_of_the_files_and_bad_ones_do_not_stop_the_rest(
    detectors, tmp_path
):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(FACE.read_bytes()[:5000])
    empty = tmp_path / "empty.png"
    empty.touch()
    files = [FACE, tmp_path / "missing.jpg", CLIP, broken, FORGED, empty]
    outcomes = list(check_files(files, detectors))
    assert [outcome.path for outcome in outcomes] == files
    judged = [outcome.error is None for outcome in outcomes]
    assert judged == [True, False, True, False, True, False]
    for outcome in outcomes:
        if outcome.error is not None:
            assert str(outcome.path) in str(outcome.error)
            assert "\n" not in str(outcome.error)


def test_the_same_bytes_are_scored_once(detectors, tmp_path):
    copy = tmp_path / "copy.jpg"
    shutil.copyfile(FACE, copy)
    first, second = check_files([FACE, copy], detectors)
    assert first.report is not None
    assert (second.report, second.same_as) == (None, FACE)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(frames=5), 5),
        (Sampling(frames=None, every=20), 4),
        (Sampling(frames=None), 75),
    ],
)
def test_a_clip_is_sampled_and_its_face_followed(detectors, sampling, expected):
    (outcome,) = check_files([CLIP], detectors, Options(sampling=sampling))
    faces = outcome.report.faces
    assert len({face.frame for face in faces}) == expected
    assert {face.track for face in faces} == {1}
    assert [face.frame for face in faces] == sorted(face.frame for face in faces)


def write_shots(path, shots):
    """A clip of 320 x 240 pixels; `shots` are a ground and the picture on it for each frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for ground, picture in shots:
            frame = np.full((240, 320, 3), ground, np.uint8)
            frame[60:180, 100:220] = picture
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def two_people():
    face = cv2.resize(cv2.imread(str(FACE)), (120, 120))
    return face, face[:, ::-1]


@pytest.mark.parametrize("sampling", [Sampling(frames=8), Sampling(frames=None)])
def test_faces_of_two_shots_are_two_though_they_are_at_one_place(
    detectors, tmp_path, two_people, sampling
):
    one, other = two_people
    shots = [(240, one)] * 12 + [(20, other)] * 12 + [(240, one)] * 12
    path = write_shots(tmp_path / "a.mp4", shots)
    (outcome,) = check_files([path], detectors, Options(sampling=sampling))
    tracks = {row.frame: row.track for row in outcome.report.faces}
    assert {frame // 12: track for frame, track in tracks.items()} == {0: 1, 1: 2, 2: 3}
    assert all(track == frame // 12 + 1 for frame, track in tracks.items())


@pytest.mark.parametrize("sampling", [Sampling(frames=12), Sampling(frames=None)])
@pytest.mark.parametrize(("middle", "swing"), [(127.5, 2), (120, 40)])
def test_a_face_is_one_while_the_light_changes(
    detectors, tmp_path, two_people, sampling, middle, swing
):
    """Also where a plain ground goes from one level of grey that is counted to the next."""
    face, _ = two_people
    levels = [middle + swing * math.sin(n / 3) for n in range(36)]
    shots = [
        (round(level), np.clip(face * (level / middle), 0, 255).astype(np.uint8))
        for level in levels
    ]
    path = write_shots(tmp_path / "a.mp4", shots)
    (outcome,) = check_files([path], detectors, Options(sampling=sampling))
    assert {row.track for row in outcome.report.faces} == {1}


def test_a_cut_on_a_frame_that_could_not_be_searched_is_one(
    detectors, tmp_path, two_people, monkeypatch
):
    one, other = two_people
    path = write_shots(tmp_path / "a.mp4", [(240, one)] * 4 + [(20, other)] * 4)
    cut = stages.cut_crops

    def poor(image, *rest):
        if image[0, 0, 0] < 100 and not failed:
            failed.append(True)
            raise MemoryError
        return cut(image, *rest)

    failed: list[bool] = []
    monkeypatch.setattr(stages, "cut_crops", poor)
    options = Options(sampling=Sampling(frames=None), threads=1)
    (outcome,) = check_files([path], detectors, options)
    assert failed == [True]
    assert {row.track for row in outcome.report.faces} == {1, 2}


@pytest.mark.parametrize(
    ("sampling", "looks"), [(Sampling(frames=25), 25), (Sampling(frames=None), 16)]
)
def test_faces_are_looked_for_on_some_of_the_frames_that_lie_close(
    detectors, tmp_path, monkeypatch, sampling, looks
):
    lock, seen, find = threading.Lock(), [], FaceFinder.find

    def counted(self, image, retry=True):
        with lock:
            seen.append(image.shape)
        return find(self, image, retry)

    monkeypatch.setattr(FaceFinder, "find", counted)
    copy = tmp_path / "again.mpg"
    copy.write_bytes(CLIP.read_bytes() + bytes(1))
    # The second clip starts anew: nothing is followed from one to the other.
    outcomes = list(check_files([CLIP, copy], detectors, Options(sampling=sampling)))
    assert len(seen) == 2 * looks
    for outcome in outcomes:
        assert {face.track for face in outcome.report.faces} == {1}


def test_one_thread_and_four_say_the_same(detectors):
    reports = [
        next(check_files([CLIP], detectors, Options(threads=threads))).report for threads in (1, 4)
    ]
    assert reports[0].verdict == reports[1].verdict
    assert reports[0].detections == reports[1].detections


def test_a_failing_detector_is_told_and_the_others_go_on(detectors):
    def fail(frames):
        raise RuntimeError("out of luck")

    (outcome,) = check_files([CLIP], with_detect(detectors, 0, fail))
    (error,) = outcome.report.errors
    assert (error.stage, error.detector) == ("detect", "bright")
    assert error.message == "RuntimeError: out of luck (in 25 frames)"
    assert {score.family for score in outcome.report.families} == {"partswap", "dcgan"}


def test_a_picture_that_cannot_be_searched_costs_only_itself(detectors, monkeypatch):
    find = FaceFinder.find

    def out_of_memory(finder, image, retry=True):
        if np.array_equal(image, forged):
            raise cv2.error("Insufficient memory\n in function")
        return find(finder, image, retry)

    forged = cv2.imread(str(FORGED))
    monkeypatch.setattr(FaceFinder, "find", out_of_memory)
    failed, fine = check_files([FORGED, FACE], detectors)
    assert "could not be searched for faces: error: Insufficient memory in function" in str(
        failed.error
    )
    assert failed.report.verdict.reason == "no frame could be looked at"
    assert failed.report.verdict.label == "inconclusive"
    assert fine.error is None
    assert len(fine.report.faces) == 1


def test_a_frame_that_a_detector_cannot_take_costs_only_itself(detectors):
    real = detectors.by_device["cpu"][0]
    lock, seen = threading.Lock(), []

    def fail_on_one(frames):
        with lock:
            if len(frames) == 1 and not seen:
                seen.append(frames[0])
            if any(frame in seen for frame in frames) or len(frames) > 1:
                raise RuntimeError("bad frame")
        return real.detect(frames)

    (outcome,) = check_files([CLIP], with_detect(detectors, 0, fail_on_one))
    (error,) = outcome.report.errors
    assert error.message == "RuntimeError: bad frame"
    assert "stargan" in {score.family for score in outcome.report.families}


def test_a_face_too_small_to_judge_is_said_so(detectors):
    faces_only = replace(
        detectors,
        cards=detectors.cards[:2],
        by_device={"cpu": detectors.by_device["cpu"][:2]},
    )
    (outcome,) = check_files([FACE], faces_only, Options(min_face=300))
    report = outcome.report
    assert report.verdict.label == "inconclusive"
    assert "under 300" in report.verdict.reason
    assert len(report.faces) == 1
    assert report.detections == ()


def test_without_a_face_only_a_detector_of_frames_has_a_say(detectors, tmp_path):
    import cv2

    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((90, 120, 3), 200, np.uint8))
    (with_frame,) = check_files([path], detectors)
    assert [score.family for score in with_frame.report.families] == ["dcgan"]
    faces_only = replace(
        detectors,
        cards=detectors.cards[:2],
        by_device={"cpu": detectors.by_device["cpu"][:2]},
    )
    (without,) = check_files([path], faces_only)
    assert without.report.verdict.reason == "no face was found"


def test_a_clip_that_breaks_off_has_a_verdict_on_what_was_there_and_an_error(detectors, tmp_path):
    data = CLIP.read_bytes()
    path = tmp_path / "cut.mpg"
    path.write_bytes(data[: len(data) // 2])
    (outcome,) = check_files([path], detectors, Options(sampling=Sampling(frames=None)))
    assert outcome.report is not None
    assert 5 < len(outcome.report.faces) < 70


def test_leaving_midway_ends_all_threads_within_a_second(detectors):
    before = threading.active_count()
    outcomes = check_files([CLIP, FACE, FORGED], detectors, Options(sampling=Sampling(frames=None)))
    next(outcomes)
    start = time.monotonic()
    outcomes.close()
    assert time.monotonic() - start < 1
    assert threading.active_count() == before


def test_progress_counts_the_frames(detectors):
    calls = []
    list(check_files([CLIP], detectors, progress=lambda *call: calls.append(call)))
    assert [done for _, done, _ in calls] == list(range(1, 26))
    assert {path for path, _, _ in calls} == {CLIP}
    assert {expected for _, _, expected in calls} == {25}


def test_a_detector_that_cannot_be_loaded_is_left_out_and_told(tmp_path):
    pytest.importorskip("onnx")
    good = write_bundle(tmp_path / "a", onnx=onnx_model())
    bad = write_bundle(tmp_path / "b", id="bad", onnx=onnx_model())
    (bad / "model.onnx").write_bytes(b"something else")
    detectors = load_detectors(host=host_of(good, bad))
    assert [card.id for card in detectors.cards] == ["bright"]
    (error,) = detectors.errors
    assert (error.stage, error.detector) == ("load", "bad")
    (outcome,) = check_files([FACE], detectors)
    assert outcome.report.errors == (error,)


def test_no_detector_at_all_is_an_error_of_its_own(tmp_path):
    pytest.importorskip("onnx")
    bad = write_bundle(tmp_path / "b", onnx=onnx_model())
    (bad / "model.onnx").write_bytes(b"something else")
    with pytest.raises(NoDetectorsError, match="No detector could be loaded"):
        load_detectors(host=host_of(bad))

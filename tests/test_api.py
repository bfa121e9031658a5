"""fakecheck as a library: what it needs, what it leaves behind, and how it says no."""

from __future__ import annotations

import ast
import errno
import inspect
import io
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Sequence
from dataclasses import is_dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from bundles import onnx_model, write_bundle
from PIL import Image

import fakecheck
from fakecheck import check_files, check_image, check_video, load_detectors
from fakecheck.hookspecs import hookimpl
from fakecheck.loading import DetectorSet
from fakecheck.media import pictures, streams
from fakecheck.plugins import PluginHost

RESOURCES = Path(__file__).parent / "resources"
FACE, CLIP = RESOURCES / "real_face.jpg", RESOURCES / "real_clip.mpg"
FORGED_CLIP = RESOURCES / "forged_clip.mp4"


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    pytest.importorskip("onnx", reason="onnx, which draws the test models, is not installed")
    folder = write_bundle(tmp_path_factory.mktemp("bundle"), onnx=onnx_model())

    class Plugin:
        @hookimpl
        def fakecheck_detectors(self):
            return [folder]

    host = PluginHost()
    host.register(Plugin(), "one")
    return load_detectors(host=host)


def test_names_are_there_and_can_be_listed():
    assert set(fakecheck.__all__) <= set(dir(fakecheck))
    others = set(dir(fakecheck)) - set(fakecheck.__all__)
    assert all(name.startswith("__") and name.endswith("__") for name in others)
    assert "__version__" in others
    for name in fakecheck.__all__:
        assert getattr(fakecheck, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'chek_image'"):
        fakecheck.chek_image  # noqa: B018


def test_type_checkers_see_every_name():
    """The imports that only they make are those that `__getattr__` makes."""
    tree = ast.parse(Path(fakecheck.__file__).read_text("utf-8"))
    (checking,) = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    seen = {alias.name: node.module for node in checking.body for alias in node.names}
    assert seen == fakecheck._HOMES
    assert sorted(seen) == sorted(fakecheck.__all__)


def test_every_record_and_error_that_users_meet_can_be_named():
    """What the fields of a report hold, and what the documented calls raise."""
    report = check_video(CLIP, load_detectors(only="alae"))
    rows = [row for name in vars(report) for row in _rows(getattr(report, name))]
    met = {type(one).__name__ for one in [report, *rows] if is_dataclass(one)}
    assert met <= set(fakecheck.__all__)
    assert {"Verdict", "MediaInfo", "FaceRow", "FaceVerdict", "Moment", "LookedAt"} <= met
    documented = " ".join(inspect.getdoc(call) for call in (check_video, check_image, check_files))
    documented += inspect.getdoc(load_detectors)
    raised = set(re.findall(r"\b[A-Z]\w+Error\b", documented)) - {"TypeError", "ValueError"}
    assert raised <= set(fakecheck.__all__)


def _rows(value):
    return value if isinstance(value, Sequence) and not isinstance(value, str) else [value]


@pytest.mark.parametrize(("page", "count"), [("README.md", 1), ("docs/python.md", 4)])
def test_what_the_pages_show_runs(tmp_path, monkeypatch, page, count):
    text = (RESOURCES.parents[1] / page).read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == count
    shutil.copy(FACE, tmp_path / "photo.jpg")
    shutil.copy(CLIP, tmp_path / "clip.mp4")
    (tmp_path / "photos").mkdir()
    shutil.copy(FACE, tmp_path / "photos" / "a.jpg")
    (tmp_path / "photos" / "b.jpg").touch()
    monkeypatch.chdir(tmp_path)
    # It is nothing that fakecheck needs.
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(json_normalize=list))
    names = {"data": FACE.read_bytes()}
    exec("\n".join(blocks), names)
    assert names["report"].verdict.probability is not None
    if page != "README.md":
        assert [row["media"]["path"] for row in names["table"]] == [str(Path("photos", "a.jpg"))]
        assert list(names["left_out"]) == [Path("photos", "b.jpg")]


def test_a_report_becomes_json_and_a_pickle():
    report = check_image(RESOURCES / "forged_face.jpg", load_detectors(only="partswap"))
    record = json.loads(json.dumps(fakecheck.to_record(report)))
    assert record["schema"] == "fakecheck.report/1"
    assert len(record["detections"]) == len(report.detections) > 0
    again = pickle.loads(pickle.dumps(report))
    assert again == report
    assert len({again, report}) == 1
    assert len({again, replace(report, media=replace(report.media, path="other.jpg"))}) == 2
    # One row, and not the table that it is in.
    assert len(pickle.dumps(report.detections[:1])) < 1000


def test_an_error_of_a_part_brings_the_report_on_the_rest(detectors, tmp_path):
    pages = [Image.open(FACE), Image.new("RGB", (40, 40))]
    document, damaged = tmp_path / "pages.tiff", tmp_path / "damaged.mp4"
    pages[0].save(document, save_all=True, append_images=pages[1:])
    data = bytearray(FORGED_CLIP.read_bytes())
    place = len(data) * 7 // 10
    data[place : place + 3000] = bytes(3000)
    damaged.write_bytes(data)
    for path in (document, damaged):
        with pytest.raises(fakecheck.MediaError) as caught:
            check_image(path, detectors)
        report = caught.value.report
        assert report is not None
        assert report.verdict.probability is not None
        assert [(error.stage, error.message) for error in report.errors] == [
            ("media", str(caught.value))
        ]
        # As a pool of processes hands it on.
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), again.report) == (str(caught.value), report)
    with pytest.raises(fakecheck.MediaError) as caught:
        check_image(tmp_path / "missing.jpg", detectors)
    assert caught.value.report is None


def test_no_detector_is_an_error_and_no_endless_wait(detectors):
    for empty in (DetectorSet((), {}), DetectorSet(detectors.cards, {"cpu": ()})):
        with pytest.raises(fakecheck.NoDetectorsError):
            check_image(FACE, empty)


@pytest.mark.parametrize("given", [{"sampling": 0}, {"sampling": 5}, {"limits": 100}])
def test_other_types_are_refused_at_once(detectors, given):
    with pytest.raises(TypeError, match="must be a"):
        check_video(CLIP, detectors, **given)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"threads": "2"}, TypeError, "threads must be a whole number, got str"),
        ({"threads": 1.5}, TypeError, "threads must be a whole number, got float"),
        ({"min_face": "40"}, TypeError, "min_face must be a number of pixels, got str"),
        ({"min_face": 0}, ValueError, "min_face must be above 0, got 0"),
        ({"min_face": float("nan")}, ValueError, "min_face must be above 0, got nan"),
        ({"false_alarm_rate": "5%"}, TypeError, "false_alarm_rate must be a number, got str"),
        ({"false_alarm_rate": 0.1}, ValueError, "must lie in 0.005 to 0.05, got 0.1"),
        ({"false_alarm_rate": float("nan")}, ValueError, "must lie in 0.005 to 0.05, got nan"),
        ({"detectors": "alae"}, TypeError, "detectors must be a DetectorSet, .* got str"),
        ({"detectors": []}, TypeError, "detectors must be a DetectorSet, .* got list"),
    ],
)
def test_arguments_are_checked_in_one_way(detectors, given, kind, message):
    arguments = {"detectors": detectors, **given}
    for check in (check_image, check_video):
        with pytest.raises(kind, match=message):
            check(FACE, **arguments)
    with pytest.raises(kind, match=message):
        check_files([FACE], **arguments)


@pytest.mark.parametrize("path", [FACE, CLIP])
def test_the_rate_of_false_alarms_reaches_the_verdict(detectors, path):
    usual = check_video(path, detectors).verdict
    more = check_video(path, detectors, false_alarm_rate=0.05).verdict
    assert (usual.false_alarm_rate, more.false_alarm_rate) == (0.01, 0.05)
    assert more.probability == usual.probability
    assert more.threshold < usual.threshold
    (outcome,) = check_files([path], detectors, false_alarm_rate=0.005)
    assert outcome.report.verdict.threshold > usual.threshold


def test_numbers_of_numpy_are_numbers(detectors):
    report = check_image(FACE, detectors, threads=np.int64(1), min_face=np.float32(400))
    assert report.verdict.unjudged == "face_too_small"


@pytest.mark.parametrize(
    "given",
    [
        b"photo.jpg",
        io.BytesIO(b"\xff\xd8"),
        np.zeros((3, 3, 3), np.uint8),
        Image.new("RGB", (3, 3)),
        None,
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_path_is_told_what_to_do(detectors, given):
    message = f"given by its path .* got {type(given).__name__}: save it as a file"
    for check in (check_image, check_video):
        with pytest.raises(TypeError, match=message):
            check(given, detectors)
    outcomes = check_files([FACE, given], detectors)
    assert next(outcomes).report is not None
    with pytest.raises(TypeError, match=message):
        next(outcomes)


def test_names_are_not_changed_in_errors(detectors):
    address = "https://example.org/photo.jpg"
    with pytest.raises(fakecheck.MediaError, match=f"^{address}: is an address, not a file"):
        check_image(address, detectors)
    with pytest.raises(fakecheck.MediaError, match="path of a file is empty"):
        check_image("", detectors)
    with pytest.raises(fakecheck.MediaError) as caught:
        check_image(f"data:image/jpeg;base64,{'A' * 10_000}", detectors)
    assert len(str(caught.value)) < 200


@pytest.mark.skipif(sys.platform == "win32", reason="no such name there")
def test_a_file_whose_name_looks_like_an_address_is_a_file(detectors, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data:").mkdir()
    shutil.copy(FACE, "data:/x.jpg")
    assert check_image("data:/x.jpg", detectors).verdict.probability is not None


def test_many_files_are_judged_in_their_order(detectors, tmp_path):
    copy = tmp_path / "copy.jpg"
    shutil.copy(FACE, copy)
    paths = [str(FACE), tmp_path / "missing.jpg", CLIP, copy]
    outcomes = list(check_files(iter(paths), detectors, sampling=fakecheck.Sampling(frames=2)))
    assert [str(outcome.path) for outcome in outcomes] == [str(path) for path in paths]
    photo, missing, clip, again = outcomes
    assert photo.report == check_image(FACE, detectors)
    assert clip.report.looked_at.frames == 2
    assert isinstance(missing.error, fakecheck.MediaError)
    assert missing.report is None
    assert (again.report, again.error, again.same_as) == (None, None, FACE)


@pytest.mark.parametrize("given", [str(FACE), FACE, bytes(FACE), None])
def test_one_path_is_not_many(detectors, given):
    with pytest.raises(TypeError, match="paths must be several, such as a list"):
        check_files(given, detectors)


def test_threads_are_as_many_as_told_and_all_gone_afterwards(detectors, monkeypatch):
    most, start = [], threading.Thread.start

    def counted(self):
        start(self)
        most.append(threading.active_count())

    monkeypatch.setattr(threading.Thread, "start", counted)
    before = threading.active_count()
    check_image(FACE, detectors, threads=1)
    # The source, and one thread a stage.
    assert max(most) <= before + 4
    assert threading.active_count() == before
    with pytest.raises(ValueError, match="threads must be at least 1"):
        check_image(FACE, detectors, threads=0)


def test_warnings_of_other_threads_are_not_swallowed(detectors, monkeypatch):
    """Python's filters belong to the process: nobody touches them while a picture is decoded."""
    filters, decode = [], pictures._to_bgr

    def seen(*arguments):
        filters.append(list(warnings.filters))
        return decode(*arguments)

    monkeypatch.setattr(pictures, "_to_bgr", seen)
    before = list(warnings.filters)
    check_image(FACE, detectors)
    assert filters == [before]


def test_what_the_machine_lacks_is_not_blamed_on_the_file(detectors, monkeypatch):
    def poor(*_):
        raise MemoryError

    monkeypatch.setattr(pictures, "_to_bgr", poor)
    with pytest.raises(fakecheck.MediaError, match="not enough memory"):
        check_image(FACE, detectors)


def test_a_warning_that_somebody_wants_raised_is_no_damage(detectors, monkeypatch):
    def odd(*_):
        warnings.warn("odd", stacklevel=1)

    monkeypatch.setattr(pictures, "_to_bgr", odd)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="odd"):
            check_image(FACE, detectors)


def test_a_damaged_clip_is_not_blamed_on_the_machine(detectors, tmp_path, monkeypatch):
    """FFmpeg gives these errors of damaged files, too."""
    for number in (errno.EIO, errno.ENOMEM):

        def broken(*_, number=number):
            raise av.FFmpegError(number, "no")

        monkeypatch.setattr(streams, "open_container", broken)
        with pytest.raises(fakecheck.MediaError, match="truncated or damaged"):
            check_video(CLIP, detectors)


@pytest.mark.skipif(sys.platform != "linux", reason="where a home folder is told by HOME")
def test_nothing_is_sent_or_left_in_the_home_folder(tmp_path):
    """ONNX Runtime from 1.29 on keeps an identifier of the machine there to report with."""
    code = (
        "import os, time, fakecheck; d = fakecheck.load_detectors(only='alae'); "
        f"fakecheck.check_video({str(CLIP)!r}, d); print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
    assert list(tmp_path.rglob("*")) == []


def test_detectors_are_shared_by_calls_side_by_side(detectors):
    expected = check_image(FACE, detectors)
    found = []

    def judge():
        found.append(check_image(FACE, detectors, threads=1))

    threads = [threading.Thread(target=judge) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4
    assert replace(expected, errors=()) == expected
    assert np.isfinite(expected.verdict.probability)

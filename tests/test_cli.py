"""The command as a user runs it, with the bundled detectors, on the sample media."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import cv2
import jsonschema
import pytest

from fakecheck import check_image, check_video, load_detectors
from fakecheck.cli.main import COMMANDS, run
from fakecheck.errors import ExitCode
from fakecheck.media import Sampling, open_media

RESOURCES = Path(__file__).parent / "resources"
REAL, FORGED = RESOURCES / "real_face.jpg", RESOURCES / "forged_face.jpg"
CLIP, FORGED_CLIP = RESOURCES / "real_clip.mpg", RESOURCES / "forged_clip.mp4"
SCHEMA = json.loads(files("fakecheck").joinpath("report", "schema.json").read_text("utf-8"))


@pytest.fixture
def fakecheck(capsys):
    """Runs a command line and gives its exit code, stdout and stderr."""

    def call(*args):
        code = run([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_forged_face_is_called_fake_with_named_boxes(fakecheck):
    code, out, err = fakecheck("detect", FORGED)
    assert code == ExitCode.OK
    assert "FAKE" in out.upper()
    assert "partswap" in out
    assert err == ""


def test_the_real_face_is_not_called_fake(fakecheck):
    code, out, _ = fakecheck("detect", REAL, "--format", "json")
    assert code == ExitCode.OK
    assert json.loads(out)["verdict"]["label"] != "fake"


def test_the_verdicts_on_the_clips(fakecheck):
    code, out, _ = fakecheck("video", CLIP, FORGED_CLIP, "--format", "jsonl")
    real, forged = (json.loads(line) for line in out.splitlines())
    assert code == ExitCode.OK
    assert real["verdict"]["label"] != "fake"
    # Pasted parts are also what real faces show most of: the model holds back.
    assert forged["verdict"]["label"] != "real"
    assert forged["families"][0]["family"] == "partswap"
    assert forged["verdict"]["probability"] > real["verdict"]["probability"] + 0.5


def test_a_folder_gives_one_valid_report_a_line(fakecheck):
    code, out, err = fakecheck("detect", RESOURCES, "--format", "jsonl")
    assert code == ExitCode.OK
    reports = [json.loads(line) for line in out.splitlines()]
    assert {Path(report["media"]["path"]).name for report in reports} == {
        "real_face.jpg",
        "real_face.heic",
        "forged_face.jpg",
        "real_clip.mpg",
        "forged_clip.mp4",
    }
    for report in reports:
        jsonschema.validate(report, SCHEMA)
    assert err == ""


def test_detect_and_video_are_the_same_command(fakecheck):
    outputs = [fakecheck(name, CLIP, FORGED, "--format", "jsonl") for name in ("detect", "video")]
    assert outputs[0] == outputs[1]


def test_bad_files_get_a_line_each_and_code_3_after_the_others(fakecheck, tmp_path):
    empty = tmp_path / "empty.jpg"
    empty.touch()
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    missing = tmp_path / "missing.png"
    code, out, err = fakecheck("detect", empty, missing, REAL, text, "--format", "jsonl")
    assert code == ExitCode.INPUT_FILE
    assert [json.loads(line)["media"]["path"] for line in out.splitlines()] == [str(REAL)]
    lines = err.splitlines()
    assert len(lines) == 3
    for path, line in zip((empty, missing, text), lines, strict=True):
        assert line.startswith(f"Error: {path}")


def test_a_folder_without_media_is_said_so(fakecheck, tmp_path):
    code, _, err = fakecheck("detect", tmp_path)
    assert code == ExitCode.INPUT_FILE
    assert "no picture and no clip" in err


def test_the_same_picture_twice_is_scored_once(fakecheck, tmp_path):
    copy = tmp_path / "copy.jpg"
    shutil.copyfile(REAL, copy)
    code, out, err = fakecheck("detect", REAL, copy, REAL, "--format", "jsonl")
    assert code == ExitCode.OK
    assert len(out.splitlines()) == 1
    assert err == f"{copy}: the same as {REAL}, not scored again\n"


def test_a_picture_over_the_limit_is_refused(fakecheck):
    code, _, err = fakecheck("detect", REAL, "--max-pixels", 1000)
    assert code == ExitCode.INPUT_FILE
    assert "360 x 288" in err


@pytest.mark.parametrize("source", [FORGED, FORGED_CLIP])
def test_marked_copies_are_written(fakecheck, tmp_path, source):
    out = tmp_path / "new" / "folder"
    code, _, err = fakecheck("detect", source, "--annotate", out, "--verbose")
    assert code == ExitCode.OK
    (written,) = out.iterdir()
    assert written.name == source.name
    assert f"wrote {written}" in err
    before = next(iter(open_media(source).frames())).image
    marked = list(open_media(written).frames(Sampling(frames=1)))
    assert len(marked) == 1
    assert marked[0].image.shape[0] > before.shape[0]


def test_two_files_of_one_name_get_two_marked_copies(fakecheck, tmp_path):
    for number, source in enumerate((REAL, FORGED)):
        (tmp_path / str(number)).mkdir()
        shutil.copyfile(source, tmp_path / str(number) / "face.jpg")
    out = tmp_path / "out"
    fakecheck("detect", tmp_path / "0", tmp_path / "1", "--annotate", out)
    assert sorted(path.name for path in out.iterdir()) == ["face-2.jpg", "face.jpg"]
    assert all(cv2.imread(str(path)) is not None for path in out.iterdir())


def test_marked_copies_beside_the_originals_take_other_names(fakecheck, tmp_path):
    original = tmp_path / "face.jpg"
    shutil.copyfile(REAL, original)
    assert fakecheck("detect", tmp_path, "--annotate", tmp_path)[0] == ExitCode.OK
    assert original.read_bytes() == REAL.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face-2.jpg", "face.jpg"]


def test_what_cannot_be_drawn_costs_its_own_copy_only(fakecheck, tmp_path):
    for name in ("a.jpg", "b.jpg"):
        shutil.copyfile(REAL if name == "a.jpg" else FORGED, tmp_path / name)
    (tmp_path / "out" / "a.jpg").mkdir(parents=True)
    found = ("detect", tmp_path / "a.jpg", tmp_path / "b.jpg", "--format", "jsonl")
    code, out, err = fakecheck(*found, "--annotate", tmp_path / "out")
    assert code == ExitCode.OUTPUT_FILE
    assert len(out.splitlines()) == 2
    assert len(err.splitlines()) == 1
    assert cv2.imread(str(tmp_path / "out" / "b.jpg")) is not None


def test_a_file_of_which_nothing_could_be_read_is_not_said_to_show_no_face(fakecheck, tmp_path):
    (tmp_path / "cut.jpg").write_bytes(REAL.read_bytes()[:2000])
    code, out, err = fakecheck("detect", tmp_path / "cut.jpg", "--annotate", tmp_path / "out")
    assert code == ExitCode.INPUT_FILE
    assert "no frame could be looked at" in out
    assert "no face" not in out
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_names_cannot_steer_the_terminal(fakecheck, tmp_path):
    (tmp_path / "a\x1b[2J\nb.jpg").write_bytes(b"none")
    code, _, err = fakecheck("detect", tmp_path)
    assert code == ExitCode.INPUT_FILE
    assert len(err.splitlines()) == 1
    assert r"a\x1b[2J\nb.jpg" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_that_is_full_has_the_code_of_outputs():
    command = [sys.executable, "-m", "fakecheck", "detectors", "list"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == ExitCode.OUTPUT_FILE
    assert done.stderr.startswith("Error: standard output")
    assert len(done.stderr.splitlines()) == 1


def test_csv_has_a_row_a_box(fakecheck, tmp_path):
    path = tmp_path / "boxes.csv"
    _, out, _ = fakecheck("video", FORGED_CLIP, "--csv", path, "--format", "json")
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    detections = json.loads(out)["detections"]
    assert len(rows) == len(detections) > 0
    assert [row["artifact"] for row in rows] == [d["artifact"] for d in detections]
    _, direct, _ = fakecheck("video", FORGED_CLIP, "--format", "csv")
    assert direct == path.read_text("utf-8")


def test_reports_can_go_to_a_file(fakecheck, tmp_path):
    path = tmp_path / "reports" / "all.json"
    code, out, _ = fakecheck("detect", REAL, FORGED, "--format", "json", "-o", path)
    assert (code, out) == (ExitCode.OK, "")
    assert len(json.loads(path.read_text("utf-8"))) == 2


def test_an_output_that_cannot_be_written_has_its_own_code(fakecheck, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = fakecheck("detect", REAL, "-o", tmp_path / "file" / "x.json")
    assert code == ExitCode.OUTPUT_FILE
    assert err.startswith("Error: ")
    assert len(err.splitlines()) == 1


def test_fail_on_fake(fakecheck):
    assert fakecheck("detect", FORGED, "--fail-on-fake")[0] == ExitCode.FAKE_FOUND
    assert fakecheck("detect", REAL, "--fail-on-fake")[0] == ExitCode.OK


def test_a_device_that_is_not_there_is_code_4(fakecheck):
    code, _, messages = fakecheck("detect", REAL, "--device", "cuda:99")
    assert code == ExitCode.MISSING_DEPENDENCY
    assert "cannot use cuda:99" in messages


@pytest.mark.parametrize(
    "args",
    [
        ["detect"],
        ["detect", ""],
        ["detect", REAL, "--format", "xml"],
        ["detect", REAL, "--only", "nobody"],
        ["detect", REAL, "--device", "tpu"],
        ["detect", CLIP, "--frames", "0"],
        ["detect", CLIP, "--frames", "3", "--every", "2"],
        ["detect", CLIP, "--fps", "inf"],
        ["detect", CLIP, "--max-seconds", "nan"],
        ["detect", REAL, "--min-face", "nan"],
        ["detect", REAL, "-o", REAL],
        ["detect", REAL, "--html", REAL],
        ["detect", REAL, "-o", "same.txt", "--csv", "./same.txt"],
        ["frobnicate"],
    ],
)
def test_a_wrong_command_line_is_code_2(fakecheck, args, tmp_path):
    # Of copies, since some of it would be written over.
    copies = {path: shutil.copyfile(path, tmp_path / path.name) for path in (REAL, CLIP)}
    code, out, err = fakecheck(*(copies.get(arg, arg) for arg in args))
    assert (code, out) == (ExitCode.USAGE, "")
    assert "Error: " in err
    assert "Traceback" not in err


def test_detectors_can_be_chosen(fakecheck):
    _, out, _ = fakecheck("detect", REAL, "--only", "partswap", "--format", "json")
    assert list(json.loads(out)["versions"]["detectors"]) == ["partswap"]
    _, out, _ = fakecheck("detect", REAL, "--skip", "partswap", "--format", "json")
    assert "partswap" not in json.loads(out)["versions"]["detectors"]
    skip_all = [arg for card in load_detectors().cards for arg in ("--skip", card.id)]
    assert fakecheck("detect", REAL, *skip_all)[0] == ExitCode.NO_DETECTORS


def test_faces_are_shown_on_request(fakecheck):
    assert "track" not in fakecheck("detect", REAL)[1]
    with_faces = fakecheck("detect", REAL, "--faces")[1]
    assert len(with_faces.splitlines()) > len(fakecheck("detect", REAL)[1].splitlines())


def test_every_command_has_help_and_the_codes_are_documented(fakecheck):
    code, out, _ = fakecheck("--help")
    assert code == ExitCode.OK
    for one in ExitCode:
        assert f"{int(one)} " in out
    for name in COMMANDS:
        code, text, _ = fakecheck(name, "--help")
        assert code == ExitCode.OK
        assert "Usage: fakecheck" in text


def test_the_library_says_what_the_command_says(fakecheck):
    detectors = load_detectors()
    picture = check_image(FORGED, detectors)
    clip = check_video(str(FORGED_CLIP), detectors, sampling=Sampling(frames=5))
    _, out, _ = fakecheck("detect", FORGED, "--format", "json")
    assert json.loads(out)["verdict"]["label"] == picture.verdict.label
    assert json.loads(out)["verdict"]["probability"] == pytest.approx(
        picture.verdict.probability, abs=1e-4
    )
    assert len(clip.faces) == 5
    assert detectors.versions == clip.detector_versions


def test_ctrl_c_ends_the_command_with_130_and_keeps_what_was_written(tmp_path):
    for number in range(3000):
        shutil.copyfile(REAL, tmp_path / f"{number:04}.jpg")
        with (tmp_path / f"{number:04}.jpg").open("ab") as stream:
            stream.write(bytes(str(number), "ascii"))
    output = tmp_path / "reports.jsonl"
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "fakecheck",
            "detect",
            str(tmp_path),
            "--format",
            "jsonl",
            "--annotate",
            str(tmp_path / "marked"),
            "-o",
            str(output),
        ],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not list((tmp_path / "marked").glob("*.jpg")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Interrupted." in err
    assert "Traceback" not in err
    lines = output.read_text("utf-8").splitlines()
    assert 0 < len(lines) < 3000
    assert all(json.loads(line)["schema"] == "fakecheck.report/1" for line in lines)


def test_a_run_that_reports_nothing_leaves_the_earlier_report(tmp_path, monkeypatch):
    from fakecheck.cli import scan

    def interrupted(*_):
        raise KeyboardInterrupt
        yield

    output = tmp_path / "out.json"
    output.write_text("the earlier one")
    monkeypatch.setattr(scan, "check_files", interrupted)
    assert run(["detect", str(REAL), "--format", "json", "-o", str(output)]) == 130
    assert output.read_text() == "the earlier one"
    assert list(tmp_path.iterdir()) == [output]


def test_a_window_of_a_clip_is_said_to_be_one(fakecheck):
    out = fakecheck("video", FORGED_CLIP, "--start", "0.5", "--end", "1.5")[1]
    assert "only from 0.5 to 1.5 s" in out
    whole = fakecheck("video", FORGED_CLIP, "--frames", "4", "--format", "json")[1]
    record = json.loads(whole)
    assert record["looked_at"] == {"frames": 4, "start": 0.0, "end": None}

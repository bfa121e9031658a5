"""`--html`, `--lang` and `--timeline` as a user runs them, with the bundled detectors."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import pytest
from pages import Page

from fakecheck.cli.annotate import Names
from fakecheck.cli.main import run
from fakecheck.errors import ExitCode
from fakecheck.media.find import identity
from fakecheck.report.catalogue import Words

RESOURCES = Path(__file__).parent / "resources"
FORGED, REAL = RESOURCES / "forged_face.jpg", RESOURCES / "real_face.jpg"
FORGED_CLIP = RESOURCES / "forged_clip.mp4"


def call(*args: object) -> int:
    return run([str(arg) for arg in args])


def read(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


def test_a_page_on_one_picture(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.html"
    assert call("detect", FORGED, "--html", out) == ExitCode.OK
    found = read(out)
    assert found.one("div", "verdict", "fake")
    assert not found.all("section", "overview")
    image = found.one("img")
    assert image.attributes["width"] == "480"
    assert "eyes: foreign part" in str(image.attributes["alt"])
    assert "partswap" in found.text
    assert [path.name for path in out.parent.iterdir()] == ["out.html"]


def test_a_korean_page_and_a_timeline_of_a_clip(tmp_path: Path) -> None:
    out, drawn = tmp_path / "out.html", tmp_path / "line.png"
    code = call("video", FORGED_CLIP, "--html", out, "--lang", "ko", "--timeline", drawn)
    assert code == ExitCode.OK
    found = read(out)
    assert found.one("html").attributes["lang"] == "ko"
    verdict = found.one("div", "verdict")
    label = verdict.classes[1]
    assert label in ("fake", "inconclusive")
    assert Words("ko")(f"verdict.{label}.title") in verdict.text
    assert 1 <= len(found.all("img")) <= 4
    assert len(found.all("svg", "chart")) == 2
    assert found.all("polyline")
    assert cv2.imread(str(drawn)).shape[1] == 1920


def test_a_folder_with_broken_and_hostile_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    hostile = "<img src=x onerror=alert(1)>.jpg"
    shutil.copyfile(REAL, folder / hostile)
    shutil.copyfile(REAL, folder / "same.jpg")
    shutil.copyfile(FORGED_CLIP, folder / "clip.mp4")
    shutil.copyfile(FORGED, folder / "forged.jpg")
    (folder / "empty.jpg").touch()
    (folder / "half.jpg").write_bytes(FORGED.read_bytes()[:9000])
    out, lines = tmp_path / "out.html", tmp_path / "lines"
    code = call("detect", folder, "--html", out, "--timeline", lines, "--verbose")
    assert code == ExitCode.INPUT_FILE
    found = read(out)
    labels = [e.classes[1] for e in found.all("span", "badge") if "tbody" in e.path][:6]
    assert labels[0] == "fake"
    assert {"real", "same", "unread"} < set(labels)
    assert len(found.all("article", "file")) == 6
    assert any(bdi.text.endswith(hostile) for bdi in found.all("bdi"))
    assert "empty.jpg: is empty" in found.text
    assert labels.count("unread") == 2
    assert "half.jpg: is a JPEG picture that is truncated or damaged" in found.text
    # Pictures have no timeline.
    assert [path.name for path in lines.iterdir()] == ["clip.png"]
    assert f"wrote {lines / 'clip.png'}" in capsys.readouterr().err


def test_one_file_does_not_hold_several_timelines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("detect", REAL, FORGED, "--timeline", tmp_path / "a.png") == ExitCode.USAGE
    assert "name a folder" in capsys.readouterr().err
    assert call("detect", REAL, "--html", tmp_path / "a.html", "--lang", "xx") == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []


def test_a_timeline_of_a_picture_is_told_to_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("detect", REAL, "--timeline", tmp_path / "a.png") == ExitCode.OK
    assert f"{REAL}: is a picture, which has no timeline" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_cannot_be_written_is_code_6(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert call("detect", REAL, "--html", tmp_path / "file" / "a.html") == ExitCode.OUTPUT_FILE


def test_outputs_of_two_kinds_in_one_folder_have_two_names(tmp_path: Path) -> None:
    names = Names({identity(tmp_path / name) for name in ("c.png", "IMG_1.JPG")})
    assert names.free(tmp_path, Path("a.png"), ".png").name == "a.png"
    assert names.free(tmp_path, Path("x/A.mp4"), ".png").name == "A-2.png"
    assert names.free(tmp_path / "other", Path("a.mp4"), ".png").name == "a.png"
    assert names.free(tmp_path, Path("c.mp4"), ".png").name == "c-2.png"
    # One file with the input where letters' case does not count, as on a camera's card.
    assert names.free(tmp_path, Path("IMG_1.JPG"), ".jpg").name == "IMG_1-2.jpg"

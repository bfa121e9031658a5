"""What stdout gets in encodings other than UTF-8, and in pipes that have a name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakecheck.errors import ExitCode

RESOURCES = Path(__file__).parent / "resources"
NAME = "café 📷 한글.jpg"


def call(*args: object, encoding: str = "utf-8") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "fakecheck", *map(str, args)],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return Path(shutil.copyfile(RESOURCES / "real_face.jpg", tmp_path / NAME))


@pytest.mark.parametrize("encoding", ["cp1252", "cp949", "ascii", "utf-8"])
def test_json_can_be_read_whatever_encoding_it_is_taken_for(picture: Path, encoding: str) -> None:
    done = call("detect", picture, "--format", "jsonl", "--only", "stylegan2", encoding=encoding)
    assert done.returncode == ExitCode.OK, done.stderr
    for reader in (encoding, "utf-8"):
        assert json.loads(done.stdout.decode(reader))["media"]["path"] == str(picture)


def test_csv_is_utf_8_and_a_table_keeps_to_what_there_is(picture: Path) -> None:
    csv = call(*("detect", picture, "--format", "csv", "--only", "stylegan2"), encoding="cp1252")
    assert csv.returncode == ExitCode.OK
    assert NAME in csv.stdout.decode("utf-8")
    text = call("detect", picture, "--only", "stylegan2", encoding="cp1252").stdout.decode("cp1252")
    assert "café" in text
    assert r"\ud83d\udcf7" in text


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no /dev/stdout")
@pytest.mark.parametrize("option", ["--csv", "--output", "--html"])
def test_a_pipe_may_be_named_by_a_link(picture: Path, option: str) -> None:
    done = call("detect", picture, option, "/dev/stdout", "--only", "stylegan2")
    assert (done.returncode, done.stderr) == (ExitCode.OK, b"")
    assert NAME in done.stdout.decode("utf-8")

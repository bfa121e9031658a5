"""What a terminal shows in the end, where bars and reports share the screen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="needs a pseudo terminal")
RESOURCES = Path(__file__).parent / "resources"
COLUMNS = 100
STEERING = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n])")


def screen_of(arguments: list[str]) -> list[str]:
    """The lines of a terminal on which fakecheck ran with these arguments."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(COLUMNS), "LINES": "500"}
    command = [sys.executable, "-m", "fakecheck", *arguments]
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        written = b""
        while chunk := _read(leader):
            written += chunk
    os.close(leader)
    assert process.returncode == 0
    return _drawn(written.decode())


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 4096)
    except OSError:  # how Linux tells that nobody writes any more
        return b""


def _drawn(written: str) -> list[str]:
    """The screen after cursor moves up, erased lines and wrapped ones; colours are left aside."""
    lines, row, column = [[""] * COLUMNS], 0, 0
    for count, key, end, letter in STEERING.findall(written):
        if key == "A":
            row = max(0, row - int(count or 1))
        elif key == "K":
            lines[row] = [""] * COLUMNS if count == "2" else [*lines[row][:column]]
            lines[row] += [""] * (COLUMNS - len(lines[row]))
        elif end == "\r":
            column = 0
        elif end or (letter and column == COLUMNS):
            row, column = row + 1, 0
        if letter:
            while len(lines) <= row:
                lines.append([""] * COLUMNS)
            lines[row][column] = letter
            column += 1
        while len(lines) <= row:
            lines.append([""] * COLUMNS)
    return ["".join(cell or " " for cell in line).rstrip() for line in lines]


def test_bars_leave_the_reports_on_the_screen_as_they_are() -> None:
    names = ("real_face.jpg", "forged_clip.mp4", "forged_face.jpg", "real_clip.mpg")
    files = [str(RESOURCES / name) for name in names]
    quiet = screen_of(["detect", "--quiet", *files])
    assert sum(line.endswith(names) for line in quiet) == 4
    shown = screen_of(["detect", *files])
    assert [line for line in shown if line] == [line for line in quiet if line]

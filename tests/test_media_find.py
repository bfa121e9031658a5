"""Paths as given → files to open."""

from __future__ import annotations

import math
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakecheck.errors import MediaError
from fakecheck.media import Limits, Sampling, find_media, open_media
from fakecheck.media.base import Picker
from fakecheck.media.find import identity
from fakecheck.pipeline import Options


def fill(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_folders_are_walked_in_order(tmp_path: Path) -> None:
    fill(tmp_path, "b.JPG", "a/2.mp4", "a/1.webm", "c.txt", ".hidden.jpg", ".git/x.png", "d")
    names = [path.relative_to(tmp_path).as_posix() for path in find_media([tmp_path])]
    assert names == ["a/1.webm", "a/2.mp4", "b.JPG"]


def test_given_files_are_taken_whatever_they_are_called(tmp_path: Path) -> None:
    fill(tmp_path, "c.txt", ".hidden.jpg")
    given_paths = [tmp_path / "c.txt", tmp_path / "none.jpg", tmp_path / ".hidden.jpg"]
    assert list(find_media(given_paths)) == given_paths


def test_each_file_once(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "sub/b.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "loop").symlink_to(tmp_path)
    paths = [tmp_path / "sub/../a.jpg", tmp_path, tmp_path / "sub", tmp_path / "sub" / "b.jpg"]
    assert list(find_media(paths)) == [tmp_path / "sub/../a.jpg", tmp_path / "sub" / "b.jpg"]


def test_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "scandir", refuse)
    assert list(find_media([tmp_path])) == [tmp_path]


@given(st.integers(1, 500), st.integers(1, 500))
def test_frames_are_spread_evenly(frames: int, total: int) -> None:
    indices = list(Sampling(frames=frames).spread(range(total)))
    assert len(indices) == min(frames, total)
    assert indices == sorted(set(indices))
    assert 0 <= indices[0] <= indices[-1] < total
    gaps = {after - before for before, after in pairwise(indices)}
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert abs(indices[0] - (total - 1 - indices[-1])) <= 1


@given(st.integers(1, 50), st.integers(1, 500))
def test_every_nth_frame(every: int, total: int) -> None:
    picker = Picker(Sampling(frames=None, every=every))
    picked = [index for index in range(total) if picker.takes(index / 25)]
    assert picked == list(range(0, total, every))


@given(st.floats(0.1, 60), st.floats(1, 100), st.integers(1, 300))
def test_frames_a_second(fps: float, rate: float, total: int) -> None:
    picker = Picker(Sampling(frames=None, fps=fps))
    times = [index / rate for index in range(total)]
    picked = [time for time in times if picker.takes(time)]
    assert picked[0] == 0
    most = math.floor(times[-1] * fps + 0.1) + 1
    assert len(picked) <= most
    # No stretch of a period and a frame goes without one.
    assert all(b - a < 1 / fps + 1 / rate + 0.01 for a, b in pairwise([*picked, times[-1]]))


def test_time_window() -> None:
    picker = Picker(Sampling(frames=None, every=2, start=1, end=2))
    picked = [n for n in range(100) if not picker.over(n / 10) and picker.takes(n / 10)]
    assert picked == [10, 12, 14, 16, 18]


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), 25),
        (Sampling(frames=500), 250),
        (Sampling(None), 250),
        (Sampling(None, every=3), 84),
        (Sampling(None, fps=2), 20),
        (Sampling(None, start=4, end=6), 50),
        (Sampling(None, fps=2, start=4, end=60), 12),
        (Sampling(None, start=11), 0),
    ],
)
def test_expected_frames(sampling: Sampling, expected: int) -> None:
    assert sampling.expected(250, 10.0) == expected


def test_links_and_names_that_lead_nowhere_are_handed_on(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "b.jpg")
    long = tmp_path / ("x" * 300)
    assert list(find_media([tmp_path, long])) == [tmp_path / "a.jpg", tmp_path / "b.jpg", long]
    for path in (tmp_path / "b.jpg", long):
        with pytest.raises(MediaError, match="cannot be read"):
            open_media(path)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"frames must be a whole number, got 2\.5"):
        Sampling(frames=2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="start must be at least 0, got nan"):
        Sampling(start=math.nan)
    with pytest.raises(ValueError, match="min_face must be above 0, got nan"):
        Options(min_face=math.nan)
    with pytest.raises(ValueError, match="exclude each other"):
        Sampling(frames=3, every=3)
    with pytest.raises(ValueError, match="every and fps exclude each other"):
        Sampling(None, every=3, fps=2)
    with pytest.raises(ValueError, match="fps must be above 0, got 0"):
        Sampling(None, fps=0)
    with pytest.raises(ValueError, match=r"end must be after start, 2 s, got 1"):
        Sampling(start=2, end=1)
    with pytest.raises(ValueError, match="frames must be at least 1, got 0"):
        Sampling(frames=0)
    with pytest.raises(ValueError, match="max_seconds must be above 0, got -1"):
        Limits(max_seconds=-1)


def test_folders_of_outputs_are_left_out_unless_they_are_given(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "out/a.jpg", "other/b.jpg")
    out = tmp_path / "out"
    found = list(find_media([tmp_path], {out.resolve()}))
    assert found == [tmp_path / "a.jpg", tmp_path / "other" / "b.jpg"]
    assert list(find_media([out], {out.resolve()})) == [out / "a.jpg"]
    (link := tmp_path.with_name(f"{tmp_path.name}-link")).symlink_to(tmp_path)
    assert list(find_media([link], {out.resolve()})) == [link / "a.jpg", link / "other" / "b.jpg"]


def test_names_of_one_file_are_told_by_no_letters_case_or_form(tmp_path: Path) -> None:
    fill(tmp_path, "IMG.JPG")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "IMG.JPG")
    names = ("IMG.JPG", "img.jpg", "link.jpg", "sub/../Img.Jpg")
    assert len({identity(tmp_path / name) for name in names}) == 1
    assert identity(Path("\u00e9.jpg")) == identity(Path("e\u0301.JPG"))
    assert identity(tmp_path / "IMG.JPG") != identity(tmp_path / "IMG2.JPG")


def test_subfolders_come_where_their_names_do(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "b/1.jpg", "b/c/1.jpg", "b/c.jpg", "b/d.jpg", "c.jpg", "d/e/f/1.jpg")
    names = [path.relative_to(tmp_path).as_posix() for path in find_media([tmp_path])]
    assert names == [
        *("a.jpg", "b/1.jpg", "b/c/1.jpg", "b/c.jpg", "b/d.jpg", "c.jpg", "d/e/f/1.jpg")
    ]

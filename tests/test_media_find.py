"""Paths as given → files to open."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakecheck.errors import MediaError
from fakecheck.media import Limits, Sampling, find_media, open_media


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
    indices = list(Sampling(frames=frames).indices(total))
    assert len(indices) == min(frames, total)
    assert indices == sorted(set(indices))
    assert 0 <= indices[0] <= indices[-1] < total
    gaps = {after - before for before, after in pairwise(indices)}
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert abs(indices[0] - (total - 1 - indices[-1])) <= 1


@given(st.integers(1, 50), st.integers(1, 500))
def test_every_nth_frame(every: int, total: int) -> None:
    assert list(Sampling(frames=None, every=every).indices(total)) == list(range(0, total, every))


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        Sampling(frames=3, every=3)
    with pytest.raises(ValueError, match="frames must be at least 1, got 0"):
        Sampling(frames=0)
    with pytest.raises(ValueError, match="max_seconds must be above 0, got -1"):
        Limits(max_seconds=-1)


def test_a_phones_heif_picture_is_called_by_its_name(tmp_path):
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    with pytest.raises(MediaError, match=r"photo\.heic: is a HEIF or AVIF picture.*JPEG"):
        open_media(path)

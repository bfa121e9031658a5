"""Clips that are larger, longer or shorter than they say, and how far they are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from media_samples import HEIGHT, WIDTH, write_clip

from fakecheck.errors import MediaError
from fakecheck.media import Limits, Sampling, open_media, videos
from fakecheck.media.base import never
from fakecheck.media.containers import (
    ASF_BROADCAST,
    ASF_FILE_PROPERTIES,
    is_cut_off,
    sniff,
)
from fakecheck.media.streams import open_container
from fakecheck.media.timetable import read_timetable

ALL = Sampling(frames=None)


def test_a_clip_over_the_limit_is_refused_before_a_frame_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_clip(tmp_path / "a.mp4")

    def decoded(*_: object) -> None:
        raise AssertionError("a frame was decoded")

    monkeypatch.setattr(videos, "frames_and_gaps", decoded)
    with pytest.raises(MediaError, match="64 x 48 pixels are more than the limit"):
        open_media(path, Limits(max_pixels=WIDTH * HEIGHT - 1))


def test_frames_that_grow_on_the_way_keep_the_first_ones_size_and_the_limit(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "small.mpg", frames=25)
    large = write_clip(tmp_path / "large.mpg", frames=25, size=(2 * WIDTH, 2 * HEIGHT))
    path = tmp_path / "joined.mpg"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    shapes = [frame.image.shape for frame in open_media(path).frames(ALL)]
    assert len(shapes) > 40
    assert set(shapes) == {(HEIGHT, WIDTH, 3)}
    growing = open_media(path, Limits(max_pixels=WIDTH * HEIGHT)).frames(ALL)
    with pytest.raises(MediaError, match="128 x 96 pixels are more than the limit"):
        list(growing)


def test_a_timetable_takes_no_more_than_the_limit_and_one(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", frames=30)
    with open_container(path, "matroska") as container:
        table = read_timetable(container, container.streams.video[0], 25.0, 9, never)
    assert len(table.times) == 10


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".wmv", ".ogv"])
def test_a_clip_that_lacks_its_last_byte_is_cut_off(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"a{suffix}")
    demuxer = sniff(path, path.read_bytes()).name
    assert not is_cut_off(path, demuxer)
    path.write_bytes(path.read_bytes()[:-1])
    assert is_cut_off(path, demuxer)


def test_a_broadcast_says_nothing_of_its_size(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.wmv")
    data = bytearray(path.read_bytes())
    data[data.index(ASF_FILE_PROPERTIES) + 88] |= ASF_BROADCAST
    path.write_bytes(data[:-1])
    assert not is_cut_off(path, "asf")


@pytest.mark.parametrize("box", [b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"])
def test_a_film_of_quicktime_begins_with_any_of_its_boxes(tmp_path: Path, box: bytes) -> None:
    assert sniff(tmp_path / "a.mov", b"\0\0\0\x08" + box).name == "mov"

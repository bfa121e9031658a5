"""Clips of two fields a frame: shown without combs, at the same times, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from media_samples import cut

from fakecheck.errors import MediaError
from fakecheck.media import Sampling, open_media
from fakecheck.media.interlaced import Stored, with_neighbours, without_combs
from fakecheck.types import Frame, Image

WIDTH, HEIGHT, STEP = 160, 96, 4
BLOCK = 40
ALL = Sampling(frames=None)
CODECS = {
    ".mp4": ("libx264", {"x264-params": "tff=1:keyint=12"}),
    ".mpg": ("mpeg2video", {"flags": "+ildct+ilme"}),
    ".avi": ("mpeg2video", {"flags": "+ildct+ilme"}),
}


def woven(index: int, later: int = STEP // 2) -> Image:
    """(HEIGHT, WIDTH, 3) a bright block that moves on by STEP a frame, in odd lines by `later`."""
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    place = STEP * index % (WIDTH - BLOCK - STEP)
    image[0::2, place : place + BLOCK] = 220
    image[1::2, place + later : place + later + BLOCK] = 220
    return image


def write_woven(path: Path, frames: int = 24, later: int = STEP // 2) -> Path:
    codec, options = CODECS[path.suffix]
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = options
        for index in range(frames):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(woven(index, later), "bgr24")))
        output.mux(stream.encode(None))
    return path


def combs(frames: list[Frame]) -> float:
    """Mean difference of a line from the two beside it, in grey levels."""
    differences = [
        np.abs(2 * lines[1:-1:2] - lines[:-2:2] - lines[2::2]).mean()
        for frame in frames
        for lines in [frame.image[: HEIGHT // 2 * 2 - 1].astype(int)]
    ]
    return float(np.mean(differences))


@pytest.mark.parametrize("suffix", CODECS)
def test_frames_have_no_combs(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_woven(tmp_path / f"a{suffix}")
    frames = list(open_media(path).frames(ALL))
    assert [frame.index for frame in frames] == list(range(24))
    times = [(frame.time or 0) - (frames[0].time or 0) for frame in frames]
    assert times == pytest.approx([n / 25 for n in range(24)], abs=1e-3)
    for frame in frames:
        middle = STEP * frame.index % (WIDTH - BLOCK - STEP) + BLOCK // 2
        assert frame.image[:, middle].mean() > 190
    with av.open(str(path)) as container:
        stored = [
            Frame(index, None, frame.to_ndarray(format="bgr24"))
            for index, frame in enumerate(container.decode(video=0))
        ]
    assert combs(stored) > 5
    assert combs(frames) < 0.5
    assert capfd.readouterr() == ("", "")


def test_sought_frames_are_those_of_the_whole(tmp_path: Path) -> None:
    path = write_woven(tmp_path / "a.mp4", frames=300)
    whole = list(open_media(path).frames(ALL))
    for frame in open_media(path).frames(Sampling(frames=3, start=1)):
        # A key frame that was sought has none before it, which changes edges that move.
        assert np.abs(frame.image.astype(int) - whole[frame.index].image).mean() < 1


def take(source: Iterator[Frame], frames: list[Frame]) -> None:
    for frame in source:
        frames.append(frame)


def test_a_torn_clip_loses_no_more_frames_than_without(tmp_path: Path) -> None:
    path = cut(write_woven(tmp_path / "a.avi", frames=100), 0.6)
    frames: list[Frame] = []
    with pytest.raises(MediaError, match="is truncated after frame") as caught:
        take(open_media(path).frames(ALL), frames)
    assert 10 < len(frames) < 100
    assert str(caught.value).endswith(f"after frame {frames[-1].index}")


def decoded(path: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


def write_whole(path: Path, frames: int) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(frames):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(woven(index), "bgr24")))
        output.mux(stream.encode(None))
    return path


def test_whole_frames_are_handed_on_at_once_as_they_are(tmp_path: Path) -> None:
    frames = list(decoded(write_whole(tmp_path / "a.mp4", 3)))
    waiting = iter(frames)
    stored = next(with_neighbours(waiting))
    assert stored == Stored(frames[0])
    assert without_combs(stored) is frames[0]
    assert next(waiting) is frames[1]
    assert list(with_neighbours(frames)) == [Stored(frame) for frame in frames]


def test_neighbours_are_those_in_time_and_none_beyond_a_gap(tmp_path: Path) -> None:
    a, b, c, d = list(decoded(write_woven(tmp_path / "a.mp4", frames=6)))[:4]
    (whole,) = decoded(write_whole(tmp_path / "b.mp4", 1))
    assert list(with_neighbours([a, b, None, c, whole, d])) == [
        Stored(a, None, b),
        Stored(b, a, None),
        None,
        Stored(c, None, whole),
        Stored(whole),
        Stored(d, whole, None),
    ]


def test_neighbours_of_another_size_count_for_none(tmp_path: Path) -> None:
    a, b, c = list(decoded(write_woven(tmp_path / "a.mp4", frames=6)))[:3]
    other = b.reformat(width=80, height=48)
    alone, between = without_combs(Stored(b)), without_combs(Stored(b, a, c))
    assert (between.width, between.height) == (WIDTH, HEIGHT)
    odd = without_combs(Stored(b, other, other))
    assert (odd.to_ndarray() == alone.to_ndarray()).all()
    assert (between.to_ndarray() != alone.to_ndarray()).any()


@pytest.mark.parametrize("size", [(2, HEIGHT), (WIDTH, 2)])
def test_frames_too_small_for_the_filter_are_handed_on(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    first = next(decoded(write_woven(tmp_path / "a.mp4", frames=6)))
    small = first.reformat(*size)
    assert small.interlaced_frame
    assert without_combs(Stored(small, small, small)) is small

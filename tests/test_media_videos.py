"""Clips of every container, odd time stamps, rotation, and clips that break off."""

from __future__ import annotations

import gc
import hashlib
import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from media_samples import (
    CODECS,
    HEIGHT,
    WIDTH,
    cut,
    level,
    rotate,
    scene,
    trim,
    write_clip,
    write_sound_with_cover,
)
from PIL import Image as PillowImage

from fakecheck.errors import MediaError
from fakecheck.media import Limits, Media, Sampling, open_media
from fakecheck.media.containers import is_cut_off, sniff
from fakecheck.media.videos import Video
from fakecheck.types import Frame

ALL = Sampling(frames=None)


def refusal(path: Path, limits: Limits = Limits(), sampling: Sampling = ALL) -> str:  # noqa: B008
    with pytest.raises(MediaError) as caught:
        list(open_media(path, limits).frames(sampling))
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def until_broken(media: Media, sampling: Sampling = ALL) -> tuple[list[Frame], str]:
    frames: list[Frame] = []
    try:
        for frame in media.frames(sampling):
            frames.append(frame)
    except MediaError as error:
        return frames, str(error).removeprefix(f"{media.path}: ")
    raise AssertionError("the clip did not break off")


def assert_shows(frame: Frame, index: int) -> None:
    assert frame.index == index
    assert abs(frame.image.mean() - level(index)) < 8, f"frame {index}"


@pytest.mark.parametrize("suffix", CODECS)
def test_containers(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_clip(tmp_path / f"a{suffix}")
    media = open_media(path)
    assert media.info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (media.info.kind, media.info.width, media.info.height) == ("video", WIDTH, HEIGHT)
    assert media.info.frames in (12, None)
    if suffix != ".mpg":  # whose duration libavformat has to guess
        assert media.info.duration == pytest.approx(0.48, abs=0.05)
    assert media.fps == (None if suffix == ".ogv" else 25)  # Ogg states none for VP8
    frames = list(media.frames(ALL))
    assert len(frames) == 12
    for index, frame in enumerate(frames):
        assert_shows(frame, index)
        assert frame.time == pytest.approx(index / 25, abs=1e-3)
        assert frame.image.shape == (HEIGHT, WIDTH, 3)
        assert frame.image.dtype == np.uint8
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("ratio", "shown"), [("4/3", (85, 48)), ("3/4", (64, 64))])
@pytest.mark.parametrize("degrees", [0, 90])
def test_frames_are_as_wide_as_players_show_them(
    tmp_path: Path, ratio: str, shown: tuple[int, int], degrees: int
) -> None:
    path = write_clip(tmp_path / "a.mp4", ratio=Fraction(ratio))
    if degrees:
        rotate(path, degrees)
        shown = shown[::-1]
    media = open_media(path)
    assert (media.info.width, media.info.height) == shown
    assert {frame.image.shape for frame in media.frames()} == {(*shown[::-1], 3)}


def test_stretching_keeps_to_the_limit_and_to_reason(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", ratio=Fraction(4, 3))
    limits = Limits(max_pixels=WIDTH * HEIGHT)
    assert "pixels" in refusal(path, limits)
    path = write_clip(tmp_path / "b.mp4", ratio=Fraction(5, 1))
    assert open_media(path, limits).info.width == WIDTH


def test_a_matroska_clip_that_starts_late_is_as_long_as_it_lasts(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", times=[4 * 3600 + n / 25 for n in range(12)])
    media = open_media(path, Limits(max_seconds=5))
    assert media.info.duration == pytest.approx(0.48, abs=0.05)
    assert len(list(media.frames(Sampling(None, start=0.2)))) == 7


def test_transport_streams_of_packets_with_time_stamps(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.m2ts", options={"mpegts_m2ts_mode": "1"}, frames=40)
    assert path.read_bytes()[4] == 0x47
    assert len(list(open_media(path).frames(ALL))) == 40


def write_gif(path: Path, delays: list[int]) -> Path:
    """A loop of grey frames (see `level`), each shown for so many milliseconds."""
    frames = [PillowImage.new("L", (WIDTH, HEIGHT), level(n)) for n in range(len(delays))]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=delays, loop=0)
    return path


def test_gif_is_a_clip(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    media = open_media(write_gif(tmp_path / "a.gif", [100, 300, 50, 50]))
    assert (media.info.kind, media.info.width, media.info.height) == ("video", WIDTH, HEIGHT)
    frames = list(media.frames(ALL))
    for index, frame in enumerate(frames):
        assert_shows(frame, index)
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.4, 0.45])
    (still,) = open_media(write_gif(tmp_path / "still.gif", [0])).frames()
    assert_shows(still, 0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.5, 0.8, 0.999])
def test_gif_that_breaks_off(tmp_path: Path, share: float) -> None:
    path = write_gif(tmp_path / "a.gif", [40] * 12)
    assert not is_cut_off(path, "gif")
    frames, message = until_broken(open_media(cut(path, share)))
    assert message == f"is truncated after frame {len(frames) - 1}"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mpg"])
def test_sampling(tmp_path: Path, suffix: str) -> None:
    media = open_media(write_clip(tmp_path / f"a{suffix}", frames=30))
    samplings = {
        Sampling(frames=4): [3, 11, 18, 26],
        Sampling(None, every=7): [0, 7, 14, 21, 28],
        Sampling(frames=99): list(range(30)),
    }
    assert_samplings(media, samplings)
    assert len(list(media.frames())) == 25


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_sampling_by_time(tmp_path: Path, suffix: str) -> None:
    media = open_media(write_clip(tmp_path / f"a{suffix}", frames=30))
    samplings = {
        Sampling(None, fps=5): [0, 5, 10, 15, 20, 25],
        Sampling(None, start=0.4, end=0.56): [10, 11, 12, 13],
        Sampling(frames=2, start=0.4, end=0.56): [11, 13],
        Sampling(None, every=3, end=0.3): [0, 3, 6],
        Sampling(None, fps=10, start=0.8): [20, 23, 25, 28],
    }
    assert_samplings(media, samplings)


def assert_samplings(media: Media, samplings: dict[Sampling, list[int]]) -> None:
    for sampling, indices in samplings.items():
        frames = list(media.frames(sampling))
        assert [frame.index for frame in frames] == indices
        for frame in frames:
            assert_shows(frame, frame.index)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mpg", ".avi"])
def test_frames_far_apart(tmp_path: Path, suffix: str) -> None:
    """Those that are sought are the very frames that decoding all of the clip gives."""
    media = open_media(write_clip(tmp_path / f"a{suffix}", frames=700))
    every = {frame.index: frame for frame in media.frames(ALL)}
    samplings = (Sampling(frames=3), Sampling(frames=9, start=20), Sampling(None, 50, start=14.2))
    for sampling in samplings:
        frames = list(media.frames(sampling))
        assert len(frames) > 2
        for frame in frames:
            assert frame.time == pytest.approx(every[frame.index].time, abs=2e-3)
            np.testing.assert_array_equal(frame.image, every[frame.index].image)


def test_far_frames_are_sought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = open_media(write_clip(tmp_path / "a.mp4", frames=700))
    decoded = []
    check = Video._check_limits
    monkeypatch.setattr(Video, "_decoded", lambda *_: pytest.fail("decodes all"))
    monkeypatch.setattr(Video, "_check_limits", lambda *a: (decoded.append(a[1]), check(*a)))
    assert [frame.index for frame in media.frames(Sampling(frames=2))] == [175, 525]
    assert decoded == [175, 525]


def test_a_clip_that_ends_before_the_start(tmp_path: Path) -> None:
    media = open_media(write_clip(tmp_path / "a.mp4"))
    with pytest.raises(MediaError, match=r"a\.mp4: ends before 3 s"):
        list(media.frames(Sampling(start=3)))


def test_frames_that_an_edit_list_leaves_out_are_not_counted(tmp_path: Path) -> None:
    media = open_media(trim(write_clip(tmp_path / "a.mp4", 60), 20))
    shown = [frame.index for frame in media.frames(ALL)]
    assert shown == list(range(40))
    window = list(media.frames(Sampling(frames=None, start=1.0, end=1.2)))
    times = [frame.time for frame in media.frames(ALL) if 1.0 <= (frame.time or 0) < 1.2]
    assert [frame.time for frame in window] == times
    for frame in window:
        assert abs(frame.image.mean() - level(frame.index + 20)) < 8
    assert len(list(media.frames(Sampling(frames=25)))) == 25


def test_a_window_between_two_frames_is_told(tmp_path: Path) -> None:
    media = open_media(write_clip(tmp_path / "a.mp4", 60))
    with pytest.raises(MediaError, match=r"shows no frame between 1\.001 and 1\.002 s"):
        list(media.frames(Sampling(frames=None, start=1.001, end=1.002)))


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv").rename(tmp_path / "a.jpg")
    assert open_media(path).info.kind == "video"


def test_variable_frame_rate(tmp_path: Path) -> None:
    times = [0, 0.04, 0.5, 0.52, 2.0]
    media = open_media(write_clip(tmp_path / "a.mkv", frames=5, times=times))
    found = [frame.time for frame in media.frames(ALL)]
    assert found == pytest.approx(times, abs=2e-3)


def test_time_counts_from_the_streams_start(tmp_path: Path) -> None:
    media = open_media(write_clip(tmp_path / "a.mkv", frames=3, times=[5.0, 5.1, 5.2]))
    found = [frame.time for frame in media.frames(ALL)]
    assert found == pytest.approx([0, 0.1, 0.2], abs=2e-3)


def test_missing_duration(tmp_path: Path) -> None:
    """A live recording states neither duration nor number of frames."""
    media = open_media(write_clip(tmp_path / "a.mkv", options={"live": "1"}))
    assert (media.info.frames, media.info.duration) == (None, None)
    assert [frame.index for frame in media.frames(Sampling(frames=3))] == [2, 6, 10]
    assert len(list(media.frames(ALL))) == 12


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=2, picture=scene())
    media = open_media(rotate(path, degrees, mirrored))
    expected = np.rot90(scene(), degrees // 90)
    expected = expected[:, ::-1] if mirrored else expected
    assert (media.info.height, media.info.width) == expected.shape[:2]
    for frame in media.frames(ALL):
        assert frame.image.shape == expected.shape
        assert frame.image.flags.c_contiguous
        assert np.abs(frame.image.astype(int) - expected).mean() < 12


def test_cover_is_not_the_clip(tmp_path: Path) -> None:
    assert refusal(write_sound_with_cover(tmp_path / "a.mp4")) == "holds no video stream"


@pytest.mark.parametrize(
    ("suffix", "share"),
    [(".mkv", 0.6), (".avi", 0.6), (".webm", 0.7), (".wmv", 0.6), (".ogv", 0.6)],
)
def test_clip_that_breaks_off(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_clip(tmp_path / f"a{suffix}", frames=200, size=(320, 240))
    frames, message = until_broken(open_media(cut(path, share)))
    assert 10 < len(frames) < 200
    assert message == f"is truncated after frame {len(frames) - 1}"
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert capfd.readouterr() == ("", "")


def test_mp4_that_breaks_off(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mp4", frames=200, size=(320, 240), options={"movflags": "faststart"}
    )
    media = open_media(cut(path, 0.9))
    assert media.info.frames == 200
    frames, message = until_broken(media)
    assert 10 < len(frames) < 200
    assert message == f"is truncated after frame {len(frames) - 1}"
    # What lies before the break can be sampled in peace, if nothing after it was asked for.
    assert len(list(media.frames(Sampling(frames=1, end=3)))) == 1
    assert len(until_broken(media, Sampling(frames=1))[0]) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    "sampling", [Sampling(frames=4), Sampling(frames=4, start=1), Sampling(None, fps=1, start=1)]
)
def test_samples_of_a_clip_that_breaks_off_do_not_pass_for_the_whole(
    tmp_path: Path, suffix: str, sampling: Sampling
) -> None:
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    path = write_clip(tmp_path / f"a{suffix}", frames=400, size=(320, 240), options=options)
    frames, message = until_broken(open_media(cut(path, 0.6)), sampling)
    assert len(frames) >= 4
    assert message.startswith("is truncated after frame ")
    assert frames[-1].index <= int(message.split()[-1]) < 399


def test_mp4_without_its_index(tmp_path: Path) -> None:
    path = cut(write_clip(tmp_path / "a.mp4", frames=50), 0.8)
    assert refusal(path) == "is a video that is truncated or damaged"


def test_nothing_can_be_decoded(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi")
    data = bytearray(path.read_bytes())
    position = data.index(b"movi") + 4
    while data[position : position + 4] == b"00dc":
        (length,) = struct.unpack_from("<I", data, position + 4)
        data[position + 8 : position + 8 + length] = bytes(length)
        position += 8 + length + length % 2
    path.write_bytes(data)
    assert refusal(path) == "no frame could be decoded"


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 2000))
def test_garbage_never_escapes(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int
) -> None:
    """Whatever is overwritten, only a MediaError comes out."""
    folder = tmp_path_factory.getbasetemp()
    source = folder / "garbage-source.mp4"
    if not source.exists():
        write_clip(source, options={"movflags": "faststart"})
    data = bytearray(source.read_bytes())
    data[at : at + len(junk)] = junk
    path = folder / "garbage.mp4"
    path.write_bytes(data)
    with suppress(MediaError):
        for frame in open_media(path, Limits(max_frames=100)).frames(ALL):
            assert frame.image.ndim == 3


def test_limits(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", frames=30)
    assert refusal(path, Limits(max_frames=29)) == "has 30 frames, the limit is 29"
    assert refusal(path, Limits(max_seconds=1)) == "is 1 s long, the limit is 1 s"
    assert refusal(path, Limits(max_pixels=100)) == (
        "64 x 48 pixels are more than the limit of 100, it may be a decompression bomb"
    )


def test_limits_of_a_clip_that_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", frames=30, options={"live": "1"})
    assert refusal(path, Limits(max_frames=29)) == "has more than 29 frames, the limit"
    assert refusal(path, Limits(max_seconds=1)) == "is longer than 1 s, the limit"
    for sampling in (Sampling(frames=2), Sampling(frames=2, start=0.5), Sampling(None, every=9)):
        message = refusal(path, Limits(max_frames=29), sampling)
        assert message == "has more than 29 frames, the limit"
        message = refusal(path, Limits(max_seconds=1), sampling)
        assert message == "is longer than 1 s, the limit"
    before = Sampling(frames=2, end=0.8)
    assert len(list(open_media(path, Limits(max_frames=29)).frames(before))) == 2


def test_time_goes_on_where_recordings_were_put_one_behind_the_other(tmp_path: Path) -> None:
    part = write_clip(tmp_path / "a.mpg", frames=50).read_bytes()
    path = tmp_path / "joined.mpg"
    path.write_bytes(part * 3)
    frames = list(open_media(path).frames(ALL))
    times = np.array([frame.time for frame in frames])
    assert len(times) == 150
    assert (np.diff(times) > 0).all()
    assert times[-1] == pytest.approx(149 / 25, abs=0.2)
    late = list(open_media(path).frames(Sampling(None, fps=2, start=3)))
    assert [frame.time for frame in late] == pytest.approx([3, 3.5, 4, 4.5, 5, 5.5], abs=0.2)


def test_frames_are_freed_at_once(tmp_path: Path) -> None:
    """No frame may hang in a cycle, or memory grows until garbage is collected."""
    media = open_media(rotate(write_clip(tmp_path / "a.mp4", frames=60), 90))
    gc.collect()
    gc.disable()
    try:
        assert sum(1 for _ in media.frames(ALL)) == 60
        assert gc.collect() < 30
    finally:
        gc.enable()


def test_reading_a_long_file_can_be_stopped(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match="was not read to its end"):
        open_media(path, stop=lambda: True)


def test_stop(tmp_path: Path) -> None:
    media = open_media(write_clip(tmp_path / "a.mp4"))
    seen: list[int] = []
    for frame in media.frames(ALL, stop=lambda: len(seen) == 3):
        seen.append(frame.index)
    assert seen == [0, 1, 2]


def test_names_that_look_like_addresses(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4")
    for name in ("http:x.mp4", "concat:a|b.mp4", "-i.mp4", "ünï.mp4"):
        assert open_media(clip.rename(tmp_path / name)).info.width == WIDTH
        clip = tmp_path / name


def test_playlists_are_no_media(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")
    assert refusal(path) == "is neither a picture nor a video that fakecheck can read"


@pytest.mark.parametrize("suffix", CODECS)
def test_whole_files_are_not_cut_off(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"a{suffix}")
    demuxer = sniff(path, path.read_bytes()[:4096]).name
    assert not is_cut_off(path, demuxer)


@settings(deadline=None)
@example(b"\x80\x02\x10\0\0\0\0\0", "matroska")
@given(
    st.binary(max_size=64),
    st.sampled_from(["mov", "matroska", "avi", "asf", "ogg", "gif", "mpeg"]),
)
def test_container_checks_take_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, demuxer: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(data)
    assert is_cut_off(path, demuxer) in (True, False)


def test_damage_in_the_middle_is_told_at_the_end(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", frames=40)
    data = bytearray(path.read_bytes())
    torn = [position for position in range(len(data)) if data[position : position + 4] == b"00dc"]
    (length,) = struct.unpack_from("<I", data, torn[9] + 4)
    data[torn[9] + 8 : torn[9] + 8 + length] = bytes(length)
    path.write_bytes(data)
    frames, message = until_broken(open_media(path))
    assert len(frames) == 39
    assert message == "1 damaged packet was skipped"

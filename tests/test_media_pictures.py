"""Pictures of every kind, and how broken ones are refused."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from media_samples import HEIGHT, WIDTH, cut, noise, scene, write_bomb
from PIL import Image as PillowImage

from fakecheck.errors import ExitCode, MediaError
from fakecheck.media import Limits, open_media
from fakecheck.types import Image

RESOURCES = Path(__file__).parent / "resources"
RGB = noise()[..., ::-1]


def read(path: Path) -> Image:
    (frame,) = open_media(path).frames()
    assert (frame.index, frame.time) == (0, None)
    assert frame.image.dtype == np.uint8
    assert frame.image.flags.c_contiguous
    return frame.image


def refusal(path: Path, limits: Limits = Limits()) -> str:  # noqa: B008 - frozen
    """What is said on a file that cannot be used, less the path that each message starts with."""
    with pytest.raises(MediaError) as caught:
        list(open_media(path, limits).frames())
    assert caught.value.exit_code == ExitCode.INPUT_FILE
    message = str(caught.value)
    assert "\n" not in message
    start = f"{path}: "
    assert message.startswith(start)
    return message.removeprefix(start)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif", ".avif"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    PillowImage.fromarray(RGB).save(path, quality=98)
    media = open_media(path)
    assert media.info.path == str(path)
    assert media.info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (media.info.kind, media.info.frames, media.info.duration) == ("image", 1, None)
    assert (media.info.width, media.info.height) == (WIDTH, HEIGHT)
    assert media.fps is None
    assert np.abs(read(path).astype(int) - noise()).mean() < 3


@pytest.mark.parametrize("quality", [10, 75, 95])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_equals_opencv(
    tmp_path: Path, quality: int, subsampling: int, progressive: bool
) -> None:
    path = tmp_path / "a.jpg"
    picture = PillowImage.fromarray(noise(131, 77)[..., ::-1])
    picture.save(path, quality=quality, subsampling=subsampling, progressive=progressive)
    np.testing.assert_array_equal(read(path), cv2.imread(str(path)))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_png_equals_opencv(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "a.png"
    PillowImage.fromarray(RGB).convert(mode).save(path)
    np.testing.assert_array_equal(read(path), cv2.imread(str(path)))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, suffix: str, orientation: int) -> None:
    """Stored the way that the orientation says, the picture comes out as it was."""
    upright = scene()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, 3),
    }[orientation]
    exif = PillowImage.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    options = {"quality": 98} if suffix in (".jpg", ".avif") else {"lossless": True}
    PillowImage.fromarray(stored[..., ::-1].copy()).save(path, exif=exif, **options)
    info = open_media(path).info
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    image = read(path)
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 8


def test_heic_as_phones_write_it_is_turned_once() -> None:
    """Stored on its side, which its `irot` and its EXIF both say."""
    path = RESOURCES / "real_face.heic"
    expected = read(RESOURCES / "real_face.jpg")
    info = open_media(path).info
    assert (info.height, info.width) == expected.shape[:2]
    assert np.abs(read(path).astype(int) - expected).mean() < 3


def test_avif_that_only_its_second_brand_tells_from_heif(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    PillowImage.fromarray(RGB).save(path, "AVIF", quality=98)
    data = path.read_bytes()
    assert data[4:12] == b"ftypavif"
    path.write_bytes(data[:8] + b"mif1" + data[12:])
    assert np.abs(read(path).astype(int) - noise()).mean() < 3


@pytest.mark.parametrize("suffix", [".avif", ".webp", ".png", ".tif"])
def test_of_several_pictures_the_first_is_read_and_the_others_are_told(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    black = PillowImage.new("RGB", (WIDTH, HEIGHT))
    PillowImage.fromarray(RGB).save(path, save_all=True, append_images=[black, black], quality=98)
    frames = open_media(path).frames()
    assert np.abs(next(frames).image.astype(int) - noise()).mean() < 3
    with pytest.raises(MediaError, match=r"holds [23] pictures, of which only the first was"):
        next(frames)


def test_samples_that_pillow_does_not_know_are_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    cv2.imwrite(str(path), noise().astype(np.float32))
    assert refusal(path) == "holds samples of a kind that cannot be judged"


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_keeps_the_upper_byte(tmp_path: Path, suffix: str) -> None:
    ramp = np.linspace(0, 65535, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).astype(np.uint16)
    path = tmp_path / f"grey{suffix}"
    cv2.imwrite(str(path), ramp)
    np.testing.assert_array_equal(read(path)[..., 0], ramp >> 8)
    color = np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=2)
    path = tmp_path / f"color{suffix}"
    cv2.imwrite(str(path), color)
    np.testing.assert_array_equal(read(path), color >> 8)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_transparent_is_laid_over_white(tmp_path: Path, suffix: str) -> None:
    rgba = np.dstack([RGB, np.full((HEIGHT, WIDTH), 255, np.uint8)])
    rgba[:, :20, 3] = 0
    path = tmp_path / f"a{suffix}"
    PillowImage.fromarray(rgba, "RGBA").save(path, lossless=True)
    image = read(path)
    assert (image[:, :20] == 255).all()
    np.testing.assert_array_equal(image[:, 20:], noise()[:, 20:])


def test_transparent_palette_and_grey(tmp_path: Path) -> None:
    palette = PillowImage.fromarray(np.zeros((4, 4), np.uint8), "P")
    palette.putpalette([10, 20, 30])
    palette.save(tmp_path / "p.png", transparency=0)
    assert (read(tmp_path / "p.png") == 255).all()
    PillowImage.new("LA", (4, 4), (100, 255)).save(tmp_path / "la.png")
    assert (read(tmp_path / "la.png") == 100).all()


def test_cmyk_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    PillowImage.fromarray(scene()[..., ::-1].copy()).convert("CMYK").save(path, quality=98)
    assert np.abs(read(path).astype(int) - scene()).mean() < 8


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    PillowImage.fromarray(RGB).save(path, "PNG")
    np.testing.assert_array_equal(read(path), noise())


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated_heic(tmp_path: Path, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes((RESOURCES / "real_face.heic").read_bytes())
    assert refusal(cut(path, share)) == "is a HEIF picture that is truncated or damaged"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif", ".avif"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated(
    tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a{suffix}"
    PillowImage.fromarray(noise(200, 150)[..., ::-1]).save(path)
    name = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    article = "an" if name == "AVIF" else "a"
    wanted = f"is {article} {name} picture that is truncated or damaged"
    assert refusal(cut(path, share)) == wanted
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_truncated_tiff_is_silent(
    tmp_path: Path, compression: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tif"
    PillowImage.fromarray(noise(200, 150)[..., ::-1]).save(path, compression=compression)
    assert refusal(cut(path, 0.6)) == "is a TIFF picture that is truncated or damaged"
    assert capfd.readouterr() == ("", "")


def test_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = write_bomb(tmp_path / "a.png")
    assert refusal(path) == (
        "50000 x 50000 pixels are more than the limit of 100000000, it may be a decompression bomb"
    )


def test_limit_of_pixels_is_the_callers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_bomb(tmp_path / "a.png", 14_000, 14_000)
    assert open_media(path, Limits(max_pixels=200_000_000)).info.width == 14_000
    assert refusal(path).startswith("14000 x 14000 pixels are more")
    assert capfd.readouterr() == ("", "")


def test_no_picture_at_all(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.jpg") == "does not exist"
    assert refusal(tmp_path) == "is a folder, not a file"
    empty = tmp_path / "empty.jpg"
    empty.touch()
    assert refusal(empty) == "is empty"
    text = tmp_path / "text.jpg"
    text.write_text("BMW and other cars, #EXTM3U")
    assert refusal(text) == "is neither a picture nor a video that fakecheck can read"
    floats = tmp_path / "f.tif"
    PillowImage.new("F", (4, 4)).save(floats)
    assert refusal(floats) == "holds samples of floating point, which cannot be judged"
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "is no regular file"
    loop = tmp_path / "loop.jpg"
    loop.symlink_to(loop)
    assert refusal(loop).startswith("cannot be read: ")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    path.chmod(0)
    assert refusal(path) == "cannot be read: permission denied"


def test_permission_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x")

    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(path) == "cannot be read: permission denied"


def test_stop_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    PillowImage.fromarray(RGB).save(path)
    assert list(open_media(path).frames(stop=lambda: True)) == []

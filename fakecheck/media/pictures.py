"""Pictures by Pillow: it refuses truncated files, which OpenCV fills with grey.

On 8-bit JPEG and PNG its pixels equal those of `cv2.imread`, which training reads with (tested).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import cv2
import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL import Image as PillowImage

from fakecheck.errors import MediaError
from fakecheck.media.base import Limits, Media, Sampling, Turn, lack, never
from fakecheck.types import Frame, Image, MediaInfo


def _heif(stream: IO[bytes]) -> ImageFile.ImageFile:
    """Of all formats the one that is not Pillow's own, imported where it is needed."""
    from pi_heif.as_plugin import HeifImageFile

    return HeifImageFile(stream)


# Opening by class rather than by Image.open: its own bomb check has a limit of the whole process,
# and warns on stderr.
OPENERS: dict[str, Callable[[IO[bytes]], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
    "HEIF": _heif,
}
EXIF_ORIENTATION = 0x0112
# Exif 2.32, table of Orientation.
TURNS = {
    2: Turn(mirror_x=True),
    3: Turn(mirror_x=True, mirror_y=True),
    4: Turn(mirror_y=True),
    5: Turn(transpose=True),
    6: Turn(transpose=True, mirror_x=True),
    7: Turn(transpose=True, mirror_x=True, mirror_y=True),
    8: Turn(transpose=True, mirror_y=True),
}


class Picture(Media):
    """A picture: one frame, index 0, without a time."""

    def __init__(self, path: Path, info: MediaInfo, name: str, turn: Turn) -> None:
        super().__init__(path, info)
        self._name = name
        self._turn = turn

    def frames(
        self,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        stop: Callable[[], bool] = never,
    ) -> Iterator[Frame]:
        """The picture as its only frame.

        Raises MediaError where it is truncated or damaged, and after the frame where it is only the
        first of several: of an animation, or of a document's pages.
        """
        if stop():
            return
        with _opened(self.path, self._name) as picture:
            image, count = _to_bgr(picture, self.path), getattr(picture, "n_frames", 1)
        yield Frame(index=0, time=None, image=self._turn.apply(image))
        if count > 1:
            raise MediaError(
                f"{self.path}: holds {count} pictures, of which only the first was looked at",
                "save an animation as a clip, and pages as files of their own",
            )


def open_picture(path: Path, name: str, sha256: str, limits: Limits) -> Picture:
    """The picture in `path`, whose format has the `name` in OPENERS: only its header is read."""
    with _opened(path, name) as picture:
        limits.check_pixels(path, *picture.size)
        turn = _turn(picture, name)
        width, height = turn.size(*picture.size)
    info = MediaInfo(str(path), sha256, "image", width, height, frames=1)
    return Picture(path, info, name, turn)


def _turn(picture: ImageFile.ImageFile, name: str) -> Turn:
    if name in ("TIFF", "HEIF"):  # turned already, in size and in pixels
        return Turn()
    # Not the PNG plug-in's own getexif: that decodes the picture, to see chunks that come after it.
    orientation = PillowImage.Image.getexif(picture).get(EXIF_ORIENTATION)
    return TURNS.get(orientation, Turn()) if isinstance(orientation, int) else Turn()


@contextmanager
def _opened(path: Path, name: str) -> Iterator[ImageFile.ImageFile]:
    """Pillow's picture, with everything that goes wrong in the block as a MediaError."""
    try:
        with path.open("rb") as stream:
            yield OPENERS[name](stream)
    except (MediaError, Warning):  # a warning is raised where somebody has asked for it
        raise
    except Exception as error:  # each plug-in of Pillow has ways of its own to fail
        article = "an" if name == "AVIF" else "a"
        what = f"is {article} {name} picture that is truncated or damaged"
        if isinstance(error, SyntaxError) and "unknown pixel mode" in str(error):
            what = "holds samples of a kind that cannot be judged"
        raise MediaError(f"{path}: {lack(error) or what}") from error


def _to_bgr(picture: ImageFile.ImageFile, path: Path) -> Image:
    """(height, width, 3) uint8 BGR as stored.

    What is transparent is laid over white, as viewers show it. 16-bit samples keep their upper
    byte, as Pillow and OpenCV do with colour pictures. Colour profiles are left aside, as in
    training.
    """
    picture.load()
    if picture.mode.startswith("I;16"):
        return _grey_to_bgr(np.asarray(picture).astype(np.uint16))
    if picture.mode == "I":
        return _grey_to_bgr(np.asarray(picture))
    if picture.mode == "F":
        raise MediaError(f"{path}: holds samples of floating point, which cannot be judged")
    if "A" in picture.getbands() or "transparency" in picture.info:
        return _over_white(picture)
    return _as_bgr(picture.convert("RGB"))


def _grey_to_bgr(samples: np.ndarray) -> Image:
    """(height, width) integers of 16 bits, which Pillow may hold in 32, → BGR."""
    upper = np.clip(samples, 0, 0xFFFF) >> 8
    return _contiguous(cv2.cvtColor(upper.astype(np.uint8), cv2.COLOR_GRAY2BGR))


def _over_white(picture: PillowImage.Image) -> Image:
    rgba = picture.convert("RGBA")
    white = PillowImage.new("RGBA", rgba.size, (255, 255, 255, 255))
    return _as_bgr(PillowImage.alpha_composite(white, rgba).convert("RGB"))


def _as_bgr(rgb: PillowImage.Image) -> Image:
    return _contiguous(cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR))


def _contiguous(image: np.ndarray) -> Image:
    return np.ascontiguousarray(image, dtype=np.uint8)

"""What pictures and videos have in common: limits, sampling, and the interface of opened media."""

from __future__ import annotations

import hashlib
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fakecheck.errors import MediaError
from fakecheck.types import Frame, Image, MediaInfo

HEAD_BYTES = 4096
CHUNK_BYTES = 1 << 20


def never() -> bool:
    """The `stop` of those who never stop."""
    return False


@dataclass(frozen=True)
class Limits:
    """How large a file may be; what is larger is refused with a MediaError.

    `max_pixels` is width times height of a picture or of a frame: 100 megapixels, 300 MB decoded,
    are more than nearly any camera takes, and a header that claims more is most likely a
    decompression bomb. `max_seconds` (3 hours) and `max_frames` (a million: 3 hours at 90 frames a
    second) hold for videos. One that says that it is longer is refused before anything is decoded;
    one that does not say is read up to the limit and then fails, so that a verdict on a part never
    passes for one on the whole.
    """

    max_pixels: int = 100_000_000
    max_frames: int = 1_000_000
    max_seconds: float = 3 * 3600.0

    def __post_init__(self) -> None:
        for name in ("max_pixels", "max_frames", "max_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")

    def check_pixels(self, path: Path, width: int, height: int) -> None:
        """Raises MediaError where width times height is over the limit."""
        if width * height > self.max_pixels:
            raise MediaError(
                f"{path}: {width} x {height} pixels are more than the limit of {self.max_pixels},"
                " it may be a decompression bomb"
            )


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video to look at.

    `frames=N` takes N of them, spread evenly over the clip (all of a shorter one); `every=N` each
    N-th, from the first on; both None: all. A picture is always looked at.
    """

    frames: int | None = 25
    every: int | None = None

    def __post_init__(self) -> None:
        if self.frames is not None and self.every is not None:
            raise ValueError("frames and every exclude each other: set one of them to None")
        for name in ("frames", "every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")

    def indices(self, total: int) -> range | list[int]:
        """The 0-based frames to take of `total`: for `frames=N`, the middles of N equal parts."""
        if self.every is not None:
            return range(0, total, self.every)
        if self.frames is None or self.frames >= total:
            return range(total)
        return [(2 * part + 1) * total // (2 * self.frames) for part in range(self.frames)]


class Media(ABC):
    """An opened picture or video. Holds no file handle: frames() opens the file by itself."""

    def __init__(self, path: Path, info: MediaInfo, fps: float | None = None) -> None:
        self.path = path
        self.info = info
        self.fps = fps

    @abstractmethod
    def frames(
        self,
        sampling: Sampling = Sampling(),
        stop: Callable[[], bool] = never,
    ) -> Iterator[Frame]:
        """The sampled frames, upright, in order of presentation.

        `Frame.index` counts all frames of the clip from 0; `Frame.time` is seconds after the
        stream's start by the clip's own time stamps, None for a picture. `stop` is asked before
        every frame that is decoded; once it says True the iterator ends.

        Raises MediaError: for a clip that breaks off, after everything that could be decoded.
        """


@dataclass(frozen=True)
class Turn:
    """One of the eight ways to stand a picture upright: first transposed, then mirrored."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Upright (width, height) of a stored picture."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, image: Image) -> Image:
        """`image` (height, width, 3) upright, in memory of its own if it was turned."""
        if self.transpose:
            image = cv2.transpose(image).astype(np.uint8, copy=False)
        if self.mirror_x or self.mirror_y:
            code = -1 if self.mirror_x and self.mirror_y else int(self.mirror_x)
            image = cv2.flip(image, code).astype(np.uint8, copy=False)
        return image


def checked_file(path: Path) -> bytes:
    """The first bytes of `path`. Raises MediaError for whatever is not a readable, filled file."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise MediaError(f"{path}: is a folder, not a file")
        if not stat.S_ISREG(mode):
            raise MediaError(f"{path}: is no regular file")
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise MediaError(f"{path}: does not exist") from error
    except PermissionError as error:
        raise MediaError(f"{path}: cannot be read: permission denied") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{path}: cannot be read: {reason}") from error
    if not head:
        raise MediaError(f"{path}: is empty")
    return head


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of the file's bytes, read piece by piece."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()

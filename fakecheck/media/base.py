"""What pictures and videos have in common: limits, sampling, and the interface of opened media."""

from __future__ import annotations

import errno
import hashlib
import math
import operator
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fakecheck.errors import MediaError
from fakecheck.types import Frame, Image, MediaInfo

HEAD_BYTES = 4096
CHUNK_BYTES = 1 << 20
ROUNDING = 0.001  # seconds


def lack(error: BaseException) -> str | None:
    """What the machine, not the file, lacks where this error came; None where it is the file."""
    number = getattr(error, "errno", None)
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return "there is not enough memory to decode it"
    if number in (errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EIO):
        return f"cannot be read: {os.strerror(number)}"
    return None


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
    """Which frames of a video to look at, of those from `start` until before `end` (seconds).

    `frames=N` takes N of them, spread evenly (all of a shorter one); `every=N` each N-th, from the
    first on; `fps=X` the first one of each 1/X seconds; all three None: all. A picture is always
    looked at.
    """

    frames: int | None = 25
    every: int | None = None
    fps: float | None = None
    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        given = [n for n in ("frames", "every", "fps") if getattr(self, n) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: set all but one to None")
        for name in ("frames", "every"):
            value = getattr(self, name)
            if value is None:
                continue
            try:
                whole = operator.index(value)
            except TypeError:
                raise ValueError(f"{name} must be a whole number, got {value!r}") from None
            if whole < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise ValueError(f"fps must be above 0, got {self.fps}")
        if not 0 <= self.start < math.inf:
            raise ValueError(f"start must be at least 0, got {self.start}")
        if self.end is not None and not self.end > self.start:
            raise ValueError(f"end must be after start, {self.start} s, got {self.end}")

    @property
    def whole(self) -> bool:
        """Whether `start` and `end` leave nothing out."""
        return self.start == 0 and self.end is None

    def spread(self, window: range) -> Sequence[int]:
        """What `frames=N` takes of the frames in `window`: the middles of N equal parts."""
        count, parts = len(window), self.frames
        if parts is None or parts >= count:
            return window
        return [window[(2 * part + 1) * count // (2 * parts)] for part in range(parts)]

    def expected(self, frames: int | None, duration: float | None) -> int | None:
        """About how many frames will be looked at of a clip of so many, None where nobody knows."""
        share = 1.0
        if not self.whole or self.fps is not None:
            if not duration:
                return self.frames
            end = duration if self.end is None else min(self.end, duration)
            share = max(0.0, end - self.start) / duration
        if self.fps is not None and duration:
            return math.ceil(share * duration * self.fps)
        if frames is None:
            return self.frames
        count = math.ceil(frames * share)
        if self.every is not None:
            return math.ceil(count / self.every)
        return min(count, self.frames or count)


class Picker:
    """Picks frames in passing, one after the other, as `sampling` says; `frames=N` picks all."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._seen = 0
        self._due = sampling.start

    def over(self, time: float | None) -> bool:
        """Whether the window ends before the frame at `time`."""
        end = self._sampling.end
        return end is not None and time is not None and time >= end

    def takes(self, time: float | None) -> bool:
        """Whether the next frame, at `time`, is picked; every frame has to be asked about once."""
        wish = self._sampling
        if time is not None and time < wish.start:
            return False
        self._seen += 1
        if wish.every is not None:
            return (self._seen - 1) % wish.every == 0
        if wish.fps is None or time is None:
            return True
        # A time stamp is rounded to its time base, of a millisecond in many containers.
        if time < self._due - ROUNDING:
            return False
        self._due += math.ceil((time - self._due + ROUNDING) * wish.fps) / wish.fps
        return True


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

        Raises MediaError: for a clip that breaks off, after everything that could be decoded, and
        for one that ends before `sampling` starts.
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


def sha256_of(path: Path, stop: Callable[[], bool] = never) -> str:
    """Hexadecimal sha256 of the file's bytes, read piece by piece; MediaError once `stop` is."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                if stop():
                    raise MediaError(f"{path}: was not read to its end")
                digest.update(chunk)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()

"""File → MediaInfo and a Frame iterator, for pictures and videos.

What a file is decides its content, never its suffix. Whatever is wrong with a file comes out as one
`MediaError` of one sentence that starts with the file's path; libraries' own messages stay silent.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fakecheck.media.base import Limits, Media, Sampling, checked_file, never, sha256_of
from fakecheck.media.containers import sniff
from fakecheck.media.find import MEDIA_SUFFIXES, find_media
from fakecheck.media.pictures import open_picture
from fakecheck.media.videos import open_video

__all__ = [
    "MEDIA_SUFFIXES",
    "Limits",
    "Media",
    "Sampling",
    "find_media",
    "never",
    "open_media",
]


def open_media(
    path: Path,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    stop: Callable[[], bool] = never,
) -> Media:
    """The picture or video in `path`; once `stop` says True its reading ends in a MediaError.

    Reads the file once for its sha256, which is all that the length of a film costs here. A
    picture is opened up to its header; of a video the first frame is decoded, since that alone
    shows whether anything can be decoded, and because its rotation says which side is the width.

    Raises MediaError. What only decoding shows is raised by `Media.frames`.
    """
    head = checked_file(path)
    kind = sniff(path, head)
    digest = sha256_of(path, stop)
    if kind.media == "image":
        return open_picture(path, kind.name, digest, limits)
    return open_video(path, kind.name, digest, limits)

"""Paths as a user gives them → the media files that they stand for."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".dib"}
    | {".tif", ".tiff", ".heic", ".heif", ".hif", ".avif"}
)
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".qt", ".3gp", ".mkv", ".webm", ".avi", ".gif"}
    | {".mpg", ".mpeg", ".m2v", ".vob", ".ts", ".mts", ".m2ts"}
)
# Media that cannot be read, taken all the same so that somebody is told.
OTHER_SUFFIXES = frozenset({".jp2", ".jxl", ".flv", ".wmv", ".asf", ".ogv"})
# Only to pick files out of folders; what a file is decides its content.
MEDIA_SUFFIXES = PICTURE_SUFFIXES | VIDEO_SUFFIXES | OTHER_SUFFIXES


def find_media(paths: Iterable[Path], outputs: Container[Path] = ()) -> Iterator[Path]:
    """The files of `paths`, each once, folders walked in order of names.

    A file that is given by name is taken whatever its suffix; inside folders only files with a
    known one are, and hidden files and folders are skipped, as are links to folders. A path that
    does not exist, or a folder that cannot be listed, is handed on: opening it raises MediaError.
    Folders of `outputs`, resolved, are left out, unless they are given themselves.
    """
    seen: set[Path] = set()
    for path in paths:
        for found in _walk(path, outputs) if os.path.isdir(path) else (path,):
            key = resolved(found)
            if key not in seen:
                seen.add(key)
                yield found


def _walk(folder: Path, outputs: Container[Path]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if resolved(folder / entry.name) not in outputs:
                yield from _walk(folder / entry.name, outputs)
        elif Path(entry.name).suffix.lower() in MEDIA_SUFFIXES and _may_be_file(entry):
            yield folder / entry.name


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a loop of links, a link to where nobody may look
        return True


def resolved(path: Path) -> Path:
    """`path` without links, as far as they lead anywhere."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a null byte
        return path.absolute()

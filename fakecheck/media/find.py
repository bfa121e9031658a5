"""Paths as a user gives them → the media files that they stand for."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".bmp", ".dib"}
    | {".tif", ".tiff", ".heic", ".heif", ".hif", ".avif"}
)
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".qt", ".3gp", ".mkv", ".webm", ".avi", ".gif"}
    | {".mpg", ".mpeg", ".m2v", ".vob", ".ts", ".mts", ".m2ts"}
    | {".wmv", ".asf", ".flv", ".f4v", ".ogv"}
)
# Media that cannot be read, taken all the same so that somebody is told.
OTHER_SUFFIXES = frozenset({".jp2", ".jxl"})
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
    folders, waiting = [folder], list[os.DirEntry[str]]()
    while folders or waiting:
        if folders:
            path = folders.pop()
            try:
                with os.scandir(path) as listing:
                    # The next one last; those of a folder come before what follows it.
                    waiting += sorted(listing, key=lambda entry: entry.name, reverse=True)
            except OSError:
                yield path
            continue
        entry = waiting.pop()
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not _is_junction(entry) and resolved(path) not in outputs:
                folders.append(path)
        elif path.suffix.lower() in MEDIA_SUFFIXES and _may_be_file(entry):
            yield path


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Whether it is a link to a folder as Windows makes them, which counts as no symbolic one."""
    tag = getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0)
    return bool(tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None))


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


def identity(path: Path) -> str:
    """What two names of one file have in common: no links, and any letters' case and form.

    On many systems, and on cards from cameras on all of them, IMG.JPG and img.jpg are one file.
    Where they are two, taking them for one costs an output another name, or is refused.
    """
    return unicodedata.normalize("NFC", str(resolved(path))).casefold()

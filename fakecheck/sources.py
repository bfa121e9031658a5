"""What a caller may give as a picture or clip: its path."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fakecheck.errors import MediaError

Source = str | os.PathLike[str]
ADDRESS = re.compile(r"data:|[a-z][a-z0-9+.-]+://", re.IGNORECASE)
# Characters of an address in an error: one of the kind `data:` holds a whole picture.
SHOWN = 100


def as_path(source: Source) -> Path:
    """`source` as a Path. Raises TypeError for bytes, open files, arrays and pictures in memory."""
    given = os.fspath(source) if isinstance(source, str | os.PathLike) else source
    if not isinstance(given, str):
        raise TypeError(
            "a picture or clip is given by its path (str or os.PathLike), got "
            f"{type(source).__name__}: save it as a file first, and give the file's path"
        )
    return Path(given)


def check_name(source: Source) -> None:
    """Raises MediaError for an empty text and an address, which a Path would turn into others."""
    if source == "":
        raise MediaError("The path of a file is empty")
    if isinstance(source, str) and ADDRESS.match(source) and not os.path.lexists(source):
        shown = source if len(source) <= SHOWN else f"{source[:SHOWN]}…"
        raise MediaError(f"{shown}: is an address, not a file", "download it first")

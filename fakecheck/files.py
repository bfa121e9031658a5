"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fakecheck.errors import OutputError


def takes_all(path: Path) -> bool:
    """Whether it is a device or a pipe (or a folder): there, and nothing that can be replaced."""
    return os.path.exists(path) and not os.path.isfile(path)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, with its suffix, that takes its place when the block is done.

    What a symbolic link leads to is replaced, not the link; permissions are kept. A device or a
    pipe is itself the path to write to. Parents are created. Where the block raises, nothing is
    left and what was at `path` stays; an OSError becomes an OutputError that names `path`.
    """
    target = Path(os.path.realpath(path)) if os.path.islink(path) else path
    temporary = target.with_name(f".{secrets.token_hex(8)}{path.suffix[:16]}")
    try:
        if target.is_dir():
            raise OutputError(f"{path}: cannot be written: it is a folder")
        if takes_all(path):
            yield path
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if os.name == "nt" and target.exists():
            # A program that holds it open keeps it from being replaced: better known now.
            target.open("r+b").close()
        yield temporary
        with suppress(OSError):  # nothing there yet, or a file system without permissions
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)

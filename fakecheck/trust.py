"""Which detectors the index of known detectors vouches for, decided without running their code.

A plug-in's bundles are found through the list of files that its distribution left when it was
installed (https://packaging.python.org/en/latest/specifications/recording-installed-packages/), so
that nothing of it need be imported. Trusted is a detector whose id and distribution, and the sha256
of every file, the card's too, are those of the index.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from fakecheck.card import CARD_FILE, DetectorCard
from fakecheck.errors import PluginError
from fakecheck.graph import MAX_BYTES
from fakecheck.index import BUNDLED, IndexEntry

State = Literal["known", "unknown", "older", "newer", "changed"]


@dataclass(frozen=True)
class Standing:
    """How an installed detector stands to the index; `cause` and `advice` are empty when known."""

    state: State
    cause: str = ""
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.cause} ({self.advice})" if self.advice else self.cause


def standing(
    card: DetectorCard, distribution: str | None, entries: Iterable[IndexEntry]
) -> Standing:
    """Compares the card of `distribution`, and all files that it names, with the index.

    `older` and `newer` are other versions than the index's; of those no file is compared.
    """
    entry = next((one for one in entries if one.id == card.id), None)
    if entry is None:
        return Standing(
            "unknown",
            "it is not in the index of known detectors",
            "fakecheck registry list shows what is",
        )
    if distribution is None or canonical(distribution) != canonical(entry.distribution):
        return Standing(
            "unknown",
            f"the index knows it from {entry.distribution}, not from {distribution or 'elsewhere'}",
        )
    mine, known = _number(card.version), _number(entry.version)
    if mine != known:
        versions = f"it is version {card.version}, and the index has {entry.version}"
        if mine < known:
            return Standing("older", versions, f"upgrade {entry.distribution}")
        return Standing("newer", versions, "upgrade fakecheck, which brings the index")
    changed = [
        name
        for name in sorted({*entry.files, CARD_FILE, *card.files})
        if name not in entry.files or sha256_of(card.folder / name) != entry.files[name]
    ]
    if changed:
        again = f"install {entry.distribution} again"
        if entry.source == BUNDLED:
            again += "; in a checkout, fakecheck registry add detectors"
        return Standing(
            "changed", f"the sha256 of {', '.join(changed)} differs from the index", again
        )
    return Standing("known")


def bundles_of(distribution: metadata.Distribution) -> list[Path]:
    """The folders with a card among the files that `distribution` installed.

    Raises PluginError where they cannot be told without importing it.
    """
    try:
        files = distribution.files
    # A damaged list raises what the parser of the day raises.
    except Exception as error:
        raise PluginError(f"its list of files cannot be read: {type(error).__name__}") from error
    if files is None:
        raise PluginError("it has no list of its files, so that none can be checked")
    folders = {Path(str(path.locate())).parent for path in files if path.name == CARD_FILE}
    if not folders:
        raise PluginError(
            f"its list of files names no {CARD_FILE}, so that nothing can be checked before its"
            " code runs",
            "an editable install has no such list: install it without -e",
        )
    return sorted(folders)


def sha256_of(path: Path) -> str | None:
    """The sha256 of the file; None if it cannot be read, is no plain file or larger than a graph
    may be."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            return None
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def canonical(distribution: str) -> str:
    """The name as PEP 503 compares names: `My_Detectors` and `my-detectors` are one."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))

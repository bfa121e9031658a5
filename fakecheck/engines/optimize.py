"""`model.onnx` made and put into a detector's bundle, its sha256 on the card."""

from __future__ import annotations

import hashlib
import os
import re
import stat

import yaml

from fakecheck.card import CARD_FILE, ONNX_FILE, DetectorCard
from fakecheck.engines.convert import Agreement, make_onnx
from fakecheck.errors import OutputError, PluginError
from fakecheck.files import atomic_path


def optimize_bundle(card: DetectorCard) -> Agreement:
    """Makes the card's ONNX model, compares it, writes it and records it in `detector.yaml`.

    Each file is replaced as a whole, the model first: a card never names a model that is not there.
    Raises OutputError where the folder cannot be written, and what `make_onnx` raises.
    """
    path = card.folder / CARD_FILE
    # Before the minute that the conversion takes.
    if not os.access(card.folder, os.W_OK):
        raise OutputError(
            f"{card.id}: {card.folder} cannot be written", "run it as the one who installed it"
        )
    model, agreement = make_onnx(card)
    text = record_sha256(
        path.read_bytes().decode("utf-8"), ONNX_FILE, hashlib.sha256(model).hexdigest()
    )
    with atomic_path(card.folder / ONNX_FILE) as temporary:
        temporary.write_bytes(model)
        # For all who may read the card.
        temporary.chmod(stat.S_IMODE(path.stat().st_mode))
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))
    return agreement


def record_sha256(text: str, name: str, digest: str) -> str:
    """The card's `text` with the file's digest under `files:`; all else, comments too, stays.

    Raises PluginError where `files` is not written as an indented block.
    """
    lines = text.splitlines(keepends=True)
    start = next((i for i, line in enumerate(lines) if re.match(r"files:\s*(#.*)?$", line)), None)
    if start is not None:
        end = start + 1
        while end < len(lines) and re.match(r"[ \t]+\S|\s*(#.*)?$", lines[end]):
            end += 1
        entries = [i for i in range(start + 1, end) if re.match(r"[ \t]+[^#\s]", lines[i])]
        if entries:
            indent, newline = re.match(r"[ \t]+", lines[entries[-1]]), lines[start][len("files:") :]
            ending = "\r\n" if newline.endswith("\r\n") else "\n"
            entry = f"{indent.group() if indent else '  '}{name}: {digest}{ending}"
            pattern = re.compile(rf"\s*['\"]?{re.escape(name)}['\"]?\s*:")
            old = [i for i in entries if pattern.match(lines[i])]
            at = old[0] if old else entries[-1] + 1
            if not old and not lines[at - 1].endswith("\n"):
                lines[at - 1] += ending
            changed = "".join([*lines[:at], entry, *lines[at + len(old) :]])
            if _only_adds(text, changed, name, digest):
                return changed
    raise PluginError(
        f"{CARD_FILE} cannot be changed by itself", f"add {name}: {digest} to its files by hand"
    )


def _only_adds(before: str, after: str, name: str, digest: str) -> bool:
    old, new = yaml.safe_load(before), yaml.safe_load(after)
    return bool(new == {**old, "files": {**old["files"], name: digest}})

"""A graph and its label map put into a package's bundle, and all that they tell onto the card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakecheck.calibration import silent_fields
from fakecheck.card import (
    CARD_FILE,
    GRAPH_FILE,
    LABEL_MAP_FILE,
    ONNX_FILE,
    DetectorCard,
    load_card,
)
from fakecheck.card_fields import read_fields
from fakecheck.card_text import open_fields, open_paths, replace_fields
from fakecheck.engines.convert import Agreement
from fakecheck.engines.optimize import optimize_bundle
from fakecheck.errors import (
    CardError,
    FakecheckError,
    GraphRefusedError,
    InputError,
    OutputError,
    UsageError,
)
from fakecheck.files import atomic_path
from fakecheck.graph import MAX_BYTES
from fakecheck.graph_ends import check_ends
from fakecheck.index import check_record
from fakecheck.labelmap import parse_label_map
from fakecheck.scaffold.graph_facts import GraphFacts, Size, read_graph_facts
from fakecheck.scaffold.names import Names
from fakecheck.validate.target import find_target


@dataclass(frozen=True)
class Packed:
    """A bundle that was filled, and what is left to do.

    `is_new`: its graph or classes are others than before, so its calibration and metrics were taken
    away. `agreement` is that of a model.onnx made now; `problem` is why none could be made. `left`
    are the fields of the card that are marked as left to fill in.
    """

    card: DetectorCard
    facts: GraphFacts
    is_new: bool
    agreement: Agreement | None
    problem: FakecheckError | None
    left: tuple[str, ...]

    @property
    def is_silent(self) -> bool:
        """Whether the detector has still to be calibrated."""
        return all(spec.calibration.max_llr == 0 for spec in self.card.classes)


def find_package(where: str) -> Path:
    """The folder `where`, or the one that `detectors new` makes here for a detector of that name.

    Raises UsageError where there is no such folder.
    """
    folder = Path(where)
    if not folder.is_dir() and folder.name == where:
        folder = Path(Names.of(where).distribution)
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}", "fakecheck detectors new makes a package")
    return folder


def find_bundle(package: Path) -> Path:
    """The folder of the one card in the folder `package`.

    Raises UsageError where there is none or more than one, InputError where it cannot be read.
    """
    bundles = find_target(str(package)).bundles
    if not bundles:
        raise UsageError(f"{package} holds no {CARD_FILE}", "fakecheck detectors new makes one")
    if len(bundles) > 1:
        raise UsageError(
            f"{package} holds {len(bundles)} detectors",
            "name the folder of one: " + ", ".join(str(one.folder) for one in bundles),
        )
    return bundles[0].folder


def pack_bundle(
    folder: Path,
    graph: Path,
    labels: Path,
    side: int | None = None,
    color: str | None = None,
) -> Packed:
    """Copies `graph` and `labels` into the bundle `folder` and fills in its card.

    `side` in pixels and `color`, rgb or bgr, are those of the pictures that the graph takes, None:
    as the graph says, or else the card, where what is marked as left to fill in stays so.
    Everything is checked before anything is written, and each file is replaced as a whole.

    Raises GraphRefusedError or PluginError for a graph that can be no detector's, CardError for a
    label map or a card that cannot be used, UsageError for a `side` that the graph contradicts,
    InputError for a file that cannot be read, OutputError where the folder cannot be written.
    """
    data, facts = _read_graph(graph)
    label_map = _read(labels)
    names = _class_names(label_map, labels.name)
    path = folder / CARD_FILE
    before = read_fields(path)
    for name in ("files", "input"):
        if not isinstance(before.get(name) or {}, dict):
            raise CardError(f"{path}: {name}: must hold fields and their values")
    text = path.read_text(encoding="utf-8")

    sums = {GRAPH_FILE: _sha256(data), LABEL_MAP_FILE: _sha256(label_map)}
    old, taken = before.get("files") or {}, _input(facts, before, side, color)
    # Fitted and converted for other pictures it is of no use, whatever the graph.
    is_new = any(old.get(name) != digest for name, digest in sums.items())
    is_new |= {"color": "rgb", **(before.get("input") or {})} != taken
    kept = folder / ONNX_FILE
    if not is_new and kept.is_file() and _sha256(_read(kept)) == old.get(ONNX_FILE):
        sums[ONNX_FILE] = old[ONNX_FILE]
    changes: dict[str, Any] = {"input": taken, "files": sums}
    if is_new:
        changes |= {**silent_fields(names), "metrics": []}
    values = {**before, **changes, "folder": folder}
    card = check_record(DetectorCard, values, path)
    check_ends(facts.ends, card, graph.name)
    told = _told(facts, side, color)
    text = replace_fields(text, changes, [path for path in open_paths(text) if path not in told])

    contents = ((GRAPH_FILE, data), (LABEL_MAP_FILE, label_map), (CARD_FILE, text.encode("utf-8")))
    for name, content in contents:
        with atomic_path(folder / name) as temporary:
            temporary.write_bytes(content)
    agreement, problem = None, None
    if card.onnx is None:
        _remove(kept)
        # Adds a line to the card.
        agreement, problem = _make_onnx(folder)
    left = tuple(open_fields(path.read_text(encoding="utf-8")))
    return Packed(load_card(folder), facts, is_new, agreement, problem, left)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be removed: {error.strerror}") from error


def _make_onnx(folder: Path) -> tuple[Agreement | None, FakecheckError | None]:
    """How well model.onnx agrees with the graph, or why there is none. The bundle works anyway."""
    try:
        return optimize_bundle(load_card(folder)), None
    except FakecheckError as error:
        return None, error


def _input(
    facts: GraphFacts, before: Mapping[str, Any], side: int | None, color: str | None
) -> dict[str, Any]:
    on_card = before.get("input") or {}
    size: Size = (side, side) if side else (on_card.get("width", 0), on_card.get("height", 0))
    if facts.fixed is not None:
        if side is not None and size != facts.fixed:
            width, height = facts.fixed
            raise UsageError(f"The graph takes pictures of {width} x {height} pixels only")
        size = facts.fixed
    elif side is None and facts.resized is not None:
        size = facts.resized
    return {
        "width": size[0],
        "height": size[1],
        "color": color or on_card.get("color", "rgb"),
    }


def _told(facts: GraphFacts, side: int | None, color: str | None) -> list[str]:
    """The fields of the card's input that are no guess any more. No graph tells the colours."""
    size = side is not None or facts.fixed is not None or facts.resized is not None
    return [*(["input.width", "input.height"] if size else []), *(["input.color"] if color else [])]


def _read_graph(path: Path) -> tuple[bytes, GraphFacts]:
    if path.name == "saved_model.pb":
        raise GraphRefusedError(
            f"{path} is a SavedModel, not a frozen graph",
            "freeze it first; training/freeze.py does so for the Object Detection API's models",
        )
    data = _read(path)
    return data, read_graph_facts(data, path.name)


def _class_names(data: bytes, what: str) -> list[str]:
    """Names of the classes, in the order of their ids."""
    try:
        classes = parse_label_map(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise CardError(f"{what} is no label map: it is not text") from error
    except ValueError as error:
        raise CardError(f"{what} is no label map: {error}") from error
    if not classes:
        raise CardError(f"{what} is no label map: it holds no item")
    ids = sorted(classes)
    if ids != list(range(1, len(ids) + 1)):
        raise CardError(f"{what}: ids must count from 1 without holes, got {ids}")
    return [classes[number] for number in ids]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB, as no graph may be")
    return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

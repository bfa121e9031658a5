"""Checks of a bundle's files: nothing of it is imported, loaded or run."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fakecheck.card import CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE
from fakecheck.card_fields import read_fields
from fakecheck.card_text import MARK, open_fields
from fakecheck.errors import CardError, GraphRefusedError, PluginError
from fakecheck.graph import check_onnx_model, check_tensorflow_graph
from fakecheck.graph_ends import check_ends, onnx_ends, tensorflow_ends
from fakecheck.index import FAMILIES_FILE, Registry, registry
from fakecheck.index_files import CARDS
from fakecheck.labelmap import check_label_map
from fakecheck.validate import words
from fakecheck.validate.findings import Check, Skipped, counted
from fakecheck.validate.target import Bundle, installed_bundles, same_distribution

# A detector of a face's crop has a few million weights, 4 bytes each: a hundred megabytes are
# twenty-five times the bundled ones, and every user of the package has to download them.
MAX_FILE_BYTES = 100_000_000
FIELDS_ADVICE = "fakecheck/card.py explains every field; detectors/partswap is a card to copy"
CALIBRATE_ADVICE = (
    "fakecheck detectors validate FOLDER --data DIR --calibrate fits it to pictures of your own"
)
OPS_ADVICE = (
    "fakecheck/graph_ops.py lists what a graph may hold; export it frozen for inference only, and "
    "ask for an op that every such graph would need"
)


def check_card(bundle: Bundle) -> str:
    """detector.yaml is what its schema asks for."""
    try:
        card = bundle.card
    except CardError as error:
        raise CardError(error.message, error.advice or FIELDS_ADVICE) from error
    return f"{card.id} {card.version}, {card.schema_}"


def check_no_todo(bundle: Bundle) -> str:
    """No field of the card waits to be filled in."""
    path = bundle.folder / CARD_FILE
    try:
        # Within its limits first: a few lines of aliases can stand for more than can be walked.
        read_fields(path)
        left = open_fields(path.read_text(encoding="utf-8"))
    except CardError as error:
        raise Skipped(f"{CARD_FILE} cannot be read") from error
    if left:
        raise CardError(
            f"still to be filled in: {', '.join(left)}",
            f"write what only you know, and take away the mark {MARK}",
        )
    return "nothing is left to fill in"


def check_id(bundle: Bundle) -> str:
    """No other detector has this id."""
    mine, folder = bundle.card, bundle.folder.resolve()
    advice = "choose another id: of two detectors of one id neither runs"
    for path in bundle.project.bundles if bundle.project else ():
        if path.resolve() != folder and Bundle(path).name == mine.id:
            raise CardError(f"the id {mine.id} is also that of {path}", advice)
    for other in installed_bundles():
        if other.name != mine.id or other.folder.resolve() == folder:
            continue
        if same_distribution(other.origin.distribution, bundle.distribution):
            continue
        # An installed copy of a bundle that is looked at outside of its package.
        if bundle.distribution is None and other.files == mine.files:
            continue
        raise CardError(
            f"the id {mine.id} is also that of a detector in {other.origin}, which is installed",
            advice,
        )
    return f"no other detector is called {mine.id}"


def check_family(bundle: Bundle) -> str:
    """See `words.check_family`. A new family is only asked for where its entry could be written."""
    card, families = bundle.card, _registry().families
    try:
        return words.check_family(card.family, card.kind, families)
    except CardError as error:
        if card.family in families or _in_checkout(bundle.folder):
            raise
        raise Skipped(
            f"{error.message}; left out, since {bundle.folder} lies in no checkout of fakecheck, "
            "where the entry would be written",
            error.advice,
        ) from error


def _in_checkout(folder: Path) -> bool:
    registries = (parent / "registry" for parent in folder.resolve().parents)
    return any((one / FAMILIES_FILE).is_file() and (one / CARDS).is_dir() for one in registries)


def check_classes(bundle: Bundle) -> str:
    """See `words.check_classes`."""
    return words.check_classes([spec.name for spec in bundle.card.classes], _registry().artifacts)


def _registry() -> Registry:
    try:
        return registry()
    except PluginError as error:
        # fakecheck's own fault, not that of the detector which is looked at.
        raise Skipped(error.message, error.advice) from error


def check_sizes(bundle: Bundle) -> str:
    """Every file is there and no larger than a graph may be."""
    total = 0
    for name in bundle.card.files:
        path = bundle.folder / name
        # A device has no size, and reading it may never end.
        if not path.is_file():
            raise PluginError(
                f"{name} is on the card, and {'no plain file' if path.exists() else 'not there'}",
                f"put it beside {CARD_FILE}",
            )
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise PluginError(
                f"{name} has {size / 1e6:.0f} MB, {MAX_FILE_BYTES // 1_000_000} are allowed",
                "take a smaller backbone: the bundled detectors have 4 MB",
            )
        total += size
    return f"{total / 1e6:.1f} MB in {counted(len(bundle.card.files), 'file')}"


def check_sums(bundle: Bundle) -> str:
    """The files are those that the card names, byte for byte."""
    card = bundle.card
    wrong = {name: _sha256(bundle, name) for name in card.files}
    wrong = {name: digest for name, digest in wrong.items() if digest != card.files[name]}
    if wrong:
        right = "; ".join(f"{name}: {digest}" for name, digest in wrong.items())
        raise GraphRefusedError(
            f"the sha256 of {', '.join(wrong)} differs from the one on the card",
            f"if the file is the one you mean, write under files: {right}",
        )
    if ONNX_FILE not in card.files and (bundle.folder / ONNX_FILE).is_file():
        raise CardError(
            f"{ONNX_FILE} lies in the folder, and the card does not name it: it is never used",
            f"write under files: {ONNX_FILE}: {_sha256(bundle, ONNX_FILE)}",
        )
    return f"{', '.join(card.files)} are those of the card"


def check_graph_ops(bundle: Bundle) -> str:
    """Every op of the TensorFlow graph is on the allow-list."""
    try:
        check_tensorflow_graph(_read(bundle, GRAPH_FILE), GRAPH_FILE)
    except GraphRefusedError as error:
        raise GraphRefusedError(error.message, OPS_ADVICE) from error
    return "only ops that are allowed"


def check_graph_ends(bundle: Bundle) -> str:
    """The TensorFlow graph has the ends of the contract."""
    return check_ends(tensorflow_ends(_read(bundle, GRAPH_FILE)), bundle.card, GRAPH_FILE)


def check_onnx_ops(bundle: Bundle) -> str:
    """Every op of the ONNX model is on the allow-list."""
    _onnx_or_skip(bundle)
    try:
        check_onnx_model(_read(bundle, ONNX_FILE), ONNX_FILE)
    except GraphRefusedError as error:
        raise GraphRefusedError(error.message, OPS_ADVICE) from error
    return "only ops that are allowed"


def check_onnx_ends(bundle: Bundle) -> str:
    """The ONNX model has the ends of the contract."""
    _onnx_or_skip(bundle)
    return check_ends(onnx_ends(_read(bundle, ONNX_FILE)), bundle.card, ONNX_FILE)


def check_labels(bundle: Bundle) -> str:
    """The label map counts from 1 without holes and holds the classes of the card."""
    try:
        check_label_map(bundle.card, _read(bundle, LABEL_MAP_FILE))
    except CardError as error:
        message = error.message.removeprefix(f"{bundle.card.id}: ")
        raise CardError(
            message, "card and label map list the same classes, with ids from 1 on without holes"
        ) from error
    return f"{counted(len(bundle.card.classes), 'class')}, ids from 1 on, those of the card"


def check_calibration(bundle: Bundle) -> str:
    """The card's calibration lets the detector say something."""
    card = bundle.card
    silent = [spec.name for spec in card.classes if spec.calibration.max_llr == 0]
    if len(silent) == len(card.classes):
        raise CardError(
            "the card is not calibrated: max_llr of every class is 0, so the detector says nothing",
            CALIBRATE_ADVICE,
        )
    classes = counted(len(card.classes) - len(silent), "class")
    rarest = min(card.false_alarm_llr)
    return f"{classes} calibrated, false alarms known down to a rate of {rarest:g}"


def _onnx_or_skip(bundle: Bundle) -> None:
    if bundle.card.onnx is None:
        raise Skipped(
            f"there is no {ONNX_FILE}: the detector runs only where TensorFlow is installed",
            f"{_maker(bundle)} makes it, where TensorFlow is",
        )


def _maker(bundle: Bundle) -> str:
    """The command that makes the ONNX model. `optimize` finds what is installed only."""
    folder = bundle.folder
    if any(one.folder.resolve() == folder.resolve() for one in installed_bundles()):
        return f"fakecheck detectors optimize {bundle.card.id}"
    files = f"{folder / GRAPH_FILE} {folder / LABEL_MAP_FILE}"
    return f"fakecheck detectors pack {files} {folder}"


def _read(bundle: Bundle, name: str) -> bytes:
    return (bundle.folder / name).read_bytes()


def _sha256(bundle: Bundle, name: str) -> str:
    return hashlib.sha256(_read(bundle, name)).hexdigest()


STATIC_CHECKS: tuple[Check[Bundle], ...] = (
    Check("card.schema", check_card),
    Check("card.todo", check_no_todo),
    Check("card.id", check_id, ("card.schema",)),
    Check("words.family", check_family, ("card.schema",)),
    Check("words.classes", check_classes, ("card.schema",)),
    Check("files.sizes", check_sizes, ("card.schema",)),
    Check("files.sha256", check_sums, ("files.sizes",)),
    Check("label_map", check_labels, ("files.sizes",)),
    Check("graph.ops", check_graph_ops, ("files.sizes",)),
    Check("graph.ends", check_graph_ends, ("graph.ops",)),
    Check("onnx.ops", check_onnx_ops, ("files.sizes",)),
    Check("onnx.ends", check_onnx_ends, ("onnx.ops",)),
)
# After the fit, where the card is fitted in the same run.
CALIBRATION_CHECKS: tuple[Check[Bundle], ...] = (
    Check("card.calibration", check_calibration, ("card.schema",)),
)
# What has to hold before an engine sees a graph.
OPENABLE = ("files.sha256", "label_map", "graph.ops", "graph.ends", "onnx.ops", "onnx.ends")

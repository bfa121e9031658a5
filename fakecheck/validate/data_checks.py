"""Checks on the contributor's own test files, and the calibration that is fitted to them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import yaml

from fakecheck.calibration import (
    FIRING_RATE,
    detector_llr,
    exceeded_by,
    false_alarm_table,
    fit_calibration,
)
from fakecheck.card import CARD_FILE, FITTED, Calibration, DetectorCard
from fakecheck.card_text import MARK, open_fields, open_paths, replace_fields
from fakecheck.errors import CardError, PluginError
from fakecheck.files import atomic_path
from fakecheck.types import Floats
from fakecheck.validate.data import Accuracy, DataScores, FileScores, measure
from fakecheck.validate.findings import Check, counted
from fakecheck.validate.static_checks import OPENABLE
from fakecheck.validate.subject import Subject

# The fewest for a table of false alarms of two rates, 10 % and 5 %.
MIN_FILES = 20
# What the card's training data call the use of such files.
CALIBRATION = "calibration"


def check_files(subject: Subject) -> str:
    """All files can be read, and none is both real and fake."""
    scores = subject.scores
    labels: dict[str, set[bool]] = {}
    for one in scores.files:
        labels.setdefault(one.sha256, set()).add(one.fake)
    both = [one.path for one in scores.files if len(labels[one.sha256]) == 2]
    if both:
        raise PluginError(f"{both[0]} lies among the reals and among the fakes", "take one away")
    twice = len(scores.files) - len(labels)
    if scores.unreadable:
        more = f" (and {len(scores.unreadable) - 1} more)" if len(scores.unreadable) > 1 else ""
        raise PluginError(f"{scores.unreadable[0]}{more}", "take away what is no picture")
    counts = Counter(one.fake for one in scores.files)
    same = f", {twice} of them copies of others" if twice else ""
    return f"{counted(counts[True], 'fake')} and {counted(counts[False], 'real')}{same}"


def check_faces(subject: Subject) -> str:
    """There are faces to judge among both. How many files show none is reported, not judged."""
    scores = subject.scores
    for name, fake in (("fake", True), ("real", False)):
        if not scores.judged(fake):
            raise PluginError(
                f"no {name} file shows a face of {subject.card.min_face:g} pixels or more"
            )
    size = f"{subject.card.min_face:g} pixels or more"
    without = [
        counted(number, noun)
        for noun, number in (("fake", scores.faceless(True)), ("real", scores.faceless(False)))
        if number
    ]
    if not without:
        return f"a face of {size} in every file"
    return f"no face of {size} in {' and '.join(without)}, which count for nothing"


def check_accuracy(subject: Subject) -> str:
    """ROC AUC and recall at 1 % false positives. Reported, not judged."""
    return describe_accuracy(subject.accuracy)


def describe_accuracy(found: Accuracy) -> str:
    """The figures in a line."""
    recall = (
        "recall at 1 % FPR cannot be told from so few reals"
        if found.recall is None
        else f"recall at 1 % FPR {found.recall:.3f}"
    )
    return (
        f"ROC AUC {found.auc:.3f}, {recall}; {counted(found.fakes, 'fake')} and "
        f"{counted(found.reals, 'real')} with a face (not judged)"
    )


def check_fit(subject: Subject) -> str:
    """Fits the card to `subject.data` and writes it, as a whole or not at all.

    Changed are each class's calibration and threshold, false_alarm_llr, and the rows that tell of a
    calibration in the metrics and in the training data: those of another one hold no more. Of a new
    data set the terms are left to fill in. Of a file the largest face counts, of a clip that of
    each frame; each file is one independent witness. Raises PluginError or CardError where the data
    do not allow it, and OutputError where the card cannot be written.
    """
    assert subject.data is not None
    path = subject.folder / CARD_FILE
    text = path.read_text(encoding="utf-8")
    guessed = [field for field in open_paths(text) if field.startswith("input.")]
    if guessed:
        raise CardError(
            f"{', '.join(guessed)} still {'have' if len(guessed) > 1 else 'has'} the mark {MARK}, "
            "and a calibration holds only for the pictures that the graph takes",
            "fakecheck detectors pack with --side and --color writes what they are",
        )
    fitted, changes = _fit(subject.card, subject.scores)
    found = measure(subject.scores, fitted, subject.set_name, FITTED)
    before = yaml.safe_load(text)
    kept = [row for row in before.get("metrics", []) if not _is_of_a_fit(row)]
    changes["metrics"] = [*kept, found.metric()]
    rows, at = _with_calibration(before["training"]["data"], found)
    changes["training"] = {**before["training"], "data": rows}
    mine = f"training.data.{at}."
    marked = [path for path in open_paths(text) if path.startswith("training.")]
    new = replace_fields(text, changes, [path for path in marked if not path.startswith(mine)])
    with atomic_path(path) as temporary:
        temporary.write_text(new, encoding="utf-8", newline="\n")
    subject.forget_card()
    said = f"{path} written, fitted to {found.fakes} fakes and {found.reals} reals of {found.set}"
    left = [one for one in open_fields(new) if one.startswith(f"{mine}terms ")]
    return f"{said}, whose terms are left to fill in: {left[0]}" if left else said


def _fit(card: DetectorCard, scores: DataScores) -> tuple[list[Calibration], dict[str, Any]]:
    """Calibrations of the classes, and the card's fields that they change."""
    fakes, reals = scores.judged(True), scores.judged(False)
    if min(len(fakes), len(reals)) < MIN_FILES:
        raise PluginError(
            f"{len(fakes)} fakes and {len(reals)} reals with a face are too few to calibrate: "
            f"{MIN_FILES} of each are the least, hundreds are wanted"
        )
    fake, real = _largest(fakes), _largest(reals)
    fitted, classes = [], []
    for index, spec in enumerate(card.classes):
        try:
            calibration = fit_calibration(fake[:, index], real[:, index], len(fakes), len(reals))
        except CardError as error:
            raise CardError(f"class {spec.name}: {error.message}") from error
        threshold = round(exceeded_by(real[:, index], FIRING_RATE), 6)
        fitted.append(calibration)
        values = {"calibration": calibration.model_dump(), "threshold": threshold}
        classes.append({"id": spec.id, "name": spec.name, **values})
    table = false_alarm_table(detector_llr(real, fitted), len(reals))
    return fitted, {"classes": classes, "false_alarm_llr": table}


def _largest(files: list[FileScores]) -> Floats:
    """(n, classes) scores of the largest face of every frame."""
    return np.stack([faces[0] for one in files for faces in one.frames])


def _is_of_a_fit(row: dict[str, Any]) -> bool:
    return (row.get("of", "detector"), row.get("split")) == ("detector", FITTED)


def _with_calibration(
    rows: list[dict[str, Any]], found: Accuracy
) -> tuple[list[dict[str, Any]], int]:
    """The rows of training data, with one for this fit in place of any other's, and which it is."""
    terms = [row["terms"] for row in rows if row["set"] == found.set]
    mine = {
        "set": found.set,
        "split": FITTED,
        "use": CALIBRATION,
        "pictures": found.fakes + found.reals,
        "terms": terms[0] if terms else MARK,
    }
    at = next((i for i, row in enumerate(rows) if row["use"] == CALIBRATION), len(rows))
    return [*rows[:at], mine, *(row for row in rows[at:] if row["use"] != CALIBRATION)], at


DATA_CHECKS: tuple[Check[Subject], ...] = (
    Check("data.files", check_files, OPENABLE),
    Check("data.faces", check_faces, OPENABLE),
)
# The figures come after the fit, if there is one, and hold for it.
FIT_CHECKS: tuple[Check[Subject], ...] = (
    Check("data.fit", check_fit, ("data.files", "data.faces", "words.classes")),
)
ACCURACY_CHECKS: tuple[Check[Subject], ...] = (
    Check("data.accuracy", check_accuracy, ("data.faces",)),
)

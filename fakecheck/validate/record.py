"""A Validation as JSON (`fakecheck.validation/1`) and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from fakecheck import __version__
from fakecheck.card import DetectorCard
from fakecheck.markdown import code, plain
from fakecheck.validate.data import Accuracy
from fakecheck.validate.examine import BundleReport, Validation
from fakecheck.validate.findings import Finding, apart

SCHEMA = "fakecheck.validation/1"
MARKS = {"ok": "✓", "failed": "✗", "skipped": "–"}


def validation_record(validation: Validation) -> dict[str, Any]:
    """Plain values for JSON: all findings, each card's summary and what was measured."""
    return {
        "schema": SCHEMA,
        "fakecheck": __version__,
        "target": validation.target,
        "passed": validation.passed,
        "package": [asdict(one) for one in validation.package],
        "detectors": [_bundle_record(one) for one in validation.bundles],
    }


def _bundle_record(bundle: BundleReport) -> dict[str, Any]:
    accuracy = bundle.accuracy
    return {
        "id": bundle.name,
        "folder": str(bundle.folder),
        "card": dict(card_facts(bundle.card)) if bundle.card else None,
        "checks": [asdict(one) for one in bundle.findings],
        "speed": asdict(bundle.alone) if bundle.alone else None,
        "agreement": asdict(bundle.agreement) if bundle.agreement else None,
        "accuracy": asdict(accuracy) if accuracy else None,
    }


def card_facts(card: DetectorCard) -> Iterable[tuple[str, str]]:
    """What a reviewer wants to know first, as field and value."""
    size = f"{card.input.width} x {card.input.height} {card.input.color}"
    yield "version", card.version
    yield "family", f"{card.family} ({card.kind.replace('_', ' ')})"
    yield "finds", ", ".join(spec.name for spec in card.classes)
    yield "looks at", f"{', '.join(card.crop.regions)} in {size}, faces from {card.min_face:g} px"
    yield "architecture", card.architecture
    yield "trained on", ", ".join(dict.fromkeys(data.set for data in card.training.data))
    yield "licence", f"{card.licence.graph}; data: {card.licence.data}"
    yield "misses", " ".join(card.limits)


def verdict_line(validation: Validation) -> str:
    """How many checks passed, failed and were skipped."""
    failed, passed = validation.count("failed"), validation.count("ok")
    skipped = validation.count("skipped")
    left_out = f", {skipped} skipped" if skipped else ""
    return f"{passed} passed, {failed} failed{left_out}"


def measured_rows(bundle: BundleReport) -> Iterable[tuple[str, str]]:
    """What was measured of one bundle, as name and value."""
    accuracy, alone, agreement = bundle.accuracy, bundle.alone, bundle.agreement
    if accuracy is not None:
        yield "test set", _test_set(accuracy)
        yield "ROC AUC", f"{accuracy.auc:.3f}"
        if accuracy.recall is not None:
            yield "recall at 1 % FPR", f"{accuracy.recall:.3f}"
    if agreement is not None:
        yield "TensorFlow against ONNX, scores", apart(agreement.score)
        yield "TensorFlow against ONNX, coordinates in 0..1", apart(agreement.coordinate)
    if alone is not None and alone.milliseconds is not None:
        yield f"time of one core a face ({alone.engine})", f"{alone.milliseconds:.1f} ms"
        if alone.memory is not None:
            yield "peak memory above the engine's own", f"{alone.memory:.0f} MiB"


def _test_set(accuracy: Accuracy) -> str:
    fitted = ", which the calibration was fitted to" if accuracy.split == "calib" else ""
    return f"{accuracy.set}: {accuracy.fakes} fakes, {accuracy.reals} reals{fitted}"


def markdown(validation: Validation) -> str:
    """The page that a contributor pastes into a pull request."""
    state = "passes" if validation.passed else "does not pass"
    parts = [
        f"## {code(validation.target)} {state} validation",
        f"{verdict_line(validation)}, by `fakecheck detectors validate` {__version__}.",
    ]
    if validation.package:
        parts += ["### Package", _checks(validation.package)]
    for bundle in validation.bundles:
        parts.append(f"### Detector {code(bundle.name)}")
        if bundle.card is not None:
            # Behind a word: at the start of a line a text could be a heading or a list.
            parts.append(f"Summary: {plain(bundle.card.summary)}")
            parts.append(_table(("card", ""), _plain_rows(card_facts(bundle.card))))
        parts.append(_checks(bundle.findings))
        measured = list(measured_rows(bundle))
        if measured:
            parts.append(_table(("measured", ""), _plain_rows(measured)))
    return "\n\n".join(parts) + "\n"


def _checks(findings: Sequence[Finding]) -> str:
    return _table(
        ("", "check", "what was seen"),
        [
            (
                MARKS[one.status],
                f"`{one.check}`",
                plain(one.message) + (f" – *{plain(one.advice)}*" if one.advice else ""),
            )
            for one in findings
        ],
    )


def _plain_rows(rows: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return ((name, plain(value)) for name, value in rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

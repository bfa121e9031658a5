"""CARD.md of the temporal model: what its sequence.yaml says, to read."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("onnx", reason="onnx, which draws the test models, is not installed")

import sequence_corpora  # puts the helpers of the other tests on the path
from sequence_samples import write_model

from fakecheck.calibration import SILENT
from fakecheck.temporal import CARD, load_sequence_card
from fakecheck_training.sequence.card import (
    MODELS,
    PAGE,
    card_page,
    main,
    read_sequence_card,
    write_sequence_card,
)

assert sequence_corpora


def test_the_page_of_the_shipped_model_is_up_to_date() -> None:
    card = load_sequence_card(MODELS)
    text = (MODELS / PAGE).read_text(encoding="utf-8")
    assert text == card_page(card), "run python -m fakecheck_training.sequence.card"
    for limit in card.limits:
        assert f"- {limit}\n" in text
    for metric in card.metrics:
        assert f"| {metric.name} | {metric.set} | {metric.value:.4f} |" in text
    for row in card.training.data:
        assert f"| {row.set} | {row.use} | {row.pictures} |" in text
    for name, version in card.detectors.items():
        assert f"{name} {version}" in text


def test_whatever_writes_the_card_writes_its_page(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    card = read_sequence_card(folder)
    write_sequence_card(folder, {**card, "limits": ["Sees nothing at night."]})
    assert "- Sees nothing at night.\n" in (folder / PAGE).read_text(encoding="utf-8")
    silent = {"calibration": dict(SILENT), "sample_calibration": dict(SILENT)}
    write_sequence_card(folder, {**card, **silent})
    text = (folder / PAGE).read_text(encoding="utf-8")
    assert "silent until" in text
    assert "Not measured yet" in text


def test_a_card_that_was_edited_gets_its_page_by_a_command(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    path = folder / CARD
    path.write_text(path.read_text().replace("For tests.", "Edited."), encoding="utf-8")
    result = CliRunner().invoke(main, ["--out", str(folder)])
    assert result.exit_code == 0, result.output
    assert "Edited." in (folder / PAGE).read_text(encoding="utf-8")
    path.write_text("schema: other")
    assert CliRunner().invoke(main, ["--out", str(folder)]).exit_code != 0

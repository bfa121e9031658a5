"""Exporting: a bundle is there whole, or as it was before; what is missing is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from drawn import drawn_recipe
from toy_detector import DATA

from fakecheck.engines.convert import Agreement
from fakecheck.errors import InputError, PluginError
from fakecheck_training import export
from fakecheck_training.backbone import last_row

RECIPE = drawn_recipe("toygan", "toygan", 96, 4, 4)


def _refused(card: object) -> tuple[bytes, Agreement]:
    raise PluginError("the graphs find different boxes")


def test_a_refused_export_leaves_the_bundle_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "load_model", lambda *a, **k: ())
    monkeypatch.setattr(export, "freeze", lambda *a, **k: b"new graph")
    monkeypatch.setattr(export, "make_onnx", lambda card: (b"onnx", Agreement(1, 0.0, 0.0)))
    folder, _ = export.export_detector(RECIPE, tmp_path, tmp_path / "out", DATA, [])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert before["frozen_inference_graph.pb"] == b"new graph"
    assert before["model.onnx"] == b"onnx"

    monkeypatch.setattr(export, "freeze", lambda *a, **k: b"worse graph")
    monkeypatch.setattr(export, "make_onnx", _refused)
    with pytest.raises(PluginError, match="different boxes"):
        export.export_detector(RECIPE, tmp_path, tmp_path / "out", DATA, [])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["toygan"]


def test_a_run_that_is_not_done_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not done.*train toygan first"):
        export.stages(RECIPE, tmp_path)
    with pytest.raises(InputError, match=r"log.csv does not exist.*backbone stills first"):
        last_row(tmp_path, "stills")

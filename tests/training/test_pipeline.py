"""pipeline.config: templates of both networks, overridden by the recipe."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from fakecheck.errors import UsageError
from fakecheck_training.cards import architecture
from fakecheck_training.networks import faster_rcnn, ssd
from fakecheck_training.pipeline import (
    SUMMARY,
    check_drawn,
    input_size,
    is_trained,
    network,
    read_pipeline,
    write_drawn,
    write_pipeline,
)
from fakecheck_training.recipe import RECIPES, DetectorRecipe, Run, load_detector_recipe

TEMPLATES = {
    "ssd_lite0_fpn.config": ("ssd", ssd.TYPE),
    "faster_rcnn_lite0.config": ("faster_rcnn", faster_rcnn.TYPE),
}


def _recipe(template: str, side: int = 192) -> DetectorRecipe:
    recipe = load_detector_recipe(Path("partswap"))
    return replace(recipe, pipeline=template, crop=replace(recipe.crop, side=side))


def _written(template: str, folder: Path, backbone: Path | None = None) -> dict[str, Any]:
    return read_pipeline(write_pipeline(_recipe(template), folder, backbone))


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_recipe_overrides_its_template(template: str, tmp_path: Path) -> None:
    configs = _written(template, tmp_path, Path("some/backbone"))
    name, content = network(configs["model"])
    assert (name, content.feature_extractor.type) == TEMPLATES[template]
    assert content.num_classes == 3
    assert input_size(configs["model"]) == (192, 192)
    train = configs["train_config"]
    assert (train.batch_size, train.num_steps) == (16, 1600)
    assert train.fine_tune_checkpoint == "some/backbone"
    rate = train.optimizer.adam_optimizer.learning_rate.cosine_decay_learning_rate
    assert rate.total_steps == 1600
    assert rate.warmup_steps == 80
    paths = configs["train_input_config"].tf_record_input_reader.input_path
    assert list(paths) == [str(tmp_path / "train-*.tfrecord")]


@pytest.mark.parametrize("template", TEMPLATES)
def test_without_a_backbone_nothing_is_restored(template: str, tmp_path: Path) -> None:
    assert not _written(template, tmp_path)["train_config"].fine_tune_checkpoint


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_card_names_the_template_s_network(template: str) -> None:
    assert architecture(_recipe(template)) == TEMPLATES[template][1]


def test_anchors_of_faster_rcnn_grow_with_the_crop(tmp_path: Path) -> None:
    def anchor(folder: Path) -> int:
        model = read_pipeline(folder / "pipeline.config")["model"].faster_rcnn
        return int(model.first_stage_anchor_generator.grid_anchor_generator.height)

    for side, expected in ((112, 22), (160, 32), (192, 38)):
        write_pipeline(_recipe("faster_rcnn_lite0.config", side), tmp_path, None)
        assert anchor(tmp_path) == expected


def test_another_network_is_refused_by_name(tmp_path: Path, monkeypatch: Any) -> None:
    text = (RECIPES / "faster_rcnn_lite0.config").read_text()
    (tmp_path / "other.config").write_text(text.replace(faster_rcnn.TYPE, "faster_rcnn_resnet50"))
    monkeypatch.setattr("fakecheck_training.pipeline.RECIPES", tmp_path)
    with pytest.raises(UsageError, match=faster_rcnn.TYPE):
        write_pipeline(_recipe("other.config"), tmp_path, None)


@pytest.mark.parametrize("wanted", [{"mirrored": True}, {"min_level": 4}])
def test_mirror_images_and_levels_are_an_ssd_s(wanted: dict[str, Any], tmp_path: Path) -> None:
    recipe = replace(_recipe("faster_rcnn_lite0.config"), **wanted)
    with pytest.raises(UsageError, match="mirrored and min_level are for an ssd"):
        write_pipeline(recipe, tmp_path, None)


def test_records_of_another_recipe_are_named(tmp_path: Path) -> None:
    recipe = _recipe("ssd_lite0_fpn.config")
    run = recipe.runs[0]
    check_drawn(recipe, run, tmp_path)  # nothing is known of older ones
    write_drawn(recipe, run, tmp_path)
    check_drawn(recipe, run, tmp_path)
    check_drawn(replace(recipe, steps=7, version="2.0.0", limits=["other"]), run, tmp_path)
    other = replace(recipe, classes=recipe.classes[::-1])
    with pytest.raises(UsageError, match=r"another classes.*prepare partswap again"):
        check_drawn(other, run, tmp_path)
    with pytest.raises(UsageError, match="another run"):
        check_drawn(recipe, Run(seed=9), tmp_path)


def test_a_run_is_done_with_its_own_number_of_steps(tmp_path: Path) -> None:
    assert not is_trained(tmp_path, 40)
    (tmp_path / SUMMARY).write_text('{"steps": 40}')
    assert is_trained(tmp_path, 40)
    assert not is_trained(tmp_path, 80)
    with pytest.raises(UsageError, match="has 40 steps, more than the 20 of the recipe"):
        is_trained(tmp_path, 20)
    records = tmp_path / "train-00-of-01.tfrecord"
    records.touch()
    os.utime(tmp_path / SUMMARY, (1, 1))
    assert not is_trained(tmp_path, 40)

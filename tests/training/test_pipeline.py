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
from fakecheck_training.kept import keep_backbone
from fakecheck_training.networks import faster_rcnn, ssd
from fakecheck_training.pipeline import (
    SUMMARY,
    check_drawn,
    check_network,
    input_size,
    is_trained,
    network,
    read_pipeline,
    write_drawn,
    write_pipeline,
)
from fakecheck_training.recipe import (
    RECIPES,
    DetectorRecipe,
    Run,
    is_detector_recipe,
    load_backbone_recipe,
    load_detector_recipe,
)

MOBILENET = "ssd_mobilenet_v2_fpn.config"
TEMPLATES = {
    "ssd_lite0_fpn.config": ("ssd", ssd.TYPES["lite0"]),
    "faster_rcnn_lite0.config": ("faster_rcnn", faster_rcnn.TYPE),
    MOBILENET: ("ssd", "ssd_mobilenet_v2_fpn_keras"),
}


def _recipe(template: str, side: int = 192) -> DetectorRecipe:
    recipe = load_detector_recipe(Path("partswap"))
    crop, backbone = replace(recipe.crop, side=side), "" if template == MOBILENET else "parts"
    return replace(recipe, pipeline=template, crop=crop, backbone=backbone)


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


def _template(folder: Path, bundled: str, old: str, new: str) -> str:
    """A template of one's own: the bundled one, with `new` instead of `old`."""
    text = (RECIPES / bundled).read_text()
    assert old in text
    (folder / "own.config").write_text(text.replace(old, new))
    return str(folder / "own.config")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (faster_rcnn.TYPE, "faster_rcnn_resnet50", f"faster_rcnn with {faster_rcnn.TYPE}$"),
        ("num_classes", "num_clases", r"own\.config: not a part of .* no field named .num_clases"),
        ("fixed_shape_resizer", "pad_to_multiple_resizer", "own.config: not a part of"),
        ("fixed_shape_resizer { height: 160 width: 160 }", "identity_resizer {}", "must have a fi"),
    ],
)
def test_a_template_that_cannot_be_trained_is_told(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    own = _template(tmp_path, "faster_rcnn_lite0.config", old, new)
    with pytest.raises(UsageError, match=message):
        write_pipeline(_recipe(own), tmp_path, None)


def test_the_api_s_own_networks_have_no_backbone_of_ours(tmp_path: Path) -> None:
    own = _template(tmp_path, MOBILENET, "_v2_fpn_keras", "_v1_fpn_keras")
    recipe = replace(_recipe(own), backbone="")
    model = read_pipeline(write_pipeline(recipe, tmp_path, None))["model"]
    assert architecture(recipe) == network(model)[1].feature_extractor.type
    with pytest.raises(UsageError, match=r"no backbone for ssd_mobilenet_v1_fpn.*leave backbone"):
        write_pipeline(replace(recipe, backbone="parts"), tmp_path, None)


def test_a_detector_is_of_its_backbone_s_network(tmp_path: Path) -> None:
    large = load_backbone_recipe(Path("swaps"))
    keep_backbone(replace(large, name="parts", network="lite2"), tmp_path)
    recipe = _recipe("ssd_lite0_fpn.config")
    with pytest.raises(UsageError, match=r"lite0_cut16_fpn does not stand on a lite2, what"):
        check_network(recipe, tmp_path)
    kind = f'feature_extractor {{ type: "{ssd.TYPES["lite2"]}" }}'
    check_network(replace(recipe, overrides=f"model {{ ssd {{ {kind} }} }}"), tmp_path)
    with pytest.raises(UsageError, match="faster_rcnn_efficientnet_lite0") as caught:
        check_network(_recipe("faster_rcnn_lite0.config"), tmp_path)
    assert caught.value.advice == "a faster_rcnn stands on no lite2 yet"


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in RECIPES.glob("*.yaml") if is_detector_recipe(path))
)
def test_every_bundled_detector_is_of_its_backbone_s_network(name: str, tmp_path: Path) -> None:
    check_network(load_detector_recipe(Path(name)), tmp_path)


def test_a_level_to_begin_with_needs_a_pyramid_from_level_3(tmp_path: Path) -> None:
    own = _template(tmp_path, MOBILENET, "fpn { min_level: 3", "fpn { min_level: 4")
    recipe = replace(_recipe(own), backbone="")
    write_pipeline(recipe, tmp_path, None)
    with pytest.raises(UsageError, match=r"begins at level 3, that of .* begins at 4"):
        write_pipeline(replace(recipe, min_level=4), tmp_path, None)


def test_a_padded_picture_cannot_be_mirrored(tmp_path: Path) -> None:
    write_pipeline(replace(_recipe(MOBILENET, 160), mirrored=True), tmp_path, None)
    with pytest.raises(UsageError, match=r"mirrored needs a side that 32 divides.* got 112"):
        write_pipeline(replace(_recipe(MOBILENET, 112), mirrored=True), tmp_path, None)


def test_a_template_keeps_its_optimizer(tmp_path: Path) -> None:
    own = _template(tmp_path, MOBILENET, "adam_optimizer", "momentum_optimizer")
    recipe = replace(_recipe(own), backbone="")
    train = read_pipeline(write_pipeline(recipe, tmp_path, None))["train_config"]
    rate = train.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate
    assert rate.learning_rate_base == pytest.approx(recipe.rate)


def test_overrides_come_last(tmp_path: Path) -> None:
    overrides = """
    model { ssd {
      feature_extractor { type: 'ssd_mobilenet_v1_fpn_keras' depth_multiplier: 0.5 }
      anchor_generator { multiscale_anchor_generator { aspect_ratios: 2.0 } }
    } }
    train_config {
      fine_tune_checkpoint: "zoo/ckpt-0"
      fine_tune_checkpoint_type: "detection"
      optimizer { momentum_optimizer { learning_rate { constant_learning_rate {} } } }
    }
    """
    recipe = replace(_recipe(MOBILENET), overrides=overrides)
    configs = read_pipeline(write_pipeline(recipe, tmp_path, None))
    model, train = configs["model"].ssd, configs["train_config"]
    assert model.num_classes == 3
    assert model.feature_extractor.depth_multiplier == 0.5
    assert model.feature_extractor.type == architecture(recipe) == "ssd_mobilenet_v1_fpn_keras"
    ratios = model.anchor_generator.multiscale_anchor_generator.aspect_ratios
    assert list(ratios) == pytest.approx([1.0, 0.75, 1.33, 2.0])  # lists grow
    assert train.fine_tune_checkpoint == "zoo/ckpt-0"
    assert train.optimizer.WhichOneof("optimizer") == "momentum_optimizer"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("model { sd {} }", "partswap: overrides: not a part of a pipeline.config, .* named .sd"),
        ("model { ssd {", "partswap: overrides: not a part of"),
        ("train_config { batch_size: 3 }", "overrides set batch_size to 3, .* recipe sets to 16"),
        ("model { ssd { num_classes: 9 } }", "set num_classes to 9"),
        ("train_input_reader { label_map_path: 'x' }", "set label_map_path to x"),
        ("train_config { fine_tune_checkpoint: 'x' }", "set fine_tune_checkpoint to"),
        ("model { faster_rcnn { num_classes: 3 } }", "must describe an ssd with"),
    ],
)
def test_overrides_that_cannot_be_are_told(tmp_path: Path, overrides: str, message: str) -> None:
    recipe = replace(_recipe("ssd_lite0_fpn.config"), overrides=overrides)
    with pytest.raises(UsageError, match=message):
        write_pipeline(recipe, tmp_path, Path("some/backbone"))


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

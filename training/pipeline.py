"""Recipe + template → the pipeline.config that the Object Detection API trains and exports by."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fakecheck.card import LABEL_MAP_FILE
from fakecheck.errors import UsageError
from fakecheck.files import atomic_path
from fakecheck_training.kept import backbone_recipe
from fakecheck_training.networks import faster_rcnn, ssd  # registers the feature extractors
from fakecheck_training.recipe import RECIPES, DetectorRecipe, Run
from fakecheck_training.records import record_paths

from google.protobuf import text_format  # isort: skip
from object_detection.protos import pipeline_pb2  # isort: skip  (after the mends of compat)
from object_detection.utils import config_util  # isort: skip

WARMUP_SHARE = 0.05
# What `train` writes beside the checkpoints when a run is done.
SUMMARY = "training.json"
# What `prepare` writes beside the records: what of the recipe they depend on.
DRAWN = "drawn.json"
PICTURES = "pictures"
DRAWN_KEYS = ("crop", "classes", "fake_sets", "records", "degrade", "simulate", "inputs")
# Feature extractors that stand on the backbones that this package trains → the backbone's network.
NETWORK_OF = {kind: name for name, kind in ssd.TYPES.items()}
NETWORK_OF[faster_rcnn.TYPE] = faster_rcnn.NETWORK
# What a pipeline.config may describe → the feature extractors that it may name, ours first.
TYPES = {
    "ssd": (*ssd.TYPES.values(), "ssd_mobilenet_v2_fpn_keras", "ssd_mobilenet_v1_fpn_keras"),
    "faster_rcnn": (faster_rcnn.TYPE,),
}


def detector_folder(work: Path, name: str, run: int = 1) -> Path:
    """Where records, pipeline.config and checkpoints of a detector's run lie."""
    folder = work / "detectors" / name
    return folder if run == 1 else folder / f"run_{run}"


def run_folders(work: Path, recipe: DetectorRecipe) -> list[Path]:
    """The folder of every run of the recipe, in order."""
    return [detector_folder(work, recipe.name, run + 1) for run in range(len(recipe.runs))]


def newer_than_records(folder: Path, name: str) -> bool:
    """Whether the file `name` is in `folder`, and no older than the records there."""
    path = folder / name
    records = (part.stat().st_mtime for part in folder.glob("train-*.tfrecord"))
    return path.exists() and path.stat().st_mtime >= max(records, default=0)


def write_drawn(recipe: DetectorRecipe, run: Run, folder: Path, pictures: str = "") -> None:
    """Notes in `folder` what the records there were drawn by, and a digest of the `pictures`."""
    content = _drawn_by(recipe, run) | {PICTURES: pictures}
    with atomic_path(folder / DRAWN) as path:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")


def is_drawn(recipe: DetectorRecipe, run: Run, folder: Path, pictures: str) -> bool:
    """Whether all records are in `folder`, drawn by this recipe from these `pictures`."""
    wanted = [*record_paths(folder), folder / LABEL_MAP_FILE]
    # A drawing that was stopped between two files leaves records newer than the note.
    if not all(path.exists() for path in wanted) or not newer_than_records(folder, DRAWN):
        return False
    then = json.loads((folder / DRAWN).read_text(encoding="utf-8"))
    return bool(then == _drawn_by(recipe, run) | {PICTURES: pictures})


def check_drawn(recipe: DetectorRecipe, run: Run, folder: Path) -> None:
    """Raises UsageError where the recipe has changed since the records in `folder` were drawn."""
    if not (folder / DRAWN).exists():  # drawn by an older version, which took no note
        return
    then, now = json.loads((folder / DRAWN).read_text()), _drawn_by(recipe, run)
    changed = [key for key, value in now.items() if then.get(key) != value]
    if changed:
        raise UsageError(
            f"{recipe.name}: the records in {folder} were drawn when the recipe had another "
            f"{changed[0]}",
            advice=f"run python -m fakecheck_training.prepare {recipe.name} again",
        )


def _drawn_by(recipe: DetectorRecipe, run: Run) -> dict[str, Any]:
    content = asdict(recipe)
    drawn = {key: content[key] for key in DRAWN_KEYS} | {"run": asdict(run)}
    found: dict[str, Any] = json.loads(json.dumps(drawn))  # tuples as lists
    return found


def is_trained(folder: Path, steps: int) -> bool:
    """Whether the run in `folder` has done so many steps on the records that are there now.

    Raises UsageError where it has done more.
    """
    if not newer_than_records(folder, SUMMARY):
        return False
    done = json.loads((folder / SUMMARY).read_text())["steps"]
    if done > steps:
        raise UsageError(
            f"the run in {folder} has {done} steps, more than the {steps} of the recipe",
            advice=f"delete {folder / 'checkpoints'} and {folder / SUMMARY} to train anew",
        )
    return bool(done == steps)


def write_pipeline(recipe: DetectorRecipe, folder: Path, backbone: Path | None) -> Path:
    """Writes FOLDER/pipeline.config, its path; `backbone` is the checkpoint to start from."""
    config_util.save_pipeline_config(make_pipeline(recipe, folder, backbone), str(folder))
    return folder / "pipeline.config"


def make_pipeline(recipe: DetectorRecipe, folder: Path, backbone: Path | None) -> Any:
    """The message that `write_pipeline` writes.

    Raises UsageError where the recipe's template or overrides cannot be read or trained.
    """
    proto = pipeline_pb2.TrainEvalPipelineConfig()
    _merge((RECIPES / recipe.pipeline).read_text(encoding="utf-8"), proto, recipe.pipeline)
    _override_model(proto.model, recipe)
    _override_training(proto.train_config, recipe, backbone)
    reader = proto.train_input_reader
    reader.label_map_path = str(folder / "label_map.pbtxt")
    reader.tf_record_input_reader.input_path[:] = [str(folder / "train-*.tfrecord")]
    if recipe.overrides:
        ours = _of_recipe(proto, recipe)
        _merge(recipe.overrides, proto, f"{recipe.name}: overrides")
        for key, value in _of_recipe(proto, recipe).items():
            if value != ours[key]:
                raise UsageError(
                    f"{recipe.name}: overrides set {key} to {value}, which the rest of the recipe "
                    f"sets to {ours[key]}"
                )
    return proto


def check_network(recipe: DetectorRecipe, work: Path) -> None:
    """Raises UsageError where recipe and backbone are not of one network."""
    if not recipe.backbone:
        return
    has = backbone_recipe(work, recipe.backbone).network
    model = make_pipeline(recipe, detector_folder(work, recipe.name), None).model
    kind = network(model)[1].feature_extractor.type
    if NETWORK_OF.get(kind) != has:
        name = model.WhichOneof("model")
        fits = " or ".join(own for own in TYPES[name] if NETWORK_OF.get(own) == has)
        raise UsageError(
            f"{recipe.name}: {kind} does not stand on a {has}, what the backbone {recipe.backbone} "
            "is",
            advice=f"overrides may name {fits}" if fits else f"a {name} stands on no {has} yet",
        )


def _merge(text: str, proto: Any, where: str) -> None:
    try:
        text_format.Merge(text, proto)
    except text_format.ParseError as error:
        raise UsageError(f"{where}: not a part of a pipeline.config, {error}") from error


def _of_recipe(proto: Any, recipe: DetectorRecipe) -> dict[str, Any]:
    """What overrides must leave as it is: other keys of the recipe say the same."""
    train, reader = proto.train_config, proto.train_input_reader
    found = {
        "num_classes": network(proto.model)[1].num_classes,
        "height and width": input_size(proto.model),
        "batch_size": train.batch_size,
        "num_steps": train.num_steps,
        "label_map_path": reader.label_map_path,
        "input_path": list(reader.tf_record_input_reader.input_path),
    }
    if recipe.backbone:
        start = train.fine_tune_checkpoint, train.fine_tune_checkpoint_type
        found["fine_tune_checkpoint"] = start
    return found


def read_pipeline(path: Path) -> dict[str, Any]:
    """The parts of a pipeline.config, as the API's tools hand them around."""
    return config_util.get_configs_from_pipeline_file(str(path))


def network(model: Any) -> tuple[str, Any]:
    """Name (ssd, faster_rcnn) and message of what a `model` of a pipeline.config describes.

    Raises UsageError for one that this package cannot train.
    """
    name = model.WhichOneof("model")
    content = getattr(model, name) if name in TYPES else None
    if content is None or content.feature_extractor.type not in TYPES[name]:
        known = "; or a ".join(f"{kind} with {' or '.join(TYPES[kind])}" for kind in TYPES)
        raise UsageError(f"the pipeline.config must describe an {known}")
    return name, content


def input_size(model: Any) -> tuple[int, int]:
    """Height and width in pixels to which the model resizes its pictures.

    Raises UsageError where it has no fixed ones.
    """
    resizer = network(model)[1].image_resizer
    if not resizer.HasField("fixed_shape_resizer"):
        raise UsageError("the pipeline.config must have a fixed_shape_resizer")
    resizer = resizer.fixed_shape_resizer
    return resizer.height, resizer.width


def _override_model(model: Any, recipe: DetectorRecipe) -> None:
    name, content = network(model)
    kind = content.feature_extractor.type
    if recipe.backbone and kind not in NETWORK_OF:
        raise UsageError(
            f"{recipe.name}: there is no backbone for {kind}, which {recipe.pipeline} names",
            advice="leave backbone out; overrides may name a fine_tune_checkpoint",
        )
    if name != "ssd" and (recipe.mirrored or recipe.min_level != ssd.MIN_LEVEL):
        raise UsageError(
            f"{recipe.name}: mirrored and min_level are for an ssd, {recipe.pipeline} is a {name}"
        )
    finest = content.feature_extractor.fpn.min_level if name == "ssd" else ssd.MIN_LEVEL
    if finest != ssd.MIN_LEVEL and recipe.min_level != ssd.MIN_LEVEL:
        raise UsageError(
            f"{recipe.name}: min_level needs a pyramid that begins at level {ssd.MIN_LEVEL}, "
            f"that of {recipe.pipeline} begins at {finest}"
        )
    pad = content.feature_extractor.pad_to_multiple
    if recipe.mirrored and recipe.crop.side % pad:
        raise UsageError(
            f"{recipe.name}: mirrored needs a side that {pad} divides, since {recipe.pipeline} "
            f"pads pictures on one side up to it, got {recipe.crop.side}"
        )
    content.num_classes = len(recipe.classes)
    height, _ = input_size(model)
    resizer = content.image_resizer.fixed_shape_resizer
    if name == "faster_rcnn":
        # An SSD's anchors are multiples of the stride; these shall fit the parts of a face in any
        # crop as they do in the template's.
        anchors = content.first_stage_anchor_generator.grid_anchor_generator
        growth = recipe.crop.side / height
        anchors.height = round(anchors.height * growth)
        anchors.width = round(anchors.width * growth)
    resizer.height = resizer.width = recipe.crop.side


def _override_training(train: Any, recipe: DetectorRecipe, backbone: Path | None) -> None:
    train.batch_size, train.num_steps = recipe.batch, recipe.steps
    kind = train.optimizer.WhichOneof("optimizer") or "adam_optimizer"
    rate = getattr(train.optimizer, kind).learning_rate.cosine_decay_learning_rate
    rate.learning_rate_base, rate.total_steps = recipe.rate, recipe.steps
    rate.warmup_learning_rate = recipe.rate / 10
    rate.warmup_steps = max(1, round(recipe.steps * WARMUP_SHARE))
    if backbone is not None:
        train.fine_tune_checkpoint = str(backbone)
    else:
        train.ClearField("fine_tune_checkpoint")

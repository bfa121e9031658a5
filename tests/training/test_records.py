"""Records and pipeline configs are what the Object Detection API's own tools read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from drawn import ToySource

from fakecheck.labelmap import parse_label_map
from fakecheck_training.compat import tf
from fakecheck_training.pipeline import read_pipeline, write_pipeline
from fakecheck_training.recipe import load_detector_recipe
from fakecheck_training.records import label_map_text, make_draws, write_records

from object_detection.data_decoders import tf_example_decoder  # isort: skip
from object_detection.utils import label_map_util  # isort: skip

CLASSES = ["face_synthesis"]


def test_draws_come_back_from_the_api_s_decoder(tmp_path: Path) -> None:
    draws = list(make_draws(ToySource(64), 6, 6, seed=1))
    assert sum(draw.fake for draw in draws) == 6
    assert write_records(draws, tmp_path, CLASSES) == (12, 6)
    decoder = tf_example_decoder.TfExampleDecoder()
    files = sorted(str(path) for path in tmp_path.glob("train-*.tfrecord"))
    decoded = [decoder.decode(raw) for raw in tf.data.TFRecordDataset(files)]
    assert len(decoded) == 12
    boxed = [item for item in decoded if len(item["groundtruth_boxes"])]
    assert len(boxed) == 6
    wanted = sorted(tuple((draw.xyxy[0] / 64).round(4)) for draw in draws if draw.fake)
    found = sorted(
        tuple(item["groundtruth_boxes"].numpy()[0][[1, 0, 3, 2]].round(4)) for item in boxed
    )
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    image = decoded[0]["image"].numpy()
    # Lossless, and RGB where OpenCV has BGR.
    assert any(np.array_equal(image, draw.image[..., ::-1]) for draw in draws)


def test_the_same_draws_are_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    write_records(make_draws(ToySource(64), 6, 6, seed=1), tmp_path, CLASSES)
    files = sorted(str(path) for path in tmp_path.glob("train-*.tfrecord"))
    for raw in tf.data.TFRecordDataset(files):
        content = raw.numpy()
        # Of a map, serialization leaves the order open, and each process finds one of its own.
        keys = sorted(tf.train.Example.FromString(content).features.feature)
        places = [content.index(key.encode()) for key in keys]
        assert places == sorted(places)


def test_label_map_is_read_by_the_api_and_the_runtime(tmp_path: Path) -> None:
    names = ["eyes_partswap", "nose_partswap"]
    path = tmp_path / "label_map.pbtxt"
    path.write_text(label_map_text(names))
    assert label_map_util.get_label_map_dict(str(path)) == {names[0]: 1, names[1]: 2}
    assert parse_label_map(path.read_text()) == {1: names[0], 2: names[1]}


@pytest.mark.parametrize("name", ["stargan", "deepfakes", "partswap"])
def test_a_recipe_s_numbers_arrive_in_its_pipeline_config(tmp_path: Path, name: str) -> None:
    recipe = load_detector_recipe(Path(name))
    configs = read_pipeline(write_pipeline(recipe, tmp_path, tmp_path / "ckpt-1"))
    model, train = configs["model"].ssd, configs["train_config"]
    assert model.num_classes == len(recipe.classes)
    assert model.image_resizer.fixed_shape_resizer.width == recipe.crop.side
    assert (train.batch_size, train.num_steps) == (recipe.batch, recipe.steps)
    assert train.fine_tune_checkpoint == str(tmp_path / "ckpt-1")
    assert train.fine_tune_checkpoint_type == "classification"
    rate = train.optimizer.adam_optimizer.learning_rate.cosine_decay_learning_rate
    assert rate.total_steps == recipe.steps

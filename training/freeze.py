"""Checkpoint → frozen graph with the classic ends of the Object Detection API.

`image_tensor` (n, h, w, 3) uint8 RGB → `detection_boxes` (n, k, 4) ymin xmin ymax xmax in 0..1,
`detection_scores` (n, k), `detection_classes` (n, k) counting from 1, `num_detections` (n,).
The API's exporter fixes the batch to one picture; this graph takes any number.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck_training import pipeline
from fakecheck_training.compat import keras, tf
from fakecheck_training.networks.levels import drop_finest
from fakecheck_training.networks.mirror import (
    mean_of_views,
    mirrored_anchors,
    with_mirror_images,
)

from object_detection.builders import model_builder  # isort: skip  (after the mends of compat)
from tensorflow.python.framework.convert_to_constants import (  # isort: skip
    convert_variables_to_constants_v2,
)

INPUT = "image_tensor"
OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")


class Inference(tf.Module):  # type: ignore[name-defined,misc]
    """A detection model as one function from uint8 pictures to the four tensors."""

    def __init__(self, model: Any, height: int, width: int, mirrored: bool) -> None:
        super().__init__()
        self._model = model
        self._size = (height, width)
        self._mirrored = mirrored_anchors(model.anchors.get().numpy()) if mirrored else None

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name=INPUT)])
    def detect(self, pictures: Any) -> tuple[Any, ...]:
        """The four tensors of OUTPUTS, in their order, for a batch of pictures of any one size."""
        shapes = self._shapes(pictures)
        if self._mirrored is None:
            predictions = self._predict(pictures)
        else:
            predictions = mean_of_views(self._predict(with_mirror_images(pictures)), self._mirrored)
        found = self._model.postprocess(predictions, shapes)
        return (
            found["detection_boxes"],
            found["detection_scores"],
            found["detection_classes"] + 1,
            found["num_detections"],
        )

    def _predict(self, pictures: Any) -> dict[str, Any]:
        # Not the model's own preprocess: that resizes picture by picture in a loop.
        resized = tf.image.resize(tf.cast(pictures, tf.float32), self._size)
        resized = tf.ensure_shape(resized, [None, *self._size, 3])
        inputs = self._model.feature_extractor.preprocess(resized)
        predictions: dict[str, Any] = self._model.predict(inputs, self._shapes(pictures))
        return predictions

    def _shapes(self, pictures: Any) -> Any:
        return tf.tile(tf.constant([[*self._size, 3]]), [tf.shape(pictures)[0], 1])


def load_model(config: Path, runs: Sequence[Path], skip: int = 0) -> tuple[Any, int, int]:
    """The trained model and the height and width of its input, in pixels.

    Its weights are the mean of those that every run, a folder of checkpoints, ended with. `skip` is
    the number of an SSD's finest levels to go without.
    """
    keras.backend.set_learning_phase(False)
    model_config = pipeline.read_pipeline(config)["model"]
    model = model_builder.build(model_config, is_training=False)
    shape = pipeline.input_size(model_config)
    _run(model, shape)  # variables exist only once the model has run
    weights = [_weights(model, checkpoints) for checkpoints in runs]
    for variable, *values in zip(model.variables, *weights, strict=True):
        # In double precision, so that a single run's weights stay what they are.
        variable.assign(np.mean(values, axis=0, dtype=np.float64).astype(values[0].dtype))
    if skip:
        drop_finest(model, skip)
        _run(model, shape)  # its anchors are those of its latest run
    return model, *shape


def _run(model: Any, shape: tuple[int, int]) -> None:
    true_shapes = tf.constant([[*shape, 3]])
    model.postprocess(model.predict(tf.zeros((1, *shape, 3)), true_shapes), true_shapes)


def _weights(model: Any, checkpoints: Path) -> list[NDArray[Any]]:
    newest = tf.train.latest_checkpoint(str(checkpoints))
    if newest is None:
        raise FileNotFoundError(f"no checkpoint in {checkpoints}: train first")
    restored = tf.train.Checkpoint(model=model).restore(newest)
    restored.expect_partial().assert_existing_objects_matched()
    return [variable.numpy() for variable in model.variables]


def freeze(model: Any, height: int, width: int, mirrored: bool = False) -> bytes:
    """The model's frozen GraphDef, serialized.

    `mirrored` makes the graph of an SSD look at every picture and at its mirror image.
    """
    inference = Inference(model, height, width, mirrored)  # held: tf.function refers to it weakly
    function = inference.detect.get_concrete_function()
    # Loops stay functional: lowered ones run 18 % slower and tf2onnx cannot convert them.
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph = frozen.graph.as_graph_def()
    wanted = [tensor.name for tensor in frozen.outputs]
    with tf.Graph().as_default() as renamed:
        outputs = tf.graph_util.import_graph_def(graph, return_elements=wanted, name="")
        for tensor, name in zip(outputs, OUTPUTS, strict=True):
            tf.identity(tensor, name=name)
    definition = renamed.as_graph_def(add_shapes=False)
    return tf.compat.v1.graph_util.extract_sub_graph(definition, list(OUTPUTS)).SerializeToString(
        deterministic=True
    )

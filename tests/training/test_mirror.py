"""Raw predictions averaged over a picture and its mirror image."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from fakecheck_training.compat import tf
from fakecheck_training.networks.mirror import mirrored_anchors, mirrored_predictions

LEFT, RIGHT, MIDDLE = (0.1, 0.0, 0.9, 0.5), (0.1, 0.5, 0.9, 1.0), (0.2, 0.3, 0.6, 0.7)
ANCHORS = np.array([LEFT, RIGHT, MIDDLE], np.float32)


class LeftToRight:
    """A model of three anchors that says of each where it is brightest under it, and how bright."""

    def predict(self, inputs: object, shapes: object) -> dict[str, object]:
        """The classic tensors; `shapes` is only counted."""
        columns = tf.reduce_mean(inputs, axis=[1, 3])  # (n, w)
        left, right = columns[:, :2], columns[:, 2:]
        middle = columns[:, 1:3]
        logits = tf.stack([tf.reduce_max(part, 1) for part in (left, right, middle)], 1)
        tx = tf.stack([part[:, 1] - part[:, 0] for part in (left, right, middle)], 1)
        assert len(shapes) == len(inputs)
        return {
            "anchors": tf.constant(ANCHORS),
            "box_encodings": tf.stack([logits, tx, logits, logits], -1),
            "class_predictions_with_background": tf.stack([-logits, logits], -1),
        }


def test_mirror_images_of_anchors_are_found() -> None:
    assert mirrored_anchors(ANCHORS).tolist() == [1, 0, 2]


def test_anchors_that_are_not_symmetric_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same from left to right"):
        mirrored_anchors(ANCHORS[:1])


def test_a_model_that_treats_both_sides_alike_says_what_it_said_before() -> None:
    pictures = tf.constant(np.random.default_rng(0).random((2, 3, 4, 3)), tf.float32)
    shapes = tf.constant([[3, 4, 3]] * 2)
    model = LeftToRight()
    plain = model.predict(pictures, shapes)
    found = mirrored_predictions(model, pictures, shapes, mirrored_anchors(ANCHORS))
    for name in ("box_encodings", "class_predictions_with_background"):
        np.testing.assert_allclose(found[name], plain[name], atol=1e-6)


def test_what_a_model_says_of_one_side_only_is_halved() -> None:
    class OnlyLeft(LeftToRight):
        def predict(self, inputs: object, shapes: object) -> dict[str, object]:
            found = super().predict(inputs, shapes)
            keep = tf.constant([1.0, 0.0, 0.0])[None, :, None]
            return {k: v if k == "anchors" else v * keep for k, v in found.items()}

    pictures = tf.ones((1, 3, 4, 3))
    found = mirrored_predictions(OnlyLeft(), pictures, [[3, 4, 3]], mirrored_anchors(ANCHORS))
    logits = found["class_predictions_with_background"][0, :, 1]
    np.testing.assert_allclose(logits, [0.5, 0.5, 0.0])

"""Raw predictions averaged over a picture and its mirror image."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from fakecheck_training.compat import tf
from fakecheck_training.networks.mirror import mean_of_views, mirrored_anchors, with_mirror_images

LEFT, RIGHT, MIDDLE = (0.1, 0.0, 0.9, 0.5), (0.1, 0.5, 0.9, 1.0), (0.2, 0.3, 0.6, 0.7)
ANCHORS = np.array([LEFT, RIGHT, MIDDLE], np.float32)


class LeftToRight:
    """A model of three anchors that says of each where it is brightest under it, and how bright."""

    def predict(self, inputs: object) -> dict[str, object]:
        """The classic tensors."""
        columns = tf.reduce_mean(inputs, axis=[1, 3])  # (n, w)
        left, right = columns[:, :2], columns[:, 2:]
        middle = columns[:, 1:3]
        logits = tf.stack([tf.reduce_max(part, 1) for part in (left, right, middle)], 1)
        tx = tf.stack([part[:, 1] - part[:, 0] for part in (left, right, middle)], 1)
        return {
            "preprocessed_inputs": inputs,
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
    model = LeftToRight()
    plain = model.predict(pictures)
    found = mean_of_views(model.predict(with_mirror_images(pictures)), mirrored_anchors(ANCHORS))
    np.testing.assert_array_equal(found["preprocessed_inputs"], pictures)
    for name in ("box_encodings", "class_predictions_with_background"):
        np.testing.assert_allclose(found[name], plain[name], atol=1e-6)


def test_what_a_model_says_of_one_side_only_is_halved() -> None:
    class OnlyLeft(LeftToRight):
        def predict(self, inputs: object) -> dict[str, object]:
            found = super().predict(inputs)
            keep = tf.constant([1.0, 0.0, 0.0])[None, :, None]
            said = ("box_encodings", "class_predictions_with_background")
            return {k: v * keep if k in said else v for k, v in found.items()}

    both = OnlyLeft().predict(with_mirror_images(tf.ones((1, 3, 4, 3))))
    found = mean_of_views(both, mirrored_anchors(ANCHORS))
    logits = found["class_predictions_with_background"][0, :, 1]
    np.testing.assert_allclose(logits, [0.5, 0.5, 0.0])

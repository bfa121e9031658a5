"""An SSD's raw predictions for a picture and for its mirror image, averaged anchor by anchor.

Test-time augmentation inside of the graph: a detector learns from faces either way round, yet says
something slightly different of each, and the mean of the two errs less. It costs a second pass
of the network, and none of suppressing boxes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KDTree

from fakecheck.types import Floats
from fakecheck_training.compat import tf

TOLERANCE = 1e-4  # of the picture's side
# Of the box coder's ty, tx, th, tw only the place from left to right turns round.
TURNED = (1.0, -1.0, 1.0, 1.0)


def mirrored_anchors(anchors: Floats) -> NDArray[np.int64]:
    """(n,) for each anchor (n, 4: ymin xmin ymax xmax, in 0..1) the index of its mirror image.

    Raises ValueError where one has none.
    """
    turned = np.stack([anchors[:, 0], 1 - anchors[:, 3], anchors[:, 2], 1 - anchors[:, 1]], axis=1)
    distance, index = KDTree(anchors).query(turned)
    index = index[:, 0].astype(np.int64)
    if (distance > TOLERANCE).any() or len(set(index)) < len(anchors):
        raise ValueError("the anchors are not the same from left to right and from right to left")
    return index


def with_mirror_images(pictures: Any) -> Any:
    """(n, h, w, 3) of any type → (2n, h, w, 3): the pictures, then their mirror images."""
    # tf.reverse would become three operations in ONNX, one of them slow.
    return tf.concat([pictures, pictures[:, :, ::-1]], 0)


def mean_of_views(both: dict[str, Any], index: NDArray[np.int64]) -> dict[str, Any]:
    """What `model.postprocess` of an SSD needs, for n pictures.

    `both` is what `model.predict` says of `with_mirror_images` of them, `index` is
    `mirrored_anchors` of the model's anchors. Logits and encoded boxes are means of both views.
    """

    def mean(name: str, sign: Any = 1.0) -> Any:
        plain, turned = tf.split(both[name], 2)
        return (plain + tf.gather(turned, index, axis=1) * sign) / 2

    return {
        "preprocessed_inputs": tf.split(both["preprocessed_inputs"], 2)[0],
        "anchors": both["anchors"],
        "box_encodings": mean("box_encodings", tf.constant(TURNED)),
        "class_predictions_with_background": mean("class_predictions_with_background"),
    }

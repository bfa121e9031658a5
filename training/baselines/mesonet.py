"""A published detector to compare with: MesoNet's networks and their published weights.

Afchar, Nozick, Yamagishi and Echizen, "MesoNet: a Compact Facial Video Forgery Detection Network",
WIFS 2018. The weights (Apache-2.0) were trained on the authors' own DeepFakes clips (DF) and on
FaceForensics' Face2Face (F2F); a network takes RGB in 0..1 and gives the probability of *real*.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fakecheck.errors import UsageError
from fakecheck.regions import crop_regions
from fakecheck.types import Face, Image
from fakecheck_training.scoring import Readings

SIDE = 256
# The authors cut 1.3 * 2.2 times the larger of the ways between the eyes and from eyes to mouth,
# turned upright: on the pack's faces 1.08 times our box in the median, with the same centre.
MARGIN = 0.08
BATCH = 32
# File → (network, what the weights were trained on).
WEIGHTS = {
    "Meso4_DF": "Meso4",
    "Meso4_F2F": "Meso4",
    "MesoInception_DF": "MesoInception4",
    "MesoInception_F2F": "MesoInception4",
}


class MesoProbe:
    """One network's probability of *fake* for every face. The network is loaded when first used."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.key = f"{path.stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
        self._path = path
        self._model: Any = None

    def read(self, images: Sequence[Image], faces: Sequence[Sequence[Face]]) -> Readings:
        """`images` (height, width, 3) uint8 BGR with the faces found in each."""
        crops = [
            crop.image[..., ::-1]
            for image, found in zip(images, faces, strict=True)
            for crop in crop_regions(image, found, ("face",), (SIDE, SIDE), MARGIN, max_tilt=0)
        ]
        if self._model is None:
            self._model = load_network(self._path)
        parts = [np.zeros((0, 1), np.float32)]
        for start in range(0, len(crops), BATCH):
            batch = np.stack(crops[start : start + BATCH]).astype(np.float32) / 255
            parts.append(1 - np.asarray(self._model(batch), np.float32))
        return Readings(np.concatenate(parts))


def meso_probes(folder: Path) -> list[MesoProbe]:
    """A probe for each file of WEIGHTS in `folder`; UsageError where there is none."""
    found = [folder / f"{name}.h5" for name in WEIGHTS if (folder / f"{name}.h5").is_file()]
    if not found:
        names = ", ".join(f"{name}.h5" for name in WEIGHTS)
        raise UsageError(f"no weights of MesoNet in {folder}", advice=f"it takes {names}")
    return [MesoProbe(path) for path in found]


def load_network(path: Path) -> Any:
    """A function of (n, 256, 256, 3) float32 RGB in 0..1 → (n, 1), the probability of *real*."""
    from fakecheck_training.compat import keras, tf

    model = NETWORKS[WEIGHTS[path.stem]](keras)
    model.load_weights(str(path))
    signature = [tf.TensorSpec((None, SIDE, SIDE, 3), tf.float32)]
    return tf.function(lambda batch: model(batch, training=False), input_signature=signature)


def _meso4(keras: Any) -> Any:
    layers = keras.layers
    entry = layers.Input((SIDE, SIDE, 3))
    x = entry
    for filters, kernel, pool in ((8, 3, 2), (8, 5, 2), (16, 5, 2), (16, 5, 4)):
        x = layers.Conv2D(filters, kernel, padding="same", activation="relu")(x)
        x = _normed_and_pooled(layers, x, pool)
    return keras.Model(entry, _head(layers, x))


def _meso_inception4(keras: Any) -> Any:
    layers = keras.layers
    entry = layers.Input((SIDE, SIDE, 3))
    x = _normed_and_pooled(layers, _inception(layers, entry, (1, 4, 4, 2)), 2)
    x = _normed_and_pooled(layers, _inception(layers, x, (2, 4, 4, 2)), 2)
    for pool in (2, 4):
        x = layers.Conv2D(16, 5, padding="same", activation="relu")(x)
        x = _normed_and_pooled(layers, x, pool)
    return keras.Model(entry, _head(layers, x))


def _inception(layers: Any, x: Any, widths: tuple[int, int, int, int]) -> Any:
    """Four branches: 1 x 1, and 3 x 3 with a dilation of 1, 2 and 3 (section 3.2 of the paper)."""
    branches = [layers.Conv2D(widths[0], 1, padding="same", activation="relu")(x)]
    for dilation, width in enumerate(widths[1:], 1):
        y = layers.Conv2D(width, 1, padding="same", activation="relu")(x)
        branches.append(
            layers.Conv2D(width, 3, padding="same", dilation_rate=dilation, activation="relu")(y)
        )
    return layers.Concatenate()(branches)


def _normed_and_pooled(layers: Any, x: Any, pool: int) -> Any:
    return layers.MaxPooling2D(pool, padding="same")(layers.BatchNormalization()(x))


def _head(layers: Any, x: Any) -> Any:
    x = layers.Dense(16)(layers.Dropout(0.5)(layers.Flatten()(x)))
    x = layers.Dropout(0.5)(layers.LeakyReLU(alpha=0.1)(x))
    return layers.Dense(1, activation="sigmoid")(x)


NETWORKS = {"Meso4": _meso4, "MesoInception4": _meso_inception4}

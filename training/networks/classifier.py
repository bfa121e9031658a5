"""The classifier stage: the cut backbone learns to tell real from fake, and family from family.

A detector that starts from its result needs minutes where one from ImageNet weights needs longer
for less, and one from scratch learns nothing (EXPERIMENTS.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fakecheck_training.compat import keras, tf
from fakecheck_training.draws.source import Source
from fakecheck_training.networks.lite import build_backbone, preprocess
from fakecheck_training.networks.variants import NETWORKS
from fakecheck_training.recipe import BackboneRecipe

HEAD_FILTERS = 256
WARMUP = 0.1  # share of the steps until the peak of the one-cycle schedule (Smith and Topin 2019)
START_RATE = 1 / 25
FEEDERS, AHEAD = 2, 6  # threads that draw, and batches drawn in advance


@dataclass(frozen=True, eq=False)
class Batch:
    """`images` (n, h, w, 3) uint8 RGB, `fake` (n,) float32 0 or 1, `family` (n,) int32."""

    images: NDArray[np.uint8]
    fake: NDArray[np.float32]
    family: NDArray[np.int32]


def build_classifier(families: int, network: str) -> Any:
    """Keras model: RGB (n, h, w, 3) in 0..255 → logits (n, 1 + families): fake, then each family.

    The backbone is the layer that `backbone_of` finds.
    """
    backbone = build_backbone(network)
    inputs = keras.layers.Input((None, None, 3))
    _, x = backbone(keras.layers.Lambda(preprocess)(inputs))
    x = keras.layers.Conv2D(HEAD_FILTERS, 1, use_bias=False, name="head")(x)
    x = keras.layers.BatchNormalization(epsilon=1e-3, name="head_bn")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU(6.0)(x))
    x = keras.layers.Dropout(0.1)(x)
    return keras.Model(inputs, keras.layers.Dense(1 + families, name="logits")(x))


def backbone_of(classifier: Any) -> Any:
    """The backbone inside of a classifier."""
    names = {network.model_name for network in NETWORKS.values()}
    return next(layer for layer in classifier.layers if layer.name in names)


def one_cycle(step: int, steps: int, peak: float) -> float:
    """Learning rate at `step`: linear to the peak, then a cosine to nearly nothing."""
    warm = max(1, int(steps * WARMUP))
    if step < warm:
        return peak * (START_RATE + (1 - START_RATE) * step / warm)
    left = (step - warm) / max(1, steps - warm)
    return peak * max(0.5 * (1 + np.cos(np.pi * min(left, 1.0))), 1e-3)


def make_batch(source: Source, seed: int, step: int, size: int) -> Batch:
    """Half fake, half real, the same for the same seed and step whatever thread draws it."""
    draws = [source.draw(bool(i % 2), np.random.default_rng((seed, step, i))) for i in range(size)]
    families = {name: i for i, name in enumerate(source.families)}
    return Batch(
        images=np.stack([draw.image[..., ::-1] for draw in draws]),
        fake=np.array([draw.fake for draw in draws], np.float32),
        family=np.array([families.get(draw.family, 0) for draw in draws], np.int32),
    )


def batches(source: Source, seed: int, start: int, stop: int, size: int) -> Iterator[Batch]:
    """The batches of steps start..stop, drawn in advance by threads: OpenCV lets go of the GIL."""
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(FEEDERS) as pool:
        waiting: deque = deque()
        for step in range(start, stop + AHEAD):
            if step < stop:
                waiting.append(pool.submit(make_batch, source, seed, step, size))
            if len(waiting) > AHEAD or step >= stop:
                if not waiting:
                    return
                yield waiting.popleft().result()


class Trainer:
    """Model, its moving average, optimizer and step: all that a checkpoint holds."""

    def __init__(self, recipe: BackboneRecipe, families: int) -> None:
        keras.utils.set_random_seed(recipe.seed)
        self.recipe = recipe
        self.families = families
        self.model = build_classifier(families, recipe.network)
        self.average = build_classifier(families, recipe.network)
        self.optimizer = keras.optimizers.AdamW(
            recipe.peak_rate, weight_decay=recipe.weight_decay, clipnorm=5.0
        )
        self.optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias", "bn"])
        self.optimizer.build(self.model.trainable_variables)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._train = tf.function(self._train_step, reduce_retracing=True)

    def checkpoint(self) -> Any:
        """Everything that going on needs."""
        return tf.train.Checkpoint(
            model=self.model, average=self.average, optimizer=self.optimizer, step=self.step
        )

    def start_average(self) -> None:
        """The average begins at the model as it is."""
        self.average.set_weights(self.model.get_weights())

    def train(self, batch: Batch) -> float:
        """One step; the loss before it."""
        step = int(self.step)
        rate = one_cycle(step, self.recipe.steps, self.recipe.peak_rate)
        self.optimizer.learning_rate.assign(rate)
        # A young average must forget its start faster than the final decay would.
        decay = min(self.recipe.average_decay, (1 + step) / (10 + step))
        loss = self._train(
            tf.constant(batch.images),
            tf.constant(batch.fake),
            tf.constant(batch.family),
            tf.constant(decay, tf.float32),
        )
        self.step.assign_add(1)
        return float(loss)

    def _train_step(self, images: Any, fake: Any, family: Any, decay: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = self.model(tf.cast(images, tf.float32), training=True)
            loss = self._loss(logits, fake, family)
        gradients = tape.gradient(loss, self.model.trainable_variables)
        pairs = zip(gradients, self.model.trainable_variables, strict=True)
        self.optimizer.apply_gradients(pairs)
        for mean, value in zip(self.average.variables, self.model.variables, strict=True):
            if mean.dtype.is_floating:
                mean.assign_sub((1 - decay) * (mean - value))
        return loss

    def _loss(self, logits: Any, fake: Any, family: Any) -> Any:
        smooth = self.recipe.smoothing
        target = fake * (1 - smooth) + smooth / 2
        loss = tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits[:, 0])
        )
        if self.families > 1:
            named = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=family, logits=logits[:, 1:]
            )
            shown = tf.maximum(tf.reduce_sum(fake), 1.0)
            loss += self.recipe.family_weight * tf.reduce_sum(named * fake) / shown
        return loss

    def scores(self, images: NDArray[np.uint8], batch: int = 64) -> NDArray[np.float32]:
        """Logits of fake (n,) by the averaged model for RGB pictures (n, h, w, 3) uint8."""
        parts = [
            self.average(tf.cast(images[i : i + batch], tf.float32), training=False)[:, 0].numpy()
            for i in range(0, len(images), batch)
        ]
        return np.concatenate(parts)

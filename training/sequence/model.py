"""The temporal model: a small bidirectional GRU over the features of one face.

After Sabir et al., "Recurrent Convolutional Strategies for Face Manipulation Detection in Videos"
(CVPR Workshops 2019), who run a bidirectional recurrent network over features of aligned faces;
here the features are what the detectors found. The GRU corrects what the detectors' fused
likelihood ratio says by itself, and the log-mean-exp of the samples' logits is the sequence's, so
that a clip that is forged in a part is called fake and the part is known. What a kind of detector
says steadily is added to it: averaged over time before kinds are weighed against each other, chance
peaks of one sample fade.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fakecheck.features import NAMES, WIDTH
from fakecheck.types import Floats
from fakecheck_training.compat import keras, tf
from fakecheck_training.sequence.features import DIRECT, LARGEST, PRESENT, STEADILY

INPUTS = ("features", "seen")
OUTPUTS = ("sequence_score", "sample_scores")
START = (0.6, 0.1, 0.1)  # what the logit takes at the start of each of DIRECT
STEADY = 0.2  # what the logit takes at the start of what is said steadily
HIDDEN = -1e9


class TemporalModel(keras.Model):  # type: ignore[name-defined,misc]
    """Features (n, T, WIDTH) and mask (n, T) → logits of the sequence (n,) and its samples (n, T).

    `mean` and `scale` (WIDTH,) float32 standardise the features.
    """

    def __init__(self, mean: Floats, scale: Floats, width: int, units: int, dropout: float) -> None:
        super().__init__()
        layers = keras.layers
        self.mean, self.scale = tf.constant(mean), tf.constant(scale)
        self.columns = [NAMES.index(name) for name in DIRECT]
        self.kinds = [NAMES.index(name) for name in STEADILY]
        self.present = [NAMES.index(name) for name in PRESENT]
        self.drop_in, self.drop_out = layers.Dropout(dropout), layers.Dropout(dropout)
        self.squeeze = layers.Dense(width, activation="tanh", name="squeeze")
        self.gru = layers.Bidirectional(layers.GRU(units, return_sequences=True), name="gru")
        self.correct = layers.Dense(1, kernel_initializer="zeros", name="correct")
        start = keras.initializers.Constant(np.array(START, np.float32)[:, None])
        self.direct = layers.Dense(1, use_bias=False, kernel_initializer=start, name="direct")
        self.sharpness = self.add_weight("sharpness", (), initializer="zeros")
        constant = keras.initializers.Constant(STEADY)
        self.steady = self.add_weight("steady", (), initializer=constant)

    def call(
        self, features: Any, seen: Any, there: Any = None, training: bool = False
    ) -> tuple[Any, Any]:
        """`there` (n, T) is 0 where a short sequence was filled up; None if none was."""
        shown = seen[..., None]
        known = tf.clip_by_value((features - self.mean) * self.scale, -LARGEST, LARGEST) * shown
        x = tf.concat([self.drop_in(known, training=training), shown], axis=2)
        x = self.squeeze(x)
        mask = None if there is None else there > 0
        x = self.gru(x, mask=mask, training=training)
        x = self.correct(self.drop_out(x, training=training))
        x += self.direct(tf.gather(features, self.columns, axis=2))
        samples = x[..., 0]
        return self._pool(samples, seen) + self.steady * self._steadily(features, seen), samples

    def _pool(self, samples: Any, seen: Any) -> Any:
        """Log-mean-exp over the samples seen, between mean and maximum as `sharpness` has it."""
        steep = tf.nn.softplus(self.sharpness) + 0.1
        held = tf.where(seen > 0, samples * steep, HIDDEN)
        count = tf.maximum(tf.reduce_sum(seen, axis=1), 1.0)
        return (tf.reduce_logsumexp(held, axis=1) - tf.math.log(count)) / steep

    def _steadily(self, features: Any, seen: Any) -> Any:
        """(n,) log of the mean ratio of the kinds, of each the mean llr over its samples."""
        present = tf.gather(features, self.present, axis=2) * seen[..., None]
        count = tf.reduce_sum(present, axis=1)
        total = tf.reduce_sum(tf.gather(features, self.kinds, axis=2) * present, axis=1)
        known = tf.where(count > 0, total / tf.maximum(count, 1.0), HIDDEN)
        kinds = tf.reduce_sum(tf.cast(count > 0, tf.float32), axis=1)
        fused = tf.reduce_logsumexp(known, axis=1) - tf.math.log(tf.maximum(kinds, 1.0))
        return tf.where(kinds > 0, fused, 0.0)


class Ensemble(tf.Module):  # type: ignore[name-defined,misc]
    """Members of equal weight as one function from features to scores in 0..1."""

    def __init__(self, members: Sequence[TemporalModel]) -> None:
        super().__init__()
        self._members = list(members)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, WIDTH], tf.float32, name=INPUTS[0]),
            tf.TensorSpec([None, None], tf.float32, name=INPUTS[1]),
        ]
    )
    def score(self, features: Any, seen: Any) -> tuple[Any, Any]:
        """The mean of the members' logits, through a sigmoid: (n,) and (n, T)."""
        found = [member(features, seen) for member in self._members]
        count = float(len(found))
        sequence = tf.add_n([one[0] for one in found]) / count
        samples = tf.add_n([one[1] for one in found]) / count
        return tf.sigmoid(sequence), tf.sigmoid(samples)


def build_model(mean: Floats, scale: Floats, width: int, units: int, dropout: float) -> Any:
    """The model with its variables made."""
    model = TemporalModel(mean, scale, width, units, dropout)
    model(tf.zeros((1, 2, WIDTH)), tf.ones((1, 2)))
    return model


def loss_of(model: Any, batch: Sequence[Any], sample_weight: float, training: bool = True) -> Any:
    """Cross-entropy of the sequence, and of its samples weighted by `sample_weight`."""
    values, mask, there, labels, fake, weight = batch
    sequence, samples = model(values, mask, there, training=training)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    total = tf.reduce_sum(weight)
    loss = tf.reduce_sum(weight * entropy(labels=fake, logits=sequence)) / total
    each = entropy(labels=labels, logits=samples) * mask
    mean = tf.reduce_sum(each, axis=1) / tf.maximum(tf.reduce_sum(mask, axis=1), 1.0)
    return loss + sample_weight * tf.reduce_sum(weight * mean) / total

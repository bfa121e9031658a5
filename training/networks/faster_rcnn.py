"""Faster R-CNN on the cut EfficientNet-Lite0, known to the Object Detection API.

Importing this module registers its extractor as `faster_rcnn_efficientnet_lite0_cut16`, the type
that a pipeline.config names. Faster R-CNN is Ren et al. 2015; its second stage here is two
depthwise separable convolutions (Howard et al. 2017), light enough for a CPU.
"""

from __future__ import annotations

from typing import Any

from fakecheck_training.compat import keras, tf  # isort: skip  (before the API is imported)

from object_detection.builders import model_builder
from object_detection.meta_architectures import faster_rcnn_meta_arch

from fakecheck_training.networks.lite import BN_EPSILON, build_backbone, preprocess
from fakecheck_training.networks.variants import NETWORKS

NETWORK = "lite0"
TYPE = f"faster_rcnn_efficientnet_{NETWORK}_cut16"
STRIDES = (8, 16)
DEPTH = 96
HEAD_DEPTHS = (96, 128)
# Of the layers that start from nothing. The backbone's 0.99 would take longer than they train.
BN_MOMENTUM = 0.97


class Lite0FeatureExtractor(faster_rcnn_meta_arch.FasterRCNNKerasFeatureExtractor):
    """RGB (n, h, w, 3) → one map of stride 8 or 16; crops of it → what boxes are judged by."""

    def __init__(
        self,
        is_training: bool,
        first_stage_features_stride: int,
        batch_norm_trainable: bool = True,
        weight_decay: float = 0.0,
    ) -> None:
        if first_stage_features_stride not in STRIDES:
            raise ValueError(
                f"first_stage_features_stride must be 8 or 16, got {first_stage_features_stride}"
            )
        super().__init__(
            is_training, first_stage_features_stride, batch_norm_trainable, weight_decay
        )
        self.classification_backbone: Any = None

    def preprocess(self, resized_inputs: Any) -> Any:
        """RGB in 0..255 → what the backbone was trained on."""
        return preprocess(resized_inputs)

    def get_proposal_feature_extractor_model(self, name: str | None = None) -> Any:
        """Keras model: preprocessed (n, h, w, 3) → the map that proposals are made and cut from.

        Stride 16 is the backbone's end, 112 channels. Stride 8, for boxes that cover little more
        than one cell of that, adds it to block 4 as a feature pyramid does (Lin et al. 2017).
        """
        self.classification_backbone = build_backbone(NETWORK)
        fine, coarse = self.classification_backbone.outputs
        features = coarse
        if self._first_stage_features_stride == STRIDES[0]:
            features = _merge(fine, coarse)
        return keras.Model(self.classification_backbone.inputs, features, name=name)

    def get_box_classifier_feature_extractor_model(self, name: str | None = None) -> Any:
        """Keras model: crops (n * proposals, side, side, depth) of the map → half as large, 128."""
        fine = self._first_stage_features_stride == STRIDES[0]
        depth = DEPTH if fine else NETWORKS[NETWORK].blocks[-1].filters
        x = inputs = keras.layers.Input((None, None, depth))
        for number, filters in enumerate(HEAD_DEPTHS):
            x = _separable(x, f"box_{number}", filters, stride=2 if number == 0 else 1)
        return keras.Model(inputs, x, name=name)


def _merge(fine: Any, coarse: Any) -> Any:
    lateral = _pointwise(fine, "merge_fine", DEPTH)
    top = _pointwise(coarse, "merge_coarse", DEPTH)
    # Where the picture's side is no multiple of 16 the doubled map is one row too large.
    x = keras.layers.Lambda(_add_doubled, name="merge_add")([lateral, top])
    return _separable(x, "merge", DEPTH)


def _add_doubled(maps: tuple[Any, Any]) -> Any:
    lateral, top = maps
    doubled = tf.repeat(tf.repeat(top, 2, axis=1), 2, axis=2)
    shape = tf.shape(lateral)
    return lateral + doubled[:, : shape[1], : shape[2]]


def _separable(x: Any, name: str, filters: int, stride: int = 1) -> Any:
    x = keras.layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"{name}_depthwise")(x)
    return _pointwise(_normalise(x, f"{name}_depthwise"), f"{name}_pointwise", filters)


def _pointwise(x: Any, name: str, filters: int) -> Any:
    x = keras.layers.Conv2D(filters, 1, use_bias=False, name=name)(x)
    return _normalise(x, name)


def _normalise(x: Any, name: str) -> Any:
    x = keras.layers.BatchNormalization(
        epsilon=BN_EPSILON, momentum=BN_MOMENTUM, name=f"{name}_bn"
    )(x)
    return keras.layers.ReLU(6.0, name=f"{name}_relu")(x)


model_builder.FASTER_RCNN_KERAS_FEATURE_EXTRACTOR_CLASS_MAP[TYPE] = Lite0FeatureExtractor

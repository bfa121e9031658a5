"""The SSD's feature extractors on the cut EfficientNet-Lites, known to the Object Detection API.

Importing this module registers one for each network of `variants.NETWORKS`: for `lite0` it is
`ssd_efficientnet_lite0_cut16_fpn`, the type that a pipeline.config names. The pyramid is Lin et al.
2017 ("Feature Pyramid Networks"), the API's own `KerasFpnTopDownFeatureMaps`.
"""

from __future__ import annotations

from typing import Any

from fakecheck_training.compat import tf  # isort: skip  (mends the API before it is imported)

from object_detection.builders import model_builder
from object_detection.meta_architectures import ssd_meta_arch
from object_detection.models import feature_map_generators

from fakecheck_training.networks.lite import build_backbone, preprocess
from fakecheck_training.networks.variants import NETWORKS

TYPES = {name: f"ssd_efficientnet_{name}_cut16_fpn" for name in NETWORKS}
# The backbone ends at stride 16 = 2 ** 4; coarser levels are convolutions with stride 2.
MIN_LEVEL, BACKBONE_MAX_LEVEL = 3, 4


class LiteFpnFeatureExtractor(ssd_meta_arch.SSDKerasFeatureExtractor):
    """RGB (n, h, w, 3) → maps of stride 8, 16 and, up to `fpn_max_level`, coarser ones.

    A subclass for each network says which.
    """

    network: str

    def __init__(
        self,
        is_training: bool,
        depth_multiplier: float,
        min_depth: int,
        pad_to_multiple: int,
        conv_hyperparams: Any,
        freeze_batchnorm: bool,
        inplace_batchnorm_update: bool,
        fpn_min_level: int = MIN_LEVEL,
        fpn_max_level: int = 5,
        additional_layer_depth: int = 96,
        use_explicit_padding: bool = False,
        use_depthwise: bool = True,
        override_base_feature_extractor_hyperparams: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(
            is_training=is_training,
            depth_multiplier=depth_multiplier,
            min_depth=min_depth,
            pad_to_multiple=pad_to_multiple,
            conv_hyperparams=conv_hyperparams,
            freeze_batchnorm=freeze_batchnorm,
            inplace_batchnorm_update=inplace_batchnorm_update,
            use_explicit_padding=use_explicit_padding,
            use_depthwise=use_depthwise,
            override_base_feature_extractor_hyperparams=(
                override_base_feature_extractor_hyperparams
            ),
            name=name,
        )
        if fpn_min_level != MIN_LEVEL or fpn_max_level < BACKBONE_MAX_LEVEL:
            raise ValueError(
                f"levels must start at {MIN_LEVEL} and reach {BACKBONE_MAX_LEVEL}, got "
                f"{fpn_min_level} to {fpn_max_level}"
            )
        self._fpn_max_level = fpn_max_level
        self._depth = max(int(additional_layer_depth * depth_multiplier), min_depth)
        self.classification_backbone: Any = None
        self._pyramid: Any = None
        self._coarse_layers: list[list[Any]] = []

    def build(self, input_shape: Any) -> None:
        """Makes the layers; the API calls it once."""
        self.classification_backbone = build_backbone(self.network)
        self._pyramid = feature_map_generators.KerasFpnTopDownFeatureMaps(
            num_levels=BACKBONE_MAX_LEVEL - MIN_LEVEL + 1,
            depth=self._depth,
            use_depthwise=self._use_depthwise,
            use_explicit_padding=self._use_explicit_padding,
            is_training=self._is_training,
            conv_hyperparams=self._conv_hyperparams,
            freeze_batchnorm=self._freeze_batchnorm,
            name="FeatureMaps",
        )
        for level in range(BACKBONE_MAX_LEVEL + 1, self._fpn_max_level + 1):
            self._coarse_layers.append(
                feature_map_generators.create_conv_block(
                    self._use_depthwise,
                    3,
                    "SAME",
                    2,
                    f"coarse_{level}",
                    self._conv_hyperparams,
                    self._is_training,
                    self._freeze_batchnorm,
                    self._depth,
                )
            )
        self.built = True

    def preprocess(self, resized_inputs: Any) -> Any:
        """RGB in 0..255 → what the backbone was trained on."""
        return preprocess(resized_inputs)

    def _extract_features(self, preprocessed_inputs: Any) -> list[Any]:
        stride8, stride16 = self.classification_backbone(preprocessed_inputs)
        tops = self._pyramid([("stride8", stride8), ("stride16", stride16)])
        maps = [tops["top_down_stride8"], tops["top_down_stride16"]]
        for block in self._coarse_layers:
            x = maps[-1]
            for layer in block:
                x = layer(x)
            maps.append(x)
        return maps


for _network, _type in TYPES.items():
    model_builder.SSD_KERAS_FEATURE_EXTRACTOR_CLASS_MAP[_type] = type(
        f"{_network.capitalize()}FpnFeatureExtractor",
        (LiteFpnFeatureExtractor,),
        {"network": _network},
    )

__all__ = ["TYPES", "LiteFpnFeatureExtractor", "tf"]

"""A start for detectors that tests train: the backbone as ImageNet left it."""

from __future__ import annotations

from pathlib import Path

from fakecheck_training.compat import tf
from fakecheck_training.networks.lite0 import build_backbone, load_imagenet


def imagenet_start(folder: Path) -> Path:
    """A checkpoint in `folder` that a detector's training may start from."""
    backbone = build_backbone()
    load_imagenet(backbone)
    return Path(tf.train.Checkpoint(feature_extractor=backbone).save(str(folder / "ckpt")))

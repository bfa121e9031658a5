"""A start for detectors that tests train: the backbone as ImageNet left it."""

from __future__ import annotations

from pathlib import Path

from fakecheck_training.compat import tf
from fakecheck_training.networks.lite import build_backbone, load_imagenet


def imagenet_start(folder: Path) -> Path:
    """A checkpoint in `folder` that a detector's training may start from."""
    backbone = build_backbone("lite0")
    load_imagenet(backbone, "lite0")
    return Path(tf.train.Checkpoint(feature_extractor=backbone).save(str(folder / "ckpt")))

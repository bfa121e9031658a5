"""MesoNet's networks take weights of the published form, and *real* is turned into *fake*."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from drawn import drawn_face

from fakecheck.errors import UsageError
from fakecheck_training.baselines.mesonet import NETWORKS, MesoProbe, meso_probes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of zero but for the last bias, 2, in files of the published names."""
    from fakecheck_training.compat import keras

    root = tmp_path_factory.mktemp("weights")
    for name, network in (("Meso4_DF", "Meso4"), ("MesoInception_F2F", "MesoInception4")):
        model = NETWORKS[network](keras)
        weights = [np.zeros_like(one) for one in model.get_weights()]
        weights[-1][:] = 2.0
        model.set_weights(weights)
        model.save_weights(root / f"{name}.h5")
    return root


def test_the_networks_have_the_published_shapes() -> None:
    """Of the files published with the paper, layer by layer."""
    from fakecheck_training.compat import keras

    def kernels(network: str) -> list[tuple[int, ...]]:
        layers = NETWORKS[network](keras).layers
        return [tuple(one.kernel.shape) for one in layers if hasattr(one, "kernel")]

    assert kernels("Meso4") == [
        (3, 3, 3, 8),
        (5, 5, 8, 8),
        (5, 5, 8, 16),
        (5, 5, 16, 16),
        (1024, 16),
        (16, 1),
    ]
    first = [(1, 1, 3, 4), (1, 1, 3, 4), (1, 1, 3, 2), (1, 1, 3, 1)]
    first += [(3, 3, 4, 4), (3, 3, 4, 4), (3, 3, 2, 2)]
    second = [(1, 1, 11, 4), (1, 1, 11, 4), (1, 1, 11, 2), (1, 1, 11, 2)]
    second += [(3, 3, 4, 4), (3, 3, 4, 4), (3, 3, 2, 2)]
    last = [(5, 5, 12, 16), (5, 5, 16, 16), (1024, 16), (16, 1)]
    assert kernels("MesoInception4") == first + second + last


def test_probabilities_are_of_fake_a_row_a_face(folder: Path) -> None:
    image, face = drawn_face(3)
    for probe in meso_probes(folder):
        values = probe.read([image, image], [[face], [face, face]]).values
        np.testing.assert_allclose(values, np.full((3, 1), 1 - 1 / (1 + np.exp(-2))), rtol=1e-5)
        assert probe.read([image], [[]]).values.shape == (0, 1)


def test_names_and_keys_tell_the_weights_apart(folder: Path) -> None:
    probes = meso_probes(folder)
    assert [probe.name for probe in probes] == ["Meso4_DF", "MesoInception_F2F"]
    assert len({probe.key for probe in probes}) == 2
    assert MesoProbe(folder / "Meso4_DF.h5").key == probes[0].key


def test_a_folder_without_weights_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no weights of MesoNet"):
        meso_probes(tmp_path)

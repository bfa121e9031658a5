"""Degradations: uint8 in, uint8 out, repeatable, and doing what they are called."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import drawn_face

from fakecheck_training.augment import FIXED, MAX_ENLARGE, Degrader, add_noise, to_grey


def test_the_same_seed_degrades_alike_and_another_differently() -> None:
    image, face = drawn_face(1)
    degrader = Degrader(untouched=0.0)
    first, second, other = (
        degrader(image, face.size, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, second)
    assert first.shape != other.shape or (first != other).any()


@pytest.mark.parametrize("seed", range(8))
def test_sizes_stay_within_what_the_recipe_says(seed: int) -> None:
    image, face = drawn_face(2, side=200)
    longer = float(face.xyxy[3] - face.xyxy[1])
    out = Degrader(face_side=(56, 230), untouched=0)(image, longer, np.random.default_rng(seed))
    scale = out.shape[0] / 200
    assert out.dtype == np.uint8
    assert scale <= MAX_ENLARGE + 0.01
    assert longer * scale >= 55


def test_untouched_is_untouched() -> None:
    image, face = drawn_face(3)
    out = Degrader(untouched=1.0)(image, face.size, np.random.default_rng(0))
    np.testing.assert_array_equal(out, image)


def test_named_degradations() -> None:
    image, _ = drawn_face(4)
    out = {name: degrade(image) for name, degrade in FIXED.items()}
    np.testing.assert_array_equal(out["none"], image)
    assert out["half"].shape == (64, 64, 3)
    assert (out["jpeg50"] != image).any()
    # A blurred picture has less contrast between neighbours.
    assert np.abs(np.diff(out["blur1"].astype(int), axis=1)).mean() < (
        np.abs(np.diff(image.astype(int), axis=1)).mean()
    )


def test_grey_has_equal_channels_and_noise_the_wanted_strength() -> None:
    image, _ = drawn_face(5)
    grey = to_grey(image)
    assert (grey[..., 0] == grey[..., 2]).all()
    flat = np.full((64, 64, 3), 128, np.uint8)
    noisy = add_noise(flat, 5.0, np.random.default_rng(1)).astype(float)
    assert 4 < noisy.std() < 6
    assert abs(noisy.mean() - 128) < 1

"""Every filter gives a picture of the same shape, and a chain is named by the card."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from fakecheck.filters import FILTERS, LIMITS, apply_filters, check_filters

NOISE = np.random.default_rng(1).integers(0, 256, (48, 64, 3)).astype(np.uint8)
FLAT = np.full((48, 64, 3), 100, np.uint8)


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_keeps_shape_and_type_and_changes_the_picture(name):
    before = NOISE.copy()
    after = apply_filters(NOISE, [{"name": name}])
    assert after.shape == NOISE.shape
    assert after.dtype == np.uint8
    assert (after != NOISE).any()
    np.testing.assert_array_equal(NOISE, before)


@pytest.mark.parametrize(
    ("name", "value"), [("high_pass", 128), ("laplacian_of_gaussian", 128), ("sharpen", 100)]
)
def test_what_has_no_detail_gives_none(name, value):
    assert (apply_filters(FLAT, [{"name": name}]) == value).all()


def test_gamma_under_one_brightens_and_keeps_black_and_white():
    ends = np.array([[[0, 0, 0], [64, 64, 64], [255, 255, 255]]], np.uint8)
    assert apply_filters(ends, [{"name": "gamma", "gamma": 0.5}])[0, :, 0].tolist() == [0, 128, 255]


def test_a_chain_runs_in_its_order():
    binary = {"name": "threshold", "level": 50}
    bright = {"name": "gamma", "gamma": 0.1}
    dark = np.full((8, 8, 3), 20, np.uint8)
    assert (apply_filters(dark, [bright, binary]) == 255).all()
    assert (apply_filters(dark, [binary, bright]) == 0).all()


def test_no_chain_is_the_picture_itself():
    assert apply_filters(NOISE, []) is NOISE


@pytest.mark.parametrize(
    ("step", "message"),
    [({"name": "swirl"}, "unknown filter 'swirl'"), ({"name": "gamma", "x": 1}, "filter gamma")],
)
def test_a_wrong_step_is_named(step, message):
    with pytest.raises(ValueError, match=message):
        apply_filters(NOISE, [step])


def test_every_parameter_has_limits_and_the_defaults_keep_them():
    for name, function in FILTERS.items():
        given = dict(inspect.signature(function).parameters)
        del given["image"]
        assert set(given) - {"mode"} == set(LIMITS[name])
        check_filters([{"name": name, **{key: one.default for key, one in given.items()}}])


@pytest.mark.parametrize(
    ("step", "cause"),
    [
        ({"name": "clahe", "tiles": 100_000}, "tiles must be 1 to 64"),
        ({"name": "clahe", "tiles": 2.5}, "tiles must be a whole number"),
        ({"name": "gamma", "gamma": float("nan")}, "gamma must be 0.01 to 100, got nan"),
        ({"name": "sharpen", "amount": True}, "amount must be 0 to 100, got True"),
        ({"name": "emboss", "mode": "binary"}, "takes no 'mode'"),
        ({"name": ["emboss"]}, "unknown filter"),
    ],
)
def test_what_opencv_should_not_be_given_is_named(step, cause):
    with pytest.raises(ValueError, match=cause):
        check_filters([step])

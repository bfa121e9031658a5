"""Part swaps: they change the part that they name and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import drawn_face

from fakecheck.regions import eye_distance
from fakecheck_training.simulation.parts import (
    PARTS,
    part_box,
    random_parts,
    similarity,
    swap_part,
    swap_parts,
)


@pytest.mark.parametrize("part", PARTS)
def test_a_swap_changes_its_part_and_nothing_far_from_it(part: str) -> None:
    target, face = drawn_face(1, side=220)
    donor, donor_face = drawn_face(2, side=260)
    for seed in range(4):
        image, mask = swap_part(target, face, donor, donor_face, part, np.random.default_rng(seed))
        assert image.shape == target.shape
        assert image.dtype == np.uint8
        assert mask.shape == target.shape[:2]
        assert mask.min() >= 0
        assert mask.max() > 0.9
        left, top, right, bottom = part_box(face, part)
        slack = 0.4 * eye_distance(face)
        y, x = np.nonzero((image != target).any(axis=2))
        assert len(x) > 50
        assert x.min() >= left - slack
        assert x.max() <= right + slack
        assert y.min() >= top - slack
        assert y.max() <= bottom + slack


def test_the_same_seed_swaps_alike() -> None:
    target, face = drawn_face(1)
    donor, donor_face = drawn_face(2)
    first, second = (
        swap_part(target, face, donor, donor_face, "nose", np.random.default_rng(5))[0]
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_unknown_part_is_named() -> None:
    image, face = drawn_face(1)
    with pytest.raises(ValueError, match="unknown part 'ear'"):
        swap_part(image, face, image, face, "ear", np.random.default_rng(0))


def test_parts_that_changed_are_reported_in_order() -> None:
    target, face = drawn_face(1, side=220)
    donor, donor_face = drawn_face(7, side=220)
    image, changed = swap_parts(
        target, face, donor, donor_face, ("left_eye", "mouth"), np.random.default_rng(1)
    )
    assert set(changed) <= {"left_eye", "mouth"}
    assert (image != target).any()


def test_similarity_finds_turn_scale_and_shift() -> None:
    points = np.array([[0, 0], [10, 0], [5, 8], [2, 14], [8, 14]], float)
    turn = 1.5 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    found = similarity(points, points @ turn.T + [3, -4])
    np.testing.assert_allclose(found, np.hstack([turn, [[3], [-4]]]), atol=1e-9)


def test_random_parts_are_known_and_sometimes_many() -> None:
    drawn = [random_parts(np.random.default_rng(i)) for i in range(60)]
    assert {part for parts in drawn for part in parts} == set(PARTS)
    assert {len(parts) for parts in drawn} >= {1, 2, 3}

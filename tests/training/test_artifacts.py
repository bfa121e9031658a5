"""Artifacts: each changes what its box says, and nothing far from it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn import drawn_face

from fakecheck.index import installed_folder, read_words
from fakecheck.regions import eye_distance
from fakecheck.types import Face, Floats, Image
from fakecheck_training.simulation.artifacts import (
    ARTIFACTS,
    REGIONS,
    Flawed,
    add_artifacts,
    changed_box,
    random_labels,
    spoil_whole,
    visibility,
)
from fakecheck_training.simulation.masks import mask_box
from fakecheck_training.simulation.noise import grid_noise
from fakecheck_training.simulation.parts import part_box
from fakecheck_training.simulation.smoothing import smooth

LABELS = [f"{region}_{artifact}" for region in REGIONS for artifact in ARTIFACTS]


def textured_face(seed: int, side: int = 240) -> tuple[Image, Face]:
    """A drawn face with grain, so that a blur has something to take away."""
    image, face = drawn_face(seed, side)
    grain = np.random.default_rng(seed).normal(0, 5, image.shape)
    return np.clip(image + grain, 0, 255).astype(np.uint8), face


def flawed(image: Image, face: Face, labels: list[str], seed: int) -> Flawed:
    """Artifacts seen as they are: the picture is its own view."""

    def view(picture: Image, xyxy: Floats) -> tuple[Image, Floats]:
        return picture, xyxy

    return add_artifacts(image, face, labels, view, np.random.default_rng(seed))


def test_every_word_is_in_the_registry() -> None:
    _, words = read_words(installed_folder())
    assert all(words.holds(label) for label in LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_what_changed_lies_in_the_boxes(label: str) -> None:
    image, face = textured_face(1)
    slack = 0.45 * eye_distance(face)
    found_any = False
    for seed in range(8):
        made = flawed(image, face, [label], seed)
        if not made.changes:
            np.testing.assert_array_equal(made.image, image)
            continue
        found_any, changes = True, made.changes
        assert {change.label for change in changes} == {label}
        after = made.image
        assert after.shape == image.shape
        assert after.dtype == np.uint8
        whole = (cv2.absdiff(image, after).max(axis=2) > 0).mean() > 0.9
        if whole:  # some grids cover the picture
            assert label == "face_gridnoise"
            continue
        boxes = np.array([change.xyxy for change in changes])
        found = changed_box(image, after)
        assert found is not None
        assert (found[:2] >= boxes[:, :2].min(axis=0) - slack).all()
        assert (found[2:] <= boxes[:, 2:].max(axis=0) + slack).all()
        assert boxes.min() >= 0
        assert boxes.max() <= 240
    assert found_any


@pytest.mark.parametrize(
    ("region", "parts"),
    [("eyes", ("left_eye", "right_eye")), ("nose", ("nose",)), ("mouth", ("mouth",))],
)
def test_boxes_lie_on_the_part_that_they_name(region: str, parts: tuple[str, ...]) -> None:
    _, face = drawn_face(2, 240)
    image = np.random.default_rng(2).normal(130, 5, (240, 240, 3)).astype(np.uint8)
    wanted = np.array([part_box(face, part).reshape(2, 2).mean(axis=0) for part in parts])
    for artifact in ("blur", "gridnoise"):
        tries = (flawed(image, face, [f"{region}_{artifact}"], seed) for seed in range(12))
        changes = next(made.changes for made in tries if made.changes)
        centres = np.array([(change.xyxy[:2] + change.xyxy[2:]) / 2 for change in changes])
        nearest = np.abs(centres[:, None] - wanted[None]).max(axis=2).min(axis=1)
        assert (nearest < 0.2 * eye_distance(face)).all()


def test_the_same_seed_draws_the_same_artifacts() -> None:
    image, face = textured_face(3)
    first, second = (flawed(image, face, LABELS[:4], 8) for _ in range(2))
    assert [c.label for c in first.changes] == [c.label for c in second.changes]
    np.testing.assert_array_equal(first.image, second.image)


def test_a_blur_takes_detail_away_and_a_grid_is_periodic() -> None:
    image, face = textured_face(4)
    whole = np.ones(image.shape[:2], np.float32)
    unit = eye_distance(face)
    for seed in range(12):
        smoothed = smooth(image, whole, unit, np.random.default_rng(seed))
        assert cv2.Laplacian(smoothed, cv2.CV_32F).std() < cv2.Laplacian(image, cv2.CV_32F).std()
    plain = np.full_like(image, 120)
    for seed in range(12):
        grid = grid_noise(plain, whole, unit, np.random.default_rng(seed)).astype(float)
        spectrum = np.abs(np.fft.fft2(grid.mean(axis=2) - grid.mean()))
        # A few peaks hold most of the energy; of noise, these would hold about a hundredth.
        energy = np.sort((spectrum**2).ravel())[::-1]
        assert energy[:150].sum() > 0.3 * energy.sum()


def test_random_labels_are_distinct_and_never_hide_each_other() -> None:
    drawn = [
        random_labels(list(ARTIFACTS), REGIONS, np.random.default_rng(seed)) for seed in range(300)
    ]
    assert {len(labels) for labels in drawn} == {1, 2, 3}
    assert {label for labels in drawn for label in labels} == set(LABELS)
    for labels in drawn:
        assert len(set(labels)) == len(labels)
        layers = [list(ARTIFACTS).index(label.split("_")[1]) for label in labels]
        assert layers == sorted(layers)
        for artifact in ARTIFACTS:
            regions = [label.split("_")[0] for label in labels if label.endswith(artifact)]
            assert regions == ["face"] or "face" not in regions


def test_what_is_not_there_is_not_visible() -> None:
    image, face = textured_face(5)
    for label in LABELS:
        assert visibility(image, image.copy(), face.xyxy, label) == 0
    assert visibility(image, 255 - image, np.array([5, 5, 7, 60], np.float32), "face_blur") == 0


def test_noise_hides_a_grid_that_a_smooth_face_would_show() -> None:
    ramp = np.linspace(90, 140, 100, dtype=np.float32)
    plain = np.repeat(np.repeat(ramp[None, :, None], 100, axis=0), 3, axis=2)
    grid = (4 * (np.indices((100, 100)).sum(axis=0) % 2))[..., None]
    noise = np.random.default_rng(0).normal(0, 25, plain.shape)
    box = np.array([10, 10, 90, 90], np.float32)

    def image(values: np.ndarray) -> Image:
        return np.clip(values, 0, 255).astype(np.uint8)

    def seen(under: np.ndarray) -> float:
        return visibility(image(under), image(under + grid), box, "face_gridnoise")

    assert seen(plain) >= 1
    assert 0 < seen(plain + noise) < 1


def test_spoiling_the_whole_picture_reaches_beyond_the_face() -> None:
    image, face = textured_face(6)
    left, top, right, bottom = face.xyxy.astype(int)
    outside = np.ones(image.shape[:2], bool)
    outside[top:bottom, left:right] = False
    for seed in range(20):
        spoiled = spoil_whole(image, face, np.random.default_rng(seed))
        assert spoiled.shape == image.shape
        assert (spoiled != image).any(axis=2)[outside].mean() > 0.005


def test_the_box_of_an_empty_mask_is_none() -> None:
    assert mask_box(np.zeros((8, 8), np.float32)) is None
    mask = np.zeros((8, 9), np.float32)
    mask[2:5, 3:7] = 1
    np.testing.assert_array_equal(mask_box(mask), [3, 2, 7, 5])


def test_what_could_not_be_seen_is_left_out() -> None:
    image, face = textured_face(7)

    def blind(picture: Image, xyxy: Floats) -> tuple[Image, Floats]:
        return np.zeros((64, 64, 3), np.uint8), np.full_like(xyxy, 64) * np.array(
            [0, 0, 1, 1], np.float32
        )

    made = add_artifacts(image, face, LABELS, blind, np.random.default_rng(1))
    assert made.changes == ()
    np.testing.assert_array_equal(made.image, image)

"""Draws: geometry that follows the picture, crops that are the runtime's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn import drawn_face, drawn_recipe, write_pack

from fakecheck.errors import InputError, UsageError
from fakecheck.regions import crop_regions
from fakecheck_training.augment import Degrader
from fakecheck_training.data import pick, read_samples
from fakecheck_training.draws.faces import FaceSource
from fakecheck_training.draws.matched import MatchedSource
from fakecheck_training.draws.parts import PartSource, part_crop, part_label
from fakecheck_training.draws.source import Source, balanced
from fakecheck_training.draws.views import (
    clip_boxes,
    cut_context,
    cut_margins,
    flip_face,
    longer_side,
    match_colours,
    move_face,
    picture_margins,
    shown_share,
)
from fakecheck_training.recipe import BackboneRecipe, CropSpec
from fakecheck_training.simulation.parts import PARTS, part_box
from fakecheck_training.sources import backbone_source, detector_source


def test_flipping_twice_changes_nothing_and_once_swaps_the_eyes() -> None:
    image, face = drawn_face(1)
    flipped = flip_face(face, image.shape[1])
    assert flipped.landmarks[0, 0] < flipped.landmarks[1, 0]
    again = flip_face(flipped, image.shape[1])
    np.testing.assert_allclose(again.landmarks, face.landmarks, atol=1e-4)
    np.testing.assert_allclose(again.xyxy, face.xyxy, atol=1e-4)


def test_context_moves_the_face_with_the_picture() -> None:
    image, face = drawn_face(2)
    cut, moved = cut_context(image, face, 1.0, np.zeros(2))
    x, y = np.round(moved.landmarks[0]).astype(int)
    ox, oy = np.round(face.landmarks[0]).astype(int)
    assert cut.shape[0] < image.shape[0]
    np.testing.assert_array_equal(cut[y, x], image[oy, ox])


def test_margins_cut_what_goes_on_further_and_leave_what_is_tight() -> None:
    image, face = drawn_face(2)
    wide = picture_margins(image, face)
    same, unmoved = cut_margins(image, face, wide + 1)
    assert same.shape == image.shape
    np.testing.assert_array_equal(unmoved.xyxy, face.xyxy)
    wanted = np.array([0.0, 0.1, 0.05, wide[3] + 1], np.float32)
    cut, moved = cut_margins(image, face, wanted)
    np.testing.assert_allclose(
        picture_margins(cut, moved), [0.0, 0.1, 0.05, wide[3]], atol=1.5 / longer_side(face)
    )
    x, y = np.round(moved.landmarks[2]).astype(int)
    ox, oy = np.round(face.landmarks[2]).astype(int)
    np.testing.assert_array_equal(cut[y, x], image[oy, ox])


def test_matched_draws_show_no_more_around_reals_than_around_the_closest_fake(
    tmp_path: Path,
) -> None:
    faces = write_pack(tmp_path)
    samples = read_samples(tmp_path)
    fakes, reals = pick(samples, "fit", True), pick(samples, "fit", False)
    close = fakes[:1]
    picture, face = cv2.imread(str(tmp_path / close[0].key)), faces[close[0].key]
    cut, moved = cut_margins(picture, face, np.zeros(4, np.float32))
    cv2.imwrite(str(tmp_path / close[0].key), cut)
    faces[close[0].key] = moved
    untouched = Degrader(untouched=1.0)
    free = FaceSource(tmp_path, faces, close, reals, untouched, (64, 64), 0.5)

    def repeated(found: Source) -> float:
        """Share of real crops whose outermost rows repeat the picture's last one."""
        images = [found.draw(False, np.random.default_rng(i)).image for i in range(20)]
        return float(np.mean([np.ptp(i[:4], axis=0).max() <= 2 for i in images]))

    assert repeated(MatchedSource(free, 1.0)) >= 0.9
    assert repeated(free) < 0.5


def test_matched_reals_look_like_the_fakes(tmp_path: Path) -> None:
    faces = write_pack(tmp_path)
    samples = read_samples(tmp_path)
    fakes, reals = pick(samples, "fit", True), pick(samples, "fit", False)
    for sample in fakes:
        path = str(tmp_path / sample.key)
        cv2.imwrite(path, cv2.LUT(cv2.imread(path), np.arange(256).astype(np.uint8) // 4 + 190))
    untouched = Degrader(untouched=1.0)
    free = FaceSource(tmp_path, faces, fakes, reals, untouched, (64, 64), 0.3)

    def light(found: Source, fake: bool) -> tuple[float, float]:
        drawn = [found.draw(fake, np.random.default_rng(i)).image for i in range(20)]
        return float(np.mean(drawn)), float(np.std(drawn))

    alike = MatchedSource(free, 1.0)
    np.testing.assert_allclose(light(alike, False), light(alike, True), atol=4)
    assert light(free, True)[0] - light(free, False)[0] > 40


def test_colours_are_matched_channel_by_channel() -> None:
    rng = np.random.default_rng(0)
    image = np.clip(rng.normal((120, 90, 140), 20, (64, 64, 3)), 0, 255).astype(np.uint8)
    like = np.clip(rng.normal((60, 110, 160), (24, 30, 12), (50, 40, 3)), 0, 255).astype(np.uint8)
    found = match_colours(image, image, like)
    np.testing.assert_allclose(found.mean(axis=(0, 1)), like.mean(axis=(0, 1)), atol=1.5)
    np.testing.assert_allclose(found.std(axis=(0, 1)), like.std(axis=(0, 1)), rtol=0.06)


def test_colours_of_a_flat_crop_are_matched_without_fail() -> None:
    flat = np.full((8, 8, 3), 100, np.uint8)
    rng = np.random.default_rng(0)
    like = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert abs(float(match_colours(flat, flat, like).mean()) - float(like.mean())) < 10
    assert (match_colours(like, like, flat) == 100).all()


def test_balanced_weighs_sets_by_size_and_wish(tmp_path: Path) -> None:
    write_pack(tmp_path)
    samples = read_samples(tmp_path)
    groups, chance = balanced(samples, 0.5, {"toy": 2.0})
    assert [len(g) for g in groups] == [80]
    np.testing.assert_allclose(chance, [1.0])


@pytest.fixture
def source(tmp_path: Path) -> FaceSource:
    faces = write_pack(tmp_path)
    samples = read_samples(tmp_path)
    return FaceSource(
        tmp_path,
        faces,
        pick(samples, "fit", True),
        pick(samples, "fit", False),
        Degrader(face_side=(60, 100)),
        (96, 96),
        0.3,
    )


@pytest.mark.parametrize("fake", [True, False])
def test_face_draws_are_repeatable_and_boxed_over_the_face(source: FaceSource, fake: bool) -> None:
    first, second = (source.draw(fake, np.random.default_rng((1, 2))) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    assert first.image.shape == (96, 96, 3)
    assert first.fake == fake
    assert len(first.xyxy) == len(first.labels) == int(fake)
    if fake:
        left, top, right, bottom = first.xyxy[0]
        assert 0 <= left < 48 < right <= 96
        assert bottom - top > 48


def test_part_crops_are_the_bytes_the_runtime_cuts() -> None:
    image, face = drawn_face(3, side=200)
    eyes = crop_regions(image, [face], ("eyes",), (64, 64), 0.3)
    nose, mouth = (crop_regions(image, [face], (r,), (64, 64), 0.3)[0] for r in ("nose", "mouth"))
    for part, crop in zip(PARTS, (*eyes, nose, mouth), strict=True):
        np.testing.assert_array_equal(part_crop(image, face, part, 64, 0.3).image, crop.image)


def test_each_part_lies_whole_in_its_own_crop() -> None:
    image, face = drawn_face(4, side=200)
    for part in PARTS:
        crop = part_crop(image, face, part, 112, 0.3)
        (box,) = crop.to_crop(part_box(face, part)[None])
        assert shown_share(box, 112, 112) > 0.99
        assert box[2] - box[0] > 40


def test_part_source_simulates_swaps_with_boxes(tmp_path: Path) -> None:
    faces = write_pack(tmp_path)
    samples = read_samples(tmp_path)
    reals = pick(samples, "fit", False)
    source = PartSource(
        tmp_path, faces, [], reals, Degrader(face_side=(80, 120)), 64, 0.3, simulated=1.0
    )
    draws = [source.draw(True, np.random.default_rng((1, i))) for i in range(6)]
    for draw in draws:
        assert draw.fake
        assert set(draw.labels) <= {part_label(part) for part in PARTS}
        assert len(draw.labels) == len(draw.xyxy) >= 1
        assert (draw.xyxy >= 0).all()
        assert (draw.xyxy <= 64).all()
    real = source.draw(False, np.random.default_rng(1))
    assert not real.fake
    assert len(real.xyxy) == 0


def test_clipping_and_moving() -> None:
    _, face = drawn_face(5)
    np.testing.assert_allclose(move_face(face, 2, 2).xyxy, face.xyxy * 2, rtol=1e-5)
    clipped = clip_boxes(np.array([[-5, -5, 500, 20]], np.float32), 96, 96)
    np.testing.assert_array_equal(clipped, [[0, 0, 96, 20]])


def test_part_crops_need_fakes_whose_parts_are_known(tmp_path: Path) -> None:
    faces = write_pack(tmp_path)
    recipe = BackboneRecipe("parts", CropSpec(["eyes", "mouth"], 64), steps=1, fake_sets=["toy"])
    with pytest.raises(UsageError, match="toy does not say which parts"):
        backbone_source(recipe, tmp_path, read_samples(tmp_path), faces, "fit")


def test_sets_that_are_not_there_are_named(tmp_path: Path) -> None:
    faces, samples = write_pack(tmp_path), read_samples(tmp_path)
    recipe = BackboneRecipe("all", CropSpec(["face"], 64), steps=1, fake_sets=["toi"])
    with pytest.raises(UsageError, match=r"no set 'toi'.*known are toy"):
        backbone_source(recipe, tmp_path, samples, faces, "fit")
    recipe = replace(recipe, fake_sets=["toy"], real_weights={"tyo": 2.0})
    with pytest.raises(UsageError, match="no set 'tyo'"):
        backbone_source(recipe, tmp_path, samples, faces, "fit")


def test_a_set_of_a_detector_that_is_not_there_is_named(tmp_path: Path) -> None:
    faces, samples = write_pack(tmp_path), read_samples(tmp_path)
    recipe = replace(drawn_recipe("toy", "toygan", 64, 4, 4), fake_sets=["toi"])
    with pytest.raises(UsageError, match=r"no set 'toi'.*known are toy"):
        detector_source(recipe, tmp_path, samples, faces)


@pytest.mark.parametrize("matched", [False, True])
def test_a_fake_whose_box_is_never_in_the_crop_is_no_real_one(
    tmp_path: Path, matched: bool
) -> None:
    faces = write_pack(tmp_path)
    fakes = pick(read_samples(tmp_path), "fit", True)
    off = [replace(s, labels=("face_synthesis",), boxes=((0.0, 0.0, 4.0, 4.0),)) for s in fakes]
    whole = FaceSource(
        tmp_path, faces, off, pick(read_samples(tmp_path), "fit", False), Degrader(), (64, 64), 0.0
    )
    source = MatchedSource(whole, 1.0) if matched else whole
    with pytest.raises(InputError, match="no forged face to be seen"):
        source.draw(True, np.random.default_rng(1))
    assert not source.draw(False, np.random.default_rng(1)).fake

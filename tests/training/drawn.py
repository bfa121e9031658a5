"""Drawn pictures with faces at known places, and a tiny pack made of them."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from fakecheck.types import Face, Image
from fakecheck_training.draws.source import Draw
from fakecheck_training.recipe import CropSpec, DetectorRecipe, Records

SIDE = 128


def drawn_face(seed: int, side: int = SIDE) -> tuple[Image, Face]:
    """A face of ellipses on a plain ground, and where it is."""
    rng = np.random.default_rng(seed)
    image = np.full((side, side, 3), rng.integers(30, 220, 3), np.uint8)
    centre = np.array([side / 2, side / 2]) + rng.uniform(-0.05, 0.05, 2) * side
    skin = tuple(int(v) for v in rng.integers(90, 220, 3))
    axes = (round(side * 0.28), round(side * 0.36))
    cv2.ellipse(image, _point(centre), axes, 0, 0, 360, skin, -1)
    offsets = np.array([[-0.12, -0.1], [0.12, -0.1], [0, 0.04], [-0.1, 0.17], [0.1, 0.17]]) * side
    marks = centre + offsets
    for eye in marks[:2]:
        cv2.circle(image, _point(eye), max(2, side // 26), (250, 250, 250), -1)
        cv2.circle(image, _point(eye), max(1, side // 50), (20, 20, 20), -1)
    cv2.line(image, _point(marks[2] - (0, side * 0.1)), _point(marks[2]), (60, 60, 90), 2)
    cv2.line(image, _point(marks[3]), _point(marks[4]), (40, 40, 160), 3)
    noise = rng.normal(0, 4, image.shape)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    half = np.array(axes, float)
    box = np.concatenate([centre - half, centre + half]).astype(np.float32)
    return image, Face(box, marks.astype(np.float32), 1.0)


def _point(xy: np.ndarray) -> tuple[int, int]:
    return round(float(xy[0])), round(float(xy[1]))


def write_pack(root: Path, groups: int = 40) -> dict[str, Face]:
    """A set `toy` of drawn faces, half with a magenta checkerboard on them; key → face."""
    folder = root / "toy"
    folder.mkdir(parents=True)
    faces, rows = {}, []
    for group in range(groups):
        for fake in (False, True):
            name = f"{'fake' if fake else 'real'}_{group}.png"
            image, face = drawn_face(group)
            if fake:
                image = spoil(image, face)
            cv2.imwrite(str(folder / name), image)
            faces[f"toy/{name}"] = face
            split = "val" if group % 10 == 9 else "train"
            label, family = ("fake", "toygan") if fake else ("real", "")
            rows.append((name, split, label, family, f"g{group}", "", ""))
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "split", "label", "family", "group", "frame", "parts"))
        writer.writerows(rows)
    return faces


def spoil(image: Image, face: Face) -> Image:
    """A face that any detector must find: a coarse magenta checkerboard."""
    left, top, right, bottom = (int(v) for v in face.xyxy)
    y, x = np.mgrid[top:bottom, left:right]
    spoiled = image.copy()
    spoiled[top:bottom, left:right][(x // 8 + y // 8) % 2 == 0] = (230, 20, 230)
    return spoiled


class ToySource:
    """Draws straight from drawn faces: no pack, no degradation."""

    families = ["toygan"]  # noqa: RUF012

    def __init__(self, side: int) -> None:
        self.side = side

    def draw(self, fake: bool, rng: np.random.Generator) -> Draw:
        """A drawn face, spoiled if `fake`."""
        image, face = drawn_face(int(rng.integers(10_000)), self.side)
        return Draw(
            image=spoil(image, face) if fake else image,
            fake=fake,
            family="toygan" if fake else "",
            xyxy=face.xyxy[None] if fake else np.zeros((0, 4), np.float32),
            labels=("face_synthesis",) if fake else (),
            source="drawn",
        )


def drawn_recipe(
    name: str,
    family: str,
    side: int,
    pictures: int,
    steps: int,
    batch: int = 8,
    pipeline: str = "ssd_lite0_fpn.config",
    classes: tuple[str, ...] = ("face_synthesis",),
) -> DetectorRecipe:
    """A detector of checkerboards on crops of `side` pixels; `pictures` reals and as many fakes."""
    return DetectorRecipe(
        name=name,
        family=family,
        kind="synthesis",
        version="0.0.1",
        summary="Boxes checkerboards.",
        backbone="",
        pipeline=pipeline,
        crop=CropSpec(["face"], side),
        classes=list(classes),
        fake_sets=[],
        records=Records(pictures, pictures),
        steps=steps,
        limits=["Knows drawn faces only."],
        batch=batch,
        rate=2e-3,
    )

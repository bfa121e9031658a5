"""`python -m fakecheck_training.preview RECIPE SHEET.png`: a contact sheet of what is drawn.

Look at it before training: boxes in green, fakes in the odd columns.
"""

from __future__ import annotations

from pathlib import Path

import click
import cv2
import numpy as np

from fakecheck.errors import UsageError
from fakecheck.types import Image
from fakecheck_training.draws import Draw, Source
from fakecheck_training.options import cli, data_option, recipe_argument, work_option
from fakecheck_training.recipe import load_backbone_recipe, load_detector_recipe
from fakecheck_training.sources import backbone_source, detector_source, known_samples

GREEN = (0, 255, 0)


def contact_sheet(source: Source, columns: int, rows: int, seed: int) -> Image:
    """`columns` by `rows` draws with their boxes; every second column is fake."""
    lines = []
    for row in range(rows):
        draws = [
            source.draw(bool(column % 2), np.random.default_rng((seed, row, column)))
            for column in range(columns)
        ]
        lines.append(np.hstack([_marked(draw) for draw in draws]))
    return np.vstack(lines)


def _marked(draw: Draw) -> Image:
    image = draw.image.copy()
    for left, top, right, bottom in draw.xyxy.astype(int).tolist():
        cv2.rectangle(image, (left, top), (right, bottom), GREEN, 1)
    return image


@cli
@recipe_argument
@click.argument("sheet", type=click.Path(dir_okay=False, path_type=Path))
@data_option
@work_option
@click.option("--columns", default=14, show_default=True)
@click.option("--rows", default=8, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(
    recipe: Path, sheet: Path, data: Path, work: Path, columns: int, rows: int, seed: int
) -> None:
    """Write a picture with draws of RECIPE to SHEET."""
    samples, faces = known_samples(data, work)
    source: Source
    try:
        source = backbone_source(load_backbone_recipe(recipe), data, samples, faces, "fit")
    except UsageError:
        source = detector_source(load_detector_recipe(recipe), data, samples, faces)
    if not cv2.imwrite(str(sheet), contact_sheet(source, columns, rows, seed)):
        raise OSError(f"cannot write {sheet}")


if __name__ == "__main__":
    main()

"""`python -m fakecheck_training.preview RECIPE SHEET.png`: a contact sheet of what is drawn.

Look at it before training: boxes with their classes, fakes in the odd columns. With `--pairs`,
fakes made from real faces stand beside what they were made from.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np

from fakecheck.errors import UsageError
from fakecheck.files import atomic_path
from fakecheck.types import Image
from fakecheck_training.draws.source import Draw, PairSource, Source
from fakecheck_training.options import cli, data_option, recipe_argument, work_option
from fakecheck_training.recipe import (
    is_detector_recipe,
    load_backbone_recipe,
    load_detector_recipe,
)
from fakecheck_training.sources import backbone_source, detector_source, known_samples

GREEN, BLACK = (0, 255, 0), (0, 0, 0)
FONT, FONT_SCALE, LINE = cv2.FONT_HERSHEY_SIMPLEX, 0.33, 10
COLUMNS, ROWS, SEED = 14, 8, 1

Cell = Callable[[np.random.Generator, bool], list[Image]]


def contact_sheet(source: Source, columns: int, rows: int, seed: int) -> Image:
    """`columns` by `rows` draws with their boxes; every second column is fake."""
    return _sheet(lambda rng, odd: [marked(source.draw(odd, rng))], columns, rows, seed)


def pair_sheet(source: PairSource, columns: int, rows: int, seed: int) -> Image:
    """`columns` // 2 by `rows` fakes, each with the same crop before it was forged on its left."""

    def pair(rng: np.random.Generator, _: bool) -> list[Image]:
        found = source.pair(rng)
        return [found.before, marked(found.after)]

    return _sheet(pair, max(1, columns // 2), rows, seed)


def _sheet(cell: Cell, columns: int, rows: int, seed: int) -> Image:
    lines = []
    for row in range(rows):
        images: list[Image] = []
        for column in range(columns):
            images += cell(np.random.default_rng((seed, row, column)), bool(column % 2))
        lines.append(np.hstack(images))
    return np.vstack(lines)


def marked(draw: Draw) -> Image:
    """The draw's picture with its boxes, and their classes listed in its corner."""
    image = draw.image.copy()
    for left, top, right, bottom in draw.xyxy.astype(int).tolist():
        cv2.rectangle(image, (left, top), (right, bottom), GREEN, 1)
    for number, label in enumerate(dict.fromkeys(draw.labels), 1):
        (width, _), _ = cv2.getTextSize(label, FONT, FONT_SCALE, 1)
        cv2.rectangle(image, (0, (number - 1) * LINE), (width + 2, number * LINE), BLACK, -1)
        place = (1, number * LINE - 2)
        cv2.putText(image, label, place, FONT, FONT_SCALE, GREEN, 1, cv2.LINE_AA)
    return image


def write_sheet(
    recipe: Path,
    sheet: Path,
    data: Path,
    work: Path,
    columns: int = COLUMNS,
    rows: int = ROWS,
    seed: int = SEED,
    pairs: bool = False,
) -> None:
    """Writes a picture with draws of the recipe, a detector's or a backbone's, to `sheet`.

    Raises UsageError where it cannot be written or, with `pairs`, where there are none.
    """
    if not cv2.haveImageWriter(str(sheet)):
        raise UsageError(f"{sheet}: no picture can be written with this suffix")
    source = _source(recipe, data, work)
    if not pairs:
        image = contact_sheet(source, columns, rows, seed)
    elif isinstance(source, PairSource):
        image = pair_sheet(source, columns, rows, seed)
    else:
        raise UsageError(f"{recipe} draws no pairs of a real face and a fake made from it")
    with atomic_path(sheet) as path:
        path.write_bytes(cv2.imencode(sheet.suffix, image)[1].tobytes())


def _source(recipe: Path, data: Path, work: Path) -> Source:
    if is_detector_recipe(recipe):
        spec = load_detector_recipe(recipe)
        return detector_source(spec, data, *known_samples(data, work, spec))
    backbone = load_backbone_recipe(recipe)
    return backbone_source(backbone, data, *known_samples(data, work), "fit")


@cli
@recipe_argument
@click.argument("sheet", type=click.Path(dir_okay=False, path_type=Path))
@data_option
@work_option
@click.option("--columns", type=click.IntRange(1), default=COLUMNS, show_default=True)
@click.option("--rows", type=click.IntRange(1), default=ROWS, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=SEED, show_default=True)
@click.option("--pairs", is_flag=True, help="Fakes made from real faces, beside the real ones.")
def main(
    recipe: Path,
    sheet: Path,
    data: Path,
    work: Path,
    columns: int,
    rows: int,
    seed: int,
    pairs: bool,
) -> None:
    """Write a picture with draws of RECIPE to SHEET."""
    write_sheet(recipe, sheet, data, work, columns, rows, seed, pairs)


if __name__ == "__main__":
    main()

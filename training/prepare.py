"""`python -m fakecheck_training.prepare RECIPE`: draws of the data sets → TFRecords + label map."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from fakecheck.types import Face
from fakecheck_training.data import Sample, pick
from fakecheck_training.options import cli, data_option, progress, recipe_argument, work_option
from fakecheck_training.pipeline import (
    check_network,
    is_drawn,
    make_pipeline,
    run_folders,
    write_drawn,
)
from fakecheck_training.preview import write_sheet
from fakecheck_training.recipe import load_detector_recipe
from fakecheck_training.records import make_draws, write_records
from fakecheck_training.sources import detector_source, known_samples


def digest_of(samples: Sequence[Sample], faces: Mapping[str, Face], data: Path) -> str:
    """Changes with what is drawn from: the samples of the fit split, their faces and file sizes."""
    digest = hashlib.sha256()
    for sample in pick(samples, "fit"):
        path, face = data / sample.key, faces[sample.key]
        size = path.stat().st_size if path.exists() else 0
        digest.update(f"{sample} {sample.kin} {size}".encode())
        digest.update(face.xyxy.tobytes() + face.landmarks.tobytes())
    return digest.hexdigest()[:16]


@cli
@recipe_argument
@data_option
@work_option
@click.option(
    "--preview",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="SHEET.png",
    help="Write a picture of what would be drawn, as the command preview does, and no records.",
)
@click.option("--again", is_flag=True, help="Draw anew what was drawn before.")
def main(recipe: Path, data: Path, work: Path, preview: Path | None, again: bool) -> None:
    """Write the TFRecords and label maps of the detector RECIPE to WORK/detectors/NAME.

    Every run of the recipe has draws of its own. Those that are complete, and drawn by this recipe
    from these pictures, are left as they are.
    """
    if preview is not None:
        write_sheet(recipe, preview, data, work)
        return
    spec = load_detector_recipe(recipe)
    make_pipeline(spec, run_folders(work, spec)[0], None)  # what is wrong with it is told first
    check_network(spec, work)
    samples, faces = known_samples(data, work, spec)
    source = detector_source(spec, data, samples, faces)
    pictures = digest_of(samples, faces, data)
    for folder, run in zip(run_folders(work, spec), spec.runs, strict=True):
        if not again and is_drawn(spec, run, folder, pictures):
            click.echo(f"{folder} has been drawn before; --again draws it anew", err=True)
            continue
        fakes, reals = spec.records.fakes * run.length, spec.records.reals * run.length
        draws = progress(make_draws(source, fakes, reals, run.seed), fakes + reals, "draws")
        count, boxes = write_records(draws, folder, spec.classes)
        write_drawn(spec, run, folder, pictures)
        click.echo(f"{folder}: {count} draws with {boxes} boxes", err=True)


if __name__ == "__main__":
    main()

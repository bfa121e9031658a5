"""Recipe + pack → the source that training draws from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fakecheck.types import Face
from fakecheck_training.data import Sample, pick, read_samples
from fakecheck_training.draws import FaceSource, Source
from fakecheck_training.faces import load_faces, with_faces
from fakecheck_training.part_draws import PartSource
from fakecheck_training.recipe import BackboneRecipe, CropSpec, DetectorRecipe


def known_samples(data: Path, work: Path) -> tuple[list[Sample], dict[str, Face]]:
    """All samples of the pack in which a face was found, and the faces."""
    faces = load_faces(work)
    return with_faces(read_samples(data), faces), faces


def sees_parts(crop: CropSpec) -> bool:
    """Whether these crops show parts of faces instead of whole ones."""
    return crop.regions != ["face"]


def backbone_source(
    recipe: BackboneRecipe,
    data: Path,
    samples: Sequence[Sample],
    faces: dict[str, Face],
    split: str,
) -> Source:
    """What the classifier stage draws from, in one split."""
    fakes = pick(samples, split, fake=True, sets=recipe.fake_sets or None)
    reals = pick(samples, split, fake=False)
    crop = recipe.crop
    if sees_parts(crop):
        return PartSource(
            data,
            faces,
            fakes,
            reals,
            recipe.degrade,
            crop.side,
            crop.margin,
            simulated=recipe.simulated,
            power=recipe.power,
            real_weights=recipe.real_weights,
        )
    return FaceSource(
        data,
        faces,
        fakes,
        reals,
        recipe.degrade,
        (crop.side, crop.side),
        crop.margin,
        power=recipe.power,
        fake_weights=recipe.fake_weights,
        real_weights=recipe.real_weights,
    )


def detector_source(
    recipe: DetectorRecipe, data: Path, samples: Sequence[Sample], faces: dict[str, Face]
) -> Source:
    """What a detector's records are drawn from: the fit split."""
    fakes = pick(samples, "fit", fake=True, sets=recipe.fake_sets)
    reals = pick(samples, "fit", fake=False)
    crop, records = recipe.crop, recipe.records
    if sees_parts(crop):
        return PartSource(
            data,
            faces,
            fakes,
            reals,
            recipe.degrade,
            crop.side,
            crop.margin,
            simulated=records.simulated,
            untouched=records.untouched,
            power=records.power,
            real_weights=records.real_weights,
        )
    return FaceSource(
        data,
        faces,
        fakes,
        reals,
        recipe.degrade,
        (crop.side, crop.side),
        crop.margin,
        label=recipe.classes[0],
        power=records.power,
        fake_weights=records.fake_weights,
        real_weights=records.real_weights,
    )

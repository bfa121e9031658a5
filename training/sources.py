"""Recipe + pack → the source that training draws from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fakecheck.errors import UsageError
from fakecheck.types import Face
from fakecheck_training.data import Sample, pick, read_samples
from fakecheck_training.draws.artifacts import ArtifactSource
from fakecheck_training.draws.blends import BlendSource
from fakecheck_training.draws.faces import FaceSource
from fakecheck_training.draws.filtered import filtered
from fakecheck_training.draws.matched import MatchedSource
from fakecheck_training.draws.parts import PartSource
from fakecheck_training.draws.source import Source
from fakecheck_training.faces import check_searched, load_faces, with_faces
from fakecheck_training.inputs.faces import find_input_faces
from fakecheck_training.inputs.samples import read_input, tell_problems
from fakecheck_training.recipe import BackboneRecipe, CropSpec, DetectorRecipe, Records
from fakecheck_training.recipe_checks import BLEND_CLASSES


def known_samples(
    data: Path, work: Path, recipe: DetectorRecipe | None = None
) -> tuple[list[Sample], dict[str, Face]]:
    """All samples of the pack in which a face was found, and the faces.

    With a recipe also those of its `inputs`, which need no pack beside them; what of these cannot
    be used is told on stderr.
    """
    if recipe is None or not recipe.inputs:
        found, faces = read_samples(data), load_faces(work)
        check_searched(found, work)
        return with_faces(found, faces), faces
    samples: list[Sample] = []
    faces = {}
    if any(data.glob("*/manifest.csv")):
        samples, faces = known_samples(data, work)
    for spec in recipe.inputs:
        if spec.name in {sample.dataset for sample in samples}:
            raise UsageError(f"the data pack has a set {spec.name!r} too: name the input otherwise")
        given = read_input(spec, data, recipe.classes, recipe.family)
        known, problems = find_input_faces(given.samples, sees_parts(recipe.crop))
        tell_problems(spec.name, len(given.samples), [*given.problems, *problems])
        samples += known.samples
        faces |= known.faces
    return samples, faces


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
    _check_sets(recipe, recipe, samples)
    fakes = pick(samples, split, fake=True, sets=recipe.fake_sets or None)
    reals = pick(samples, split, fake=False)
    source = _source(recipe, recipe, data, faces, fakes, reals)
    return filtered(source, recipe.crop.filters)


def detector_source(
    recipe: DetectorRecipe, data: Path, samples: Sequence[Sample], faces: dict[str, Face]
) -> Source:
    """What a detector's records are drawn from: the fit split."""
    _check_sets(recipe, recipe.records, samples)
    fakes = pick(samples, "fit", fake=True, sets=recipe.fake_sets)
    reals = pick(samples, "fit", fake=False)
    if not ((fakes or recipe.simulate) and reals):
        raise UsageError(
            f"{recipe.name}: there are {len(fakes)} fakes and {len(reals)} real pictures to fit, "
            "and both are needed"
        )
    source = _source(recipe, recipe.records, data, faces, fakes, reals, recipe.classes)
    return filtered(source, recipe.crop.filters)


def _check_sets(
    recipe: BackboneRecipe | DetectorRecipe,
    mix: BackboneRecipe | Records,
    samples: Sequence[Sample],
) -> None:
    """Raises UsageError for a set that is named and not there."""
    known = {sample.dataset for sample in samples}
    if isinstance(recipe, DetectorRecipe):  # an input may have no picture that shows a face
        known |= {item.name for item in recipe.inputs}
    for name in [*recipe.fake_sets, *mix.fake_weights, *mix.real_weights]:
        if name not in known:
            raise UsageError(
                f"{recipe.name}: there is no set {name!r}",
                advice=f"known are {', '.join(sorted(known))}",
            )


def _source(
    recipe: BackboneRecipe | DetectorRecipe,
    mix: BackboneRecipe | Records,
    data: Path,
    faces: dict[str, Face],
    fakes: Sequence[Sample],
    reals: Sequence[Sample],
    classes: Sequence[str] = (),
) -> Source:
    """`mix` says how often what is drawn; a backbone, which reads no labels, has no `classes`."""
    crop, size = recipe.crop, (recipe.crop.side, recipe.crop.side)
    if recipe.simulate:
        return ArtifactSource(
            data,
            faces,
            reals,
            recipe.degrade,
            size,
            crop.margin,
            recipe.simulate,
            power=mix.power,
            real_weights=mix.real_weights,
            max_tilt=crop.max_tilt,
        )
    if sees_parts(crop):
        if unknown := sorted({fake.dataset for fake in fakes if not fake.parts}):
            raise UsageError(
                f"{recipe.name}: {unknown[0]} does not say which parts of its fakes were replaced, "
                "so no crops of parts can be drawn from it"
            )
        return PartSource(
            data,
            faces,
            fakes,
            reals,
            recipe.degrade,
            crop.side,
            crop.margin,
            simulated=mix.simulated,
            untouched=mix.untouched if isinstance(mix, Records) else 0.0,
            power=mix.power,
            real_weights=mix.real_weights,
            max_tilt=crop.max_tilt,
        )
    whole = FaceSource(
        data,
        faces,
        fakes,
        reals,
        recipe.degrade,
        size,
        crop.margin,
        label=classes[0] if classes else FaceSource.label,
        power=mix.power,
        fake_weights=mix.fake_weights,
        real_weights=mix.real_weights,
        max_tilt=crop.max_tilt,
    )
    if isinstance(mix, Records) and mix.matched:
        return MatchedSource(whole, mix.matched)
    return BlendSource(whole, mix.blended, classes or BLEND_CLASSES) if mix.blended else whole

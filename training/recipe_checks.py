"""What a recipe may ask for, told before anything is drawn or trained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from fakecheck.calibration import silent_fields
from fakecheck.card import GRAPH_FILE, LABEL_MAP_FILE, DetectorCard, first_problem
from fakecheck.errors import UsageError
from fakecheck.filters import check_filters
from fakecheck.regions import REGIONS
from fakecheck_training.networks.variants import NETWORKS
from fakecheck_training.simulation.artifacts import ARTIFACTS, PARTS_OF

if TYPE_CHECKING:
    from fakecheck_training.recipe import BackboneRecipe, CropSpec, DetectorRecipe, Simulate

BLEND_CLASSES = ("face_swap", "face_boundary", "face_colormismatch", "face_resolutionmismatch")
PARTS = tuple(PARTS_OF)
PART_CLASSES = tuple(f"{part}_partswap" for part in PARTS)
# In pixels, as a card takes them.
SIDES = range(16, 2049)
# Of `Degrader`: chances, and ranges with what they must be over and at most.
CHANCES = ("untouched", "blur", "noise", "colour", "grey", "compress", "twice", "webp")
RANGES = {
    "face_side": (0, inf),
    "blur_sigma": (0, inf),
    "noise_sigma": (0, inf),
    "quality": (0, 100),
}
# Steps of a detector are done in calls of so many, and as many calls lie between two checkpoints.
LOOPS = range(10, 51)
# The name is a folder's, of records and of the bundle.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def check_backbone(recipe: BackboneRecipe, path: Path) -> None:
    """Raises UsageError, with the first thing that cannot be."""
    shares = {"simulated": recipe.simulated, "blended": recipe.blended}
    counts = {"steps": recipe.steps, "batch": recipe.batch}
    weights = recipe.fake_weights, recipe.real_weights
    problems = _common(recipe, recipe.peak_rate, counts, shares, *weights)
    crops = _crops(recipe.crop, recipe.simulate, recipe.blended)
    _raise_first(path, chain(problems, crops, _network(recipe.network)))


def check_detector(recipe: DetectorRecipe, path: Path, pipelines: Path) -> None:
    """Raises UsageError, with the first thing that cannot be."""
    drawn = recipe.records
    shares = {
        "simulated": drawn.simulated,
        "blended": drawn.blended,
        "untouched": drawn.untouched,
        "matched": drawn.matched,
    }
    counts = {
        "steps": recipe.steps,
        "batch": recipe.batch,
        "fakes": drawn.fakes,
        "reals": drawn.reals,
    }
    weights = drawn.fake_weights, drawn.real_weights
    problems = _common(recipe, recipe.rate, counts, shares, *weights)
    crops = _crops(recipe.crop, recipe.simulate, drawn.blended)
    _raise_first(path, chain(problems, crops, _detector(recipe, pipelines), _card(recipe)))


def _raise_first(path: Path, problems: Iterable[str]) -> None:
    for problem in problems:
        raise UsageError(f"{path}: {problem}")


def _network(name: str) -> Iterator[str]:
    if name not in NETWORKS:
        yield f"network must be {' or '.join(NETWORKS)}, got {name!r}"


def _common(
    recipe: BackboneRecipe | DetectorRecipe,
    rate: float,
    counts: Mapping[str, int],
    shares: Mapping[str, float],
    *weights: Mapping[str, float],
) -> Iterator[str]:
    if not NAME.fullmatch(recipe.name):
        yield f"name must be small letters, digits, _ and -, got {recipe.name!r}"
    for name, count in counts.items():
        if count < 1:
            yield f"{name} must be 1 or more, got {count}"
    if recipe.crop.side not in SIDES:
        yield f"side must be from {SIDES[0]} to {SIDES[-1]}, got {recipe.crop.side}"
    if not rate > 0:
        yield f"the learning rate must be over 0, got {rate:g}"
    if recipe.seed < 0:
        yield f"seed must be 0 or more, got {recipe.seed}"
    chances = {name: getattr(recipe.degrade, name) for name in CHANCES}
    for name, share in {**shares, **chances}.items():
        if not 0 <= share <= 1:
            yield f"{name} must be from 0 to 1, got {share:g}"
    if recipe.crop.margin < 0:
        yield f"margin must be 0 or more, got {recipe.crop.margin:g}"
    for chosen in weights:
        for name, weight in chosen.items():
            if not weight > 0:
                yield f"the weight of {name} must be over 0, got {weight:g}"
    for name, (least, most) in RANGES.items():
        low, high = getattr(recipe.degrade, name)
        if not least < low <= high <= most:
            limit = "" if most == inf else f" and at most {most:g}"
            yield (
                f"{name} must be two numbers over {least:g}{limit}, the smaller one first, "
                f"got {low:g}, {high:g}"
            )


def _crops(crop: CropSpec, simulate: Simulate | None, blended: float) -> Iterator[str]:
    whole = crop.regions == ["face"]
    if not whole and not (crop.regions and set(crop.regions) <= set(PARTS)):
        yield f"regions must be [face] or some of {', '.join(PARTS)}, got {crop.regions}"
    if (simulate or blended) and not whole:
        yield "simulate and blended need crops of the face alone"
    if simulate and (unknown := sorted(set(simulate.artifacts) - set(ARTIFACTS))):
        yield f"unknown artifact {unknown[0]!r}, known are {', '.join(ARTIFACTS)}"
    if simulate and (unknown := sorted(set(simulate.regions) - {"face", *PARTS})):
        yield f"unknown region {unknown[0]!r}, known are face, {', '.join(PARTS)}"
    try:
        check_filters(crop.filters)
    except ValueError as error:
        yield str(error)


def _detector(recipe: DetectorRecipe, pipelines: Path) -> Iterator[str]:
    if not recipe.classes or len(set(recipe.classes)) < len(recipe.classes):
        yield "classes must be one or more, none twice"
    for name in recipe.classes:
        region, _, artifact = name.partition("_")
        if region not in REGIONS or not artifact:
            yield f"class {name!r} is no <region>_<artifact>, regions are {', '.join(REGIONS)}"
    if not (pipelines / recipe.pipeline).is_file():
        known = ", ".join(sorted(path.name for path in pipelines.glob("*.config")))
        yield f"there is no pipeline {recipe.pipeline!r} beside the recipe, known are {known}"
    if recipe.simulate and sorted(recipe.simulate.classes) != sorted(recipe.classes):
        yield (
            "classes must be every <region>_<artifact> of simulate, "
            f"which makes {', '.join(recipe.simulate.classes)}"
        )
    of_parts = recipe.crop.regions != ["face"] and not recipe.inputs
    # A crop shows the parts beside its own, and these are boxed as well.
    if of_parts and sorted(recipe.classes) != sorted(PART_CLASSES):
        yield f"crops of parts need the classes {', '.join(PART_CLASSES)}"
    if recipe.steps > 2 * LOOPS.stop and not any(recipe.steps % loop == 0 for loop in LOOPS):
        yield f"steps must be a multiple of a number from 10 to 50, got {recipe.steps}"
    if recipe.simulate and recipe.fake_sets:
        yield f"simulate makes all fakes, so there can be none of {', '.join(recipe.fake_sets)}"
    if recipe.records.fake_weights and recipe.crop.regions != ["face"]:
        yield "fake_weights are for whole faces: of parts, all forged pictures are drawn alike"
    runs = recipe.runs
    if min(run.seed for run in runs) < 0:
        yield "the seed of a run must be 0 or more"
    if len(set(runs)) < len(runs) or min(run.length for run in runs) < 1:
        yield "every run needs a length of 1 or more and draws of its own"
    if recipe.min_level not in (3, 4, 5):
        yield f"min_level must be 3, 4 or 5, got {recipe.min_level}"
    drawn = recipe.records
    if drawn.matched and (recipe.simulate or recipe.crop.regions != ["face"]):
        yield "matched needs fakes of fake_sets or inputs, and whole faces"
    if drawn.matched and drawn.blended:
        yield "matched and blended cannot be used together"
    if drawn.blended and not set(recipe.classes) & set(BLEND_CLASSES):
        yield f"blended needs one of the classes {', '.join(BLEND_CLASSES)}"


def _card(recipe: DetectorRecipe) -> Iterator[str]:
    """What the runtime will refuse of the card that is written in the end."""
    side = recipe.crop.side
    data = {"set": "", "split": "", "use": "", "pictures": 0, "terms": "unknown"}
    try:
        DetectorCard.model_validate(
            {
                "schema": "fakecheck.detector/1",
                "id": recipe.name,
                "version": recipe.version,
                "family": recipe.family,
                "kind": recipe.kind,
                "architecture": "",
                "summary": recipe.summary,
                "crop": {
                    "regions": recipe.crop.regions,
                    "margin": recipe.crop.margin,
                    "max_tilt": recipe.crop.max_tilt,
                },
                "min_face": recipe.min_face,
                "input": {"width": side, "height": side},
                "files": dict.fromkeys((GRAPH_FILE, LABEL_MAP_FILE), "0" * 64),
                **silent_fields(recipe.classes),
                "training": {
                    "data": [data],
                    "command": "",
                    "seed": recipe.seed,
                    "steps": recipe.steps,
                    "date": "",
                },
                "licence": {"graph": "unknown", "data": "unknown"},
                "limits": recipe.limits,
            }
        )
    except ValidationError as error:
        yield first_problem(error)

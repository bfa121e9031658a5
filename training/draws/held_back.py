"""Held-back pictures with simulated artifacts: the fakes that calibration and evaluation use where
a recipe's fakes are simulated.

Nothing is stored: a sample knows the seed of its artifacts, its picture is made when it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fakecheck.errors import UsageError
from fakecheck.regions import crop_regions
from fakecheck.types import Face, Floats, Image
from fakecheck_training.data import Sample, pick
from fakecheck_training.draws.artifacts import FAMILY
from fakecheck_training.draws.views import clip_boxes
from fakecheck_training.faces import read_image
from fakecheck_training.recipe import DetectorRecipe, Simulate
from fakecheck_training.simulation.artifacts import Flawed, add_artifacts, random_labels

DATASET = "simulated"
COUNT, SEED = 800, 7
SIDE = 192  # of the crop in which artifacts must be seen
TRIES = 10


@dataclass(frozen=True)
class SimulatedSample(Sample):
    """A real picture with artifacts: `key` and `group` are the real one's.

    `boxes` are (left, top, right, bottom) in pixels of the picture, one for each of `labels`.
    """

    labels: tuple[str, ...] = ()
    boxes: tuple[tuple[float, ...], ...] = ()
    drawn: tuple[str, ...] = ()
    seed: tuple[int, ...] = ()


def load_picture(sample: Sample, root: Path, faces: dict[str, Face]) -> Image:
    """(h, w, 3) uint8 BGR of any sample; the artifacts of a simulated one are laid over it."""
    image = read_image(root / sample.key)
    if not isinstance(sample, SimulatedSample):
        return image
    return _flawed(image, faces[sample.key], sample.drawn, sample.seed).image


def simulated_set(
    simulate: Simulate,
    samples: Sequence[Sample],
    root: Path,
    faces: dict[str, Face],
    split: str,
    count: int = COUNT,
    seed: int = SEED,
) -> Iterator[tuple[Image, SimulatedSample]]:
    """`count` pictures (h, w, 3) uint8 BGR of the split's reals with artifacts, the same each time.

    All sets are met as often as among the reals themselves; with more pictures than reals they come
    again with other artifacts. All of them can be seen in the undegraded crop.
    """
    reals = pick(samples, split, fake=False)
    order = np.random.default_rng(seed)
    chosen: list[int] = []
    while len(chosen) < count:
        chosen += order.permutation(len(reals)).tolist()
    for number, index in enumerate(chosen[:count]):
        found = _simulated(simulate, reals[index], root, faces, (seed, number))
        if found is not None:
            yield found


def held_back(
    recipe: DetectorRecipe,
    samples: Sequence[Sample],
    root: Path,
    faces: dict[str, Face],
    split: str,
) -> list[Sample]:
    """The fakes and the reals of a split by which the recipe's detector is judged."""
    reals = pick(samples, split, fake=False)
    if recipe.simulate is None:
        fakes = pick(samples, split, fake=True, sets=recipe.fake_sets)
    else:
        made = simulated_set(recipe.simulate, samples, root, faces, split)
        fakes = [sample for _, sample in made]
    if not (fakes and reals):
        raise UsageError(
            f"{recipe.name}: there are {len(fakes)} fakes and {len(reals)} real pictures in "
            f"{split}, and both are needed",
            advice="an input's pictures are parted by their group: give it another",
        )
    return reals + fakes


def _simulated(
    simulate: Simulate, real: Sample, root: Path, faces: dict[str, Face], seed: tuple[int, ...]
) -> tuple[Image, SimulatedSample] | None:
    """The picture and its sample; None where no artifact can be seen on it."""
    image, face = read_image(root / real.key), faces[real.key]
    for attempt in range(TRIES):
        drawn = random_labels(
            simulate.artifacts, simulate.regions, np.random.default_rng((*seed, attempt))
        )
        own_seed = (*seed, attempt, 1)
        made = _flawed(image, face, drawn, own_seed)
        if made.changes:
            sample = SimulatedSample(
                key=real.key,
                dataset=DATASET,
                split=real.split,
                fake=True,
                family=FAMILY,
                group=real.group,
                kin=real.kin,
                labels=tuple(change.label for change in made.changes),
                boxes=tuple(tuple(change.xyxy.tolist()) for change in made.changes),
                drawn=tuple(drawn),
                seed=own_seed,
            )
            return made.image, sample
    return None


def _flawed(image: Image, face: Face, labels: Sequence[str], seed: tuple[int, ...]) -> Flawed:
    """The picture with those artifacts that show in the undegraded crop of the face."""

    def view(picture: Image, xyxy: Floats) -> tuple[Image, Floats]:
        (crop,) = crop_regions(picture, [face], size=(SIDE, SIDE))
        return crop.image, clip_boxes(crop.to_crop(xyxy), SIDE, SIDE)

    return add_artifacts(image, face, labels, view, np.random.default_rng(seed))

"""Recipes: one YAML file for each thing that is trained, checked key by key.

A backbone recipe describes the classifier stage, a detector recipe everything that follows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from fakecheck.errors import UsageError
from fakecheck.regions import MAX_TILT
from fakecheck_training.augment import Degrader
from fakecheck_training.recipe_checks import check_backbone, check_detector

T = TypeVar("T")
RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class CropSpec:
    """What is cut from a face: see `fakecheck.regions.crop_regions`. `side` in pixels.

    A face over `max_tilt` degrees from upright is turned upright. `filters` is the chain that every
    crop goes through, in training as at run time: see `fakecheck.filters.apply_filters`.
    """

    regions: list[str]
    side: int
    margin: float = 0.3
    max_tilt: float = MAX_TILT
    filters: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Simulate:
    """Fakes that are real faces with artifacts laid over them: see `simulation/artifacts.py`.

    The classes are `<region>_<artifact>` for every word of both lists.
    """

    artifacts: list[str]
    regions: list[str]

    @property
    def classes(self) -> list[str]:
        """The names of all classes that may be drawn."""
        return [f"{region}_{artifact}" for region in self.regions for artifact in self.artifacts]


@dataclass(frozen=True)
class BackboneRecipe:
    """The classifier stage: ImageNet weights → a backbone that tells real from fake.

    Sets are drawn with a chance of their size to the `power`; `simulated` is the share of fakes
    that are made from real faces (part crops only), `blended` the share that are blends of them
    (face crops only); `simulate` makes all fakes from real faces. `network` is one of
    `networks.variants.NETWORKS`. `start` names another backbone recipe, of the same network, whose
    result is started from instead of ImageNet.
    """

    name: str
    crop: CropSpec
    steps: int
    fake_sets: list[str] = field(default_factory=list)
    network: str = "lite0"
    start: str = ""
    seed: int = 1
    batch: int = 32
    peak_rate: float = 1e-3
    weight_decay: float = 0.01
    smoothing: float = 0.02
    average_decay: float = 0.998
    family_weight: float = 0.3
    power: float = 0.5
    simulated: float = 0.0
    blended: float = 0.0
    fake_weights: dict[str, float] = field(default_factory=dict)
    real_weights: dict[str, float] = field(default_factory=dict)
    degrade: Degrader = field(default_factory=Degrader)
    simulate: Simulate | None = None


@dataclass(frozen=True)
class Records:
    """How many draws go into the TFRecords, and of what.

    `fakes` and `reals` are counts of draws; weights and `power` as for `draws.source.balanced`,
    `simulated` and `blended` as for a backbone. `matched` is the share of draws of whole faces,
    fake and real, that have alike frames, looks from afar and colours, as `draws.matched` makes
    them: for sets that the probe tells by these.
    """

    fakes: int
    reals: int
    power: float = 0.5
    simulated: float = 0.0
    blended: float = 0.0
    untouched: float = 0.0
    matched: float = 0.0
    fake_weights: dict[str, float] = field(default_factory=dict)
    real_weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One training: the seed of its draws, its length in multiples of `steps` and of the draws."""

    seed: int
    length: int = 1


@dataclass(frozen=True)
class InputSpec:
    """Pictures that somebody annotated: see `inputs/`.

    `format` is voc, coco or folder; `path` a file or folder, absolute or inside of the data folder;
    `terms` what their owner allows, which the card repeats. `pictures` is the folder of the
    pictures, if not beside the annotations. `group` says what may not be parted by the split:
    pictures whose name begins alike (prefix), of one directory, none (stem), or whose annotation
    has the same in the column of this name. `split` puts all of them into fit, calib or val.
    """

    format: str
    path: str
    name: str
    terms: str
    pictures: str = ""
    group: str = "prefix"
    split: str = ""


@dataclass(frozen=True)
class DetectorRecipe:
    """One detector, from records to card; `backbone` names the recipe that it starts from, if any.

    `pipeline` is a template of a pipeline.config: a path from the recipe's own folder, or a name in
    `recipes/` here. `overrides`, in the same text format, is merged into what the other keys make
    of it.
    `min_face` is the longer side in pixels of the smallest face that the detector shall judge. The
    fakes of `inputs` are added to those of `fake_sets`. `runs` are trainings from the same start on
    other draws, of whose weights the mean is taken; without any there is one, of the recipe's seed.
    For SSDs only: `mirrored` freezes a graph that averages over each crop and its mirror image
    (`networks/mirror.py`), and `min_level` is the finest level of the pyramid that the graph keeps
    (`networks/levels.py`).
    """

    name: str
    family: str
    kind: str
    version: str
    summary: str
    pipeline: str
    crop: CropSpec
    classes: list[str]
    fake_sets: list[str]
    records: Records
    steps: int
    limits: list[str]
    backbone: str = ""
    overrides: str = ""
    batch: int = 16
    rate: float = 1e-3
    seed: int = 1
    min_face: float = 36.0
    runs: list[Run] = field(default_factory=list)
    mirrored: bool = False
    min_level: int = 3
    degrade: Degrader = field(default_factory=Degrader)
    simulate: Simulate | None = None
    inputs: list[InputSpec] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.runs:
            object.__setattr__(self, "runs", [Run(self.seed)])


def load_recipe(cls: type[T], path: Path) -> T:
    """The recipe of the dataclass `cls` in the file `path`, or in `recipes/NAME.yaml` here."""
    return _build(cls, _read(path), str(path))


def is_detector_recipe(path: Path) -> bool:
    """Whether `path`, as for the loaders below, is of a detector: it alone names a family."""
    return "family" in _read(path)


def load_backbone_recipe(path: Path) -> BackboneRecipe:
    """The recipe in the file `path`, or in `recipes/NAME.yaml` of this package."""
    recipe = _build(BackboneRecipe, _read(path), str(path))
    check_backbone(recipe, path)
    return recipe


def load_detector_recipe(path: Path) -> DetectorRecipe:
    """The recipe in the file `path`, or in `recipes/NAME.yaml` of this package."""
    recipe = _build(DetectorRecipe, _read(path), str(path))
    names = [item.name for item in recipe.inputs]
    if len(set(names)) < len(names) or set(names) & set(recipe.fake_sets):
        raise UsageError(f"{path}: two sets have one name, of inputs or of fake_sets")
    recipe = dataclasses.replace(recipe, fake_sets=[*recipe.fake_sets, *names])
    beside = path.parent / recipe.pipeline
    if path.is_file() and beside.is_file():
        recipe = dataclasses.replace(recipe, pipeline=str(beside.resolve()))
    check_detector(recipe, path, RECIPES)
    return recipe


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        bundled = RECIPES / f"{path.name.removesuffix('.yaml')}.yaml"
        if path.parent != Path() or not bundled.is_file():
            known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.yaml")))
            raise UsageError(f"no recipe {str(path)!r}", advice=f"known are {known}")
        path = bundled
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is no YAML: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path} must hold a mapping, got {type(content).__name__}")
    return content


def _build(cls: type[T], content: dict[str, Any], where: str) -> T:
    """A dataclass from a mapping: unknown and missing keys are errors that name the key."""
    hints = get_type_hints(cls)
    unknown = sorted(set(content) - set(hints))
    if unknown:
        raise UsageError(f"{where}: unknown key {unknown[0]!r}, known are {', '.join(hints)}")
    values: dict[str, Any] = {}
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]
        if item.name in content:
            place = f"{where}: {item.name}"
            values[item.name] = _convert(hints[item.name], content[item.name], place)
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise UsageError(f"{where}: key {item.name!r} is missing")
    return cls(**values)


def _convert(hint: Any, value: Any, where: str) -> Any:
    if hint is Any:
        return value
    if isinstance(hint, UnionType):  # a block that may be left out: `Simulate | None`
        hint = get_args(hint)[0]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise UsageError(f"{where} must be a mapping, got {value!r}")
        return _build(hint, value, where)
    origin = get_origin(hint) or hint
    if origin is list and isinstance(value, list):
        return [_convert(get_args(hint)[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
    if origin is tuple and isinstance(value, list) and len(value) == len(get_args(hint)):
        kinds = zip(get_args(hint), value, strict=True)
        return tuple(_convert(kind, item, where) for kind, item in kinds)
    if origin is dict and isinstance(value, dict) and get_args(hint):
        of = get_args(hint)[1]
        return {key: _convert(of, item, f"{where}.{key}") for key, item in value.items()}
    if origin is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if origin is float and isinstance(value, float) and not isfinite(value):
        raise UsageError(f"{where} must be a finite number, got {value}")
    if isinstance(value, origin) and not (origin is int and isinstance(value, bool)):
        return value
    raise UsageError(f"{where} must be {getattr(origin, '__name__', origin)}, got {value!r}")

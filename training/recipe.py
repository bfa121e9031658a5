"""Recipes: one YAML file for each thing that is trained, checked key by key.

A backbone recipe describes the classifier stage, a detector recipe everything that follows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from fakecheck.errors import UsageError
from fakecheck_training.augment import Degrader

T = TypeVar("T")
RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class CropSpec:
    """What is cut from a face: see `fakecheck.regions.crop_regions`. `side` in pixels."""

    regions: list[str]
    side: int
    margin: float = 0.3


@dataclass(frozen=True)
class BackboneRecipe:
    """The classifier stage: ImageNet weights → a backbone that tells real from fake.

    Sets are drawn with a chance of their size to the `power`; `simulated` is the share of fakes
    that are made from real faces (part crops only). `start` names another backbone recipe whose
    result is started from instead of ImageNet.
    """

    name: str
    crop: CropSpec
    steps: int
    fake_sets: list[str] = field(default_factory=list)
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
    fake_weights: dict[str, float] = field(default_factory=dict)
    real_weights: dict[str, float] = field(default_factory=dict)
    degrade: Degrader = field(default_factory=Degrader)


@dataclass(frozen=True)
class Records:
    """How many draws go into the TFRecords, and of what.

    `fakes` and `reals` are counts of draws; weights and `power` as for `draws.balanced`.
    """

    fakes: int
    reals: int
    power: float = 0.5
    simulated: float = 0.0
    untouched: float = 0.0
    fake_weights: dict[str, float] = field(default_factory=dict)
    real_weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class DetectorRecipe:
    """One detector, from records to card; `backbone` names the recipe that it starts from.

    `min_face` is the longer side in pixels of the smallest face that the detector shall judge.
    """

    name: str
    family: str
    kind: str
    version: str
    summary: str
    backbone: str
    pipeline: str
    crop: CropSpec
    classes: list[str]
    fake_sets: list[str]
    records: Records
    steps: int
    limits: list[str]
    batch: int = 16
    rate: float = 1e-3
    seed: int = 1
    min_face: float = 36.0
    degrade: Degrader = field(default_factory=Degrader)


def load_backbone_recipe(path: Path) -> BackboneRecipe:
    """The recipe in the file `path`, or in `recipes/NAME.yaml` of this package."""
    return _build(BackboneRecipe, _read(path), str(path))


def load_detector_recipe(path: Path) -> DetectorRecipe:
    """The recipe in the file `path`, or in `recipes/NAME.yaml` of this package."""
    return _build(DetectorRecipe, _read(path), str(path))


def _read(path: Path) -> dict[str, Any]:
    bundled = RECIPES / f"{path.name.removesuffix('.yaml')}.yaml"
    if not path.is_file():
        if not bundled.is_file():
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
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise UsageError(f"{where} must be a mapping, got {value!r}")
        return _build(hint, value, where)
    origin = get_origin(hint) or hint
    if origin is tuple and isinstance(value, list) and len(value) == len(get_args(hint)):
        return tuple(value)
    if origin is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, origin) and not (origin is int and isinstance(value, bool)):
        return value
    raise UsageError(f"{where} must be {getattr(origin, '__name__', origin)}, got {value!r}")

"""The words of the taxonomy: names of artifacts, and families of generators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@dataclass(frozen=True)
class Family:
    """A family of generators: `kind` is synthesis, attribute_edit, swap or part_swap."""

    word: str
    name: str
    kind: str
    reference: str


@dataclass(frozen=True)
class Artifacts:
    """Word → meaning, of the `regions` and of the `artifacts` that may be found in them."""

    regions: dict[str, str]
    artifacts: dict[str, str]

    def holds(self, label: str) -> bool:
        """Whether `label` is `<region>_<artifact>`, of known words, as a class must be."""
        region, _, artifact = label.partition("_")
        return region in self.regions and artifact in self.artifacts


@cache
def artifacts() -> Artifacts:
    """What `artifacts.yaml` holds."""
    return Artifacts(**_read("artifacts.yaml"))


@cache
def families() -> dict[str, Family]:
    """What `families.yaml` holds, by word."""
    return {word: Family(word, **fields) for word, fields in _read("families.yaml").items()}


def _read(name: str) -> dict[str, Any]:
    text = files(__name__).joinpath(name).read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content

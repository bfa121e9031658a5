"""The registry: the words of the taxonomy, and the index of known detectors.

Its data lie in a folder beside this package, which fakecheck's own distribution names under the
entry-point group `fakecheck.registry`, so that this package need not import it: `artifacts.yaml`,
`families.yaml`, and `index.json`, which `fakecheck registry add` makes of a card a detector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from fakecheck.card import (
    Fields,
    Identifier,
    Kind,
    Licence,
    Metric,
    Sha256,
    Version,
    Word,
    first_problem,
)
from fakecheck.card_fields import read_fields
from fakecheck.errors import PluginError

OWN_DISTRIBUTION = "fakecheck"
GROUP = "fakecheck.registry"
ARTIFACTS_FILE = "artifacts.yaml"
FAMILIES_FILE = "families.yaml"
INDEX_FILE = "index.json"
BUNDLED = "bundled"

# As PEP 508 allows a distribution's name.
Distribution = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=100)
]
Source = Annotated[
    str,
    # Of the characters that an address may hold (RFC 3986) those that no page takes for marks.
    Field(
        pattern=r"^(bundled|contrib/[A-Za-z0-9][A-Za-z0-9._-]*|https://[A-Za-z0-9._~:/?#@&=%+-]+)$"
    ),
]


Record = TypeVar("Record", bound=BaseModel)


class Family(Fields):
    """A family of generators, called `word` on cards, with the paper that describes it.

    `members` are the words of the families that this one stands for, where one detector finds
    several and cannot tell them apart.
    """

    word: Word
    name: str = Field(min_length=1)
    kind: Kind
    reference: str = Field(min_length=1)
    members: tuple[Word, ...] = ()


class Artifacts(Fields):
    """Word → meaning, of the `regions` and of the `artifacts` that may be found in them."""

    regions: dict[Word, str]
    artifacts: dict[Word, str]

    def holds(self, label: str) -> bool:
        """Whether `label` is `<region>_<artifact>`, of known words, as a class must be."""
        region, _, artifact = label.partition("_")
        return region in self.regions and artifact in self.artifacts


class IndexEntry(Fields):
    """What the index knows of one detector.

    `files` holds the sha256 of every file of the bundle, its `detector.yaml` among them; `source`
    is where the `distribution` comes from: `bundled`, `contrib/NAME` or an https address; `date` is
    the day of the training, `classes` are the words of the label map, `accuracy` are rows of the
    detector's own card.
    """

    id: Identifier
    version: Version
    family: Word
    kind: Kind
    summary: str
    classes: tuple[Word, ...] = Field(min_length=1)
    distribution: Distribution
    source: Source
    date: str
    licence: Licence
    accuracy: tuple[Metric, ...] = ()
    files: dict[str, Sha256] = Field(min_length=1)


class Index(Fields):
    """The content of `index.json`. `signature` is room for one over `detectors`; there is none."""

    schema_: Literal["fakecheck.index/1"] = Field(default="fakecheck.index/1", alias="schema")
    signature: None = None
    detectors: tuple[IndexEntry, ...] = ()


@dataclass(frozen=True)
class Registry:
    """Families by word, the words of artifact classes, and the known detectors in order of ids."""

    families: Mapping[str, Family]
    artifacts: Artifacts
    entries: tuple[IndexEntry, ...]

    def entry(self, identifier: str) -> IndexEntry | None:
        """The known detector of this id."""
        return next((entry for entry in self.entries if entry.id == identifier), None)


@cache
def registry() -> Registry:
    """The registry that came with fakecheck. Raises PluginError where it is missing or damaged."""
    return read_registry(installed_folder())


def installed_folder() -> Path:
    """The folder of the registry that came with fakecheck. Raises PluginError without one.

    Other distributions are not asked: whoever writes the index says what `--trusted-only` trusts.
    """
    for distribution in metadata.distributions(name=OWN_DISTRIBUTION):
        for point in distribution.entry_points.select(group=GROUP):
            return Path(point.load().__file__).parent
    raise PluginError(
        "The registry that belongs to fakecheck is not installed", "install fakecheck again"
    )


def read_registry(folder: Path) -> Registry:
    """What `folder` holds. Raises PluginError with file, field and cause for a damaged one."""
    families, artifacts = read_words(folder)
    try:
        content = json.loads(_read(folder / INDEX_FILE))
    except ValueError as error:
        raise PluginError(f"{folder / INDEX_FILE}: no valid JSON: {error}") from error
    index = check_record(Index, content, folder / INDEX_FILE)
    return Registry(families, artifacts, index.detectors)


def read_words(folder: Path) -> tuple[dict[str, Family], Artifacts]:
    """The families by word, and the words of artifact classes. Raises as `read_registry`."""
    path = folder / FAMILIES_FILE
    families = {}
    for word, fields in read_fields(path).items():
        content = {"word": word, **fields} if isinstance(fields, dict) else fields
        families[word] = check_record(Family, content, path)
    path = folder / ARTIFACTS_FILE
    return families, check_record(Artifacts, read_fields(path), path)


def check_record(kind: type[Record], content: Any, path: Path) -> Record:
    """`content` as a `kind`. Raises PluginError with the field and the cause; `path` names it."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise PluginError(f"{path}: {first_problem(error)}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{path}: cannot be read: {error}") from error

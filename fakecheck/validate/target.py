"""What is validated: an installed detector's id, a bundle's folder or a package's → its bundles.

Nothing of a plug-in is imported to find it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from fakecheck.card import CARD_FILE, DetectorCard, load_card
from fakecheck.errors import CardError, InputError, PluginError, UsageError
from fakecheck.installed import Origin, entry_points
from fakecheck.trust import bundles_of, canonical
from fakecheck.validate.project import PYPROJECT, Project, project_around, read_project


@dataclass(frozen=True)
class Bundle:
    """A detector's folder that is looked at, and the distribution it belongs to, if any."""

    folder: Path
    distribution: str | None = None
    project: Project | None = None

    @cached_property
    def card(self) -> DetectorCard:
        """The card. Raises CardError."""
        return load_card(self.folder)

    def forget_card(self) -> None:
        """The card was written anew: it is read again when next asked for."""
        self.__dict__.pop("card", None)

    @property
    def name(self) -> str:
        """The detector's id, or the folder's name where the card cannot be read."""
        try:
            return self.card.id
        except CardError:
            return self.folder.resolve().name


@dataclass(frozen=True)
class Installed:
    """A bundle of an installed distribution.

    `name` is its id, or its folder's where the card cannot be read; `files` are the card's.
    """

    name: str
    folder: Path
    origin: Origin
    files: Mapping[str, str]


@dataclass(frozen=True)
class Target:
    """What NAME_OR_PATH stands for: bundles, and the package's project if a package was named."""

    bundles: tuple[Bundle, ...]
    project: Project | None = None


def find_target(given: str) -> Target:
    """The target that `given` names: a folder that holds a bundle or a package, or else an id.

    Raises InputError for a path that cannot be read or holds neither, UsageError for an id that no
    installed detector has.
    """
    path = Path(given)
    folder = path.parent if path.name == CARD_FILE and path.is_file() else path
    if folder.is_dir():
        target = _in_folder(folder)
        if target is not None:
            return target
    found = installed_bundles()
    mine = [one for one in found if one.name == given]
    if mine:
        return Target(tuple(Bundle(one.folder, one.origin.distribution) for one in mine))
    if folder.exists():
        what = f"holds neither {CARD_FILE} nor {PYPROJECT}" if folder.is_dir() else "is no folder"
        raise InputError(f"{folder} {what}", "name the folder of a bundle or of a package")
    if os.sep in given or "/" in given or given.startswith("."):
        raise InputError(f"{given} does not exist")
    known = ", ".join(sorted({one.name for one in found}))
    raise UsageError(
        f"No installed detector is called {given!r}, and there is no such folder",
        f"known are {known}" if known else None,
    )


def installed_bundles() -> list[Installed]:
    """The bundles of every installed distribution with an entry point for fakecheck.

    Those that a plug-in keeps outside of its distribution are not found: that only its code knows.
    """
    found: dict[Path, Installed] = {}
    for origin, point in entry_points():
        if isinstance(point, str):
            continue
        for folder in _folders(point):
            try:
                card = load_card(folder)
                one = Installed(card.id, folder, origin, card.files)
            # Not of its card alone: what one package's list of files names is no matter of others.
            except Exception:
                one = Installed(folder.name, folder, origin, {})
            try:
                found.setdefault(folder.resolve(), one)
            except (OSError, RuntimeError, ValueError):
                continue  # no path of a file
    return list(found.values())


def bundle_in(folder: Path) -> Bundle:
    """The bundle in `folder`, with the package that it is a part of, as source or as installed."""
    around = project_around(folder)
    if around is not None:
        return Bundle(folder, around.name, around)
    mine = [one for one in installed_bundles() if one.folder.resolve() == folder.resolve()]
    return Bundle(folder, mine[0].origin.distribution if mine else None)


def _in_folder(folder: Path) -> Target | None:
    if not os.access(folder, os.R_OK | os.X_OK):
        raise InputError(f"{folder} cannot be read")
    try:
        project = read_project(folder)
    except PluginError as error:
        raise InputError(error.message) from error
    if project is not None and (project.entry_points or not (folder / CARD_FILE).is_file()):
        bundles = tuple(Bundle(path, project.name, project) for path in project.bundles)
        return Target(bundles, project)
    if not (folder / CARD_FILE).is_file():
        return None
    return Target((bundle_in(folder),))


def _folders(point: metadata.EntryPoint) -> Iterator[Path]:
    assert point.dist is not None  # as importlib.metadata sets it on what it has found
    try:
        yield from bundles_of(point.dist)
    except PluginError:
        # An editable install has no list of its files, but its module lies where they are.
        try:
            spec = find_spec(point.value.partition(":")[0].strip().split(".")[0])
        except (ImportError, ValueError):
            spec = None
        for place in (spec.submodule_search_locations if spec else None) or ():
            yield from Project(Path(place)).bundles


def same_distribution(one: str | None, other: str | None) -> bool:
    """Whether both names are known and are one name, as PEP 503 compares them."""
    return one is not None and other is not None and canonical(one) == canonical(other)

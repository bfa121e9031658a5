"""What installed packages bring: the entry points of the group `fakecheck`, the detectors found by
them, and which of these cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import metadata

from fakecheck.card import DetectorCard
from fakecheck.errors import describe
from fakecheck.index import OWN_DISTRIBUTION

GROUP = "fakecheck"


@dataclass(frozen=True)
class Origin:
    """The entry point `plugin` of `distribution`, which is None for a plug-in of the caller's."""

    plugin: str
    distribution: str | None = None
    version: str | None = None

    @property
    def bundled(self) -> bool:
        """Whether it is a part of fakecheck itself."""
        return self.distribution == OWN_DISTRIBUTION

    def __str__(self) -> str:
        if self.distribution is None:
            return f"plug-in {self.plugin}"
        return f"{self.distribution} {self.version or ''}".rstrip()


@dataclass(frozen=True)
class InstalledDetector:
    """A detector that can be chosen, and where it comes from."""

    card: DetectorCard
    origin: Origin


@dataclass(frozen=True)
class PluginProblem:
    """Why a plug-in, or the one `detector` of it (an id or a folder's name), is not used.

    `refused`: it may be sound, but only trusted ones were wanted. `family` is the detector's, None
    where its card could not be read.
    """

    origin: Origin
    detector: str | None
    cause: str
    refused: bool = False
    family: str | None = None

    def __str__(self) -> str:
        who = f"{self.detector} of {self.origin}" if self.detector else str(self.origin)
        return f"{who}: {self.cause}"


def entry_points() -> Iterator[tuple[Origin, metadata.EntryPoint | str]]:
    """Entry points of the group, the bundled ones first, then by distribution and name.

    `importlib.metadata.entry_points` would do, but one distribution with an unreadable
    entry_points.txt makes it raise for all; here that one gives a str, the cause.
    """
    found: list[tuple[Origin, metadata.EntryPoint | str]] = []
    seen = set()
    for distribution in metadata.distributions():
        # Looked at as text first: parsing the metadata of every distribution takes much longer.
        try:
            if f"[{GROUP}]" not in (distribution.read_text("entry_points.txt") or ""):
                continue
        # Nobody can tell whom entry points are for that are not even text.
        except (OSError, UnicodeDecodeError):
            continue
        origin = _origin(distribution)
        # The first one on the path shadows others of its name, as it does for imports.
        if origin.distribution in seen:
            continue
        seen.add(origin.distribution)
        try:
            points = list(distribution.entry_points.select(group=GROUP))
        # Its parser raises TypeError or ValueError, depending on the version of Python.
        except Exception as error:
            found.append((origin, f"its entry_points.txt cannot be parsed: {describe(error)}"))
        else:
            found += [(replace(origin, plugin=point.name), point) for point in points]
    return iter(sorted(found, key=lambda one: (not one[0].bundled, str(one[0]), one[0].plugin)))


def _origin(distribution: metadata.Distribution) -> Origin:
    # What comes of a METADATA that is missing or damaged differs between versions of Python.
    try:
        name, version = distribution.metadata["Name"], distribution.version
    except Exception:
        return Origin("", "a distribution without a name")
    return Origin("", name or "a distribution without a name", version)


def without_clashes(
    found: list[InstalledDetector],
) -> tuple[list[InstalledDetector], list[PluginProblem]]:
    """Detectors whose id is theirs alone (bundled ones keep theirs), a problem for each other."""
    by_id: dict[str, list[InstalledDetector]] = {}
    for one in found:
        by_id.setdefault(one.card.id, []).append(one)
    usable, problems = [], []
    for identifier, claimants in sorted(by_id.items()):
        bundled = [one for one in claimants if one.origin.bundled]
        owners = claimants if len(claimants) == 1 else bundled if len(bundled) == 1 else []
        usable += owners
        for one in claimants:
            if one not in owners:
                others = [other for other in claimants if other is not one]
                cause = _clash(owners, others)
                problems.append(
                    PluginProblem(one.origin, identifier, cause, family=one.card.family)
                )
    return usable, problems


def _clash(owners: list[InstalledDetector], others: list[InstalledDetector]) -> str:
    if owners:
        return f"its id belongs to the detector bundled with {owners[0].origin}, which is used"
    named = " and ".join(f"{other.origin} ({other.card.folder})" for other in others)
    return f"its id is also that of the detector in {named}; neither is used"

"""What a new detector and its package are called, and whether the names are free and known."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from typing import get_args

from fakecheck.card import Kind
from fakecheck.errors import UsageError
from fakecheck.index import Registry
from fakecheck.plugins import PluginHost

# A card's Identifier that the name of a distribution and of a module can be made of: both must end
# in a letter or a digit, and a run of separators would be lost in them.
_NAME = re.compile(r"[a-z][a-z0-9]*([_.-][a-z0-9]+)*")
_FAMILY = re.compile(r"[a-z][a-z0-9_]*")
MAX_LENGTH = 64


@dataclass(frozen=True)
class Names:
    """The names of a detector, its distribution, its module and the class of its test."""

    id: str
    distribution: str
    module: str
    test_class: str

    @classmethod
    def of(cls, identifier: str) -> Names:
        """Raises UsageError for an id of which no names can be made."""
        if not _NAME.fullmatch(identifier) or len(identifier) > MAX_LENGTH:
            raise UsageError(
                f"{identifier!r} cannot be a detector's name",
                "small letters, digits and single -, _ or . between them, a letter first, "
                f"{MAX_LENGTH} characters at most",
            )
        words = re.split(r"[_.-]", identifier)
        return cls(
            id=identifier,
            distribution="fakecheck-" + "-".join(words),
            module="fakecheck_" + "_".join(words),
            test_class="Test" + "".join(word.capitalize() for word in words),
        )


def check_free(names: Names, host: PluginHost, registry: Registry) -> None:
    """Raises UsageError where an installed or known detector, or a module, has one of the names."""
    installed = host.detectors.get(names.id)
    if installed is not None:
        raise UsageError(f"The name {names.id} is taken by a detector of {installed.origin}")
    for problem in host.problems:
        if problem.detector == names.id:
            raise UsageError(f"The name {names.id} is taken by a detector of {problem.origin}")
    known = registry.entry(names.id)
    if known is not None:
        raise UsageError(
            f"The name {names.id} is taken by a known detector, that of {known.distribution}"
        )
    if importlib.util.find_spec(names.module) is not None:
        raise UsageError(
            f"The name {names.id} is taken: a package {names.module} is installed already"
        )


def kind_of(family: str, kind: str | None, registry: Registry) -> str:
    """The kind of `family`, which the registry knows or else `kind` says.

    Raises UsageError for a family that is no word, one whose kind nobody says, and a `kind` that
    contradicts the registry.
    """
    known = registry.families.get(family)
    if known is not None:
        if kind not in (None, known.kind):
            raise UsageError(f"The family {family} is of the kind {known.kind}, not {kind}")
        return known.kind
    if not _FAMILY.fullmatch(family) or len(family) > MAX_LENGTH:
        raise UsageError(
            f"{family!r} cannot be a family's name", "small letters, digits and _, a letter first"
        )
    if kind is None:
        raise UsageError(
            f"The family {family} is not among the known ones, {', '.join(registry.families)}",
            f"for a new one say its --kind: {', '.join(get_args(Kind))}",
        )
    return kind

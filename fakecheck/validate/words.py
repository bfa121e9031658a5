"""A detector's words, held against the registry: its families and the words of artifact classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fakecheck.errors import CardError
from fakecheck.index import Artifacts, Family

# Where reports find what a word means; a test of the repository asks for it.
ENGLISH = "fakecheck/report/catalogues/en.yaml"
KOREAN = "ko.yaml beside it may follow: the Korean page shows the English words until then"


def check_family(word: str, kind: str, families: Mapping[str, Family]) -> str:
    """The family is a word of families.yaml, and the detector's kind is that family's.

    Raises CardError where it is not.
    """
    family = families.get(word)
    if family is None:
        raise CardError(
            f"family {word!r} is not in the registry's families.yaml",
            f"known are {', '.join(sorted(families))}; a new one comes with the detector, as an "
            "entry with name, kind and reference in registry/families.yaml, and one with name and "
            f"text under families_known in {ENGLISH}; {KOREAN}",
        )
    if family.kind != kind:
        raise CardError(
            f"kind is {kind}, and the registry's families.yaml calls {word} {family.kind}",
            f"write kind: {family.kind}",
        )
    return f"{word}, {family.name}: {kind}"


def check_classes(names: Sequence[str], artifacts: Artifacts) -> str:
    """Every class is `<region>_<artifact>`, of words of artifacts.yaml.

    Raises CardError where one is not.
    """
    for name in names:
        if not artifacts.holds(name):
            raise CardError(
                f"class {name!r} is no <region>_<artifact> of the registry's artifacts.yaml",
                f"regions are {', '.join(artifacts.regions)}; artifacts are "
                f"{', '.join(artifacts.artifacts)}; a new word comes with the detector, as a line "
                "in registry/artifacts.yaml, and as an entry with name and text under artifacts in "
                f"{ENGLISH}; {KOREAN}",
            )
    return ", ".join(names)

"""The card's words, held against the registry: its families and the words of artifact classes."""

from __future__ import annotations

from fakecheck.card import DetectorCard
from fakecheck.errors import CardError, PluginError
from fakecheck.index import Registry, registry
from fakecheck.validate.findings import Skipped


def check_family(card: DetectorCard) -> str:
    """The family is a word of families.yaml, and the card's kind is that family's."""
    families = _registry().families
    family = families.get(card.family)
    if family is None:
        raise CardError(
            f"family {card.family!r} is not in the registry's families.yaml",
            f"known are {', '.join(sorted(families))}; a new one comes with the detector, as an "
            "entry with name, kind and reference in registry/families.yaml",
        )
    if family.kind != card.kind:
        raise CardError(
            f"kind is {card.kind}, and the registry's families.yaml calls {card.family} "
            f"{family.kind}",
            f"write kind: {family.kind}",
        )
    return f"{card.family}, {family.name}: {card.kind}"


def check_classes(card: DetectorCard) -> str:
    """Every class is `<region>_<artifact>`, of words of artifacts.yaml."""
    words = _registry().artifacts
    for spec in card.classes:
        if not words.holds(spec.name):
            raise CardError(
                f"class {spec.name!r} is no <region>_<artifact> of the registry's artifacts.yaml",
                f"regions are {', '.join(words.regions)}; artifacts are "
                f"{', '.join(words.artifacts)}; a new word comes with the detector, as a line in "
                "registry/artifacts.yaml",
            )
    return ", ".join(spec.name for spec in card.classes)


def _registry() -> Registry:
    try:
        return registry()
    except PluginError as error:
        # fakecheck's own fault, not that of the detector which is looked at.
        raise Skipped(error.message, error.advice) from error

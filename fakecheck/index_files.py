"""Writing the registry: a card a detector, and `index.json` and `INDEX.md`, which are made of them.

`cards/ID.yaml` is what a pull request adds; it is itself made of the bundle's `detector.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from fakecheck.card import CARD_FILE, FITTED, DetectorCard, Metric, load_card
from fakecheck.card_fields import read_fields
from fakecheck.errors import CardError, PluginError, UsageError
from fakecheck.files import atomic_path
from fakecheck.graph import check_bundle
from fakecheck.index import (
    BUNDLED,
    INDEX_FILE,
    OWN_DISTRIBUTION,
    Artifacts,
    Family,
    Index,
    IndexEntry,
    check_record,
    read_words,
)
from fakecheck.markdown import plain
from fakecheck.report.encode import dumped
from fakecheck.trust import canonical, sha256_of
from fakecheck.validate import words
from fakecheck.validate.project import Project, project_around

CARDS = "cards"
PAGE_FILE = "INDEX.md"
COMMAND = "fakecheck registry add"


def find_bundles(folder: Path) -> tuple[Path, ...]:
    """The folders at or below `folder` that hold a card, but for those of tests and builds.

    Raises UsageError if there is none.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    found = Project(folder).bundles
    if not found:
        raise UsageError(f"{folder}: holds no {CARD_FILE}, nor does any folder below it")
    return found


def entry_of(bundle: Path, distribution: str, source: str) -> IndexEntry:
    """What the index says of the detector in the folder `bundle`.

    Its accuracy is, for each data set and split, the row with the lowest ROC AUC of those that were
    measured of this detector alone on pictures that nothing was done to: the same forgeries against
    other reals look easier than they are.

    Raises CardError or GraphRefusedError for a bundle that fails a check, PluginError for a
    `distribution` or `source` that cannot be one.
    """
    card = load_card(bundle)
    check_bundle(card)
    sums = {CARD_FILE: sha256_of(bundle / CARD_FILE), **card.files}
    fields = {
        "id": card.id,
        "version": card.version,
        "family": card.family,
        "kind": card.kind,
        "summary": card.summary,
        "classes": [spec.name for spec in card.classes],
        "distribution": distribution,
        "source": source,
        "date": str(card.training.date),
        "licence": card.licence,
        "accuracy": _accuracy(card),
        "files": sums,
    }
    return check_record(IndexEntry, fields, bundle / CARD_FILE)


def source_of(bundle: Path, registry: Path) -> str | None:
    """`bundled` or `contrib/NAME`, by the place of `bundle` in the checkout that `registry` is in.

    None for a bundle that lies elsewhere.
    """
    place, checkout = bundle.resolve(), registry.resolve().parent
    if place.is_relative_to(checkout / "detectors"):
        return BUNDLED
    contrib = checkout / "contrib"
    if place.is_relative_to(contrib) and place != contrib:
        return f"contrib/{place.relative_to(contrib).parts[0]}"
    return None


def distribution_of(bundle: Path, registry: Path) -> str:
    """The name in the next pyproject.toml or setup.cfg above `bundle`, what pip calls it.

    Raises UsageError where there is none, or none that can be read.
    """
    if source_of(bundle, registry) == BUNDLED:
        return OWN_DISTRIBUTION
    project = project_around(bundle)
    # A contributed package without a project of its own would otherwise be taken for fakecheck.
    if project is not None and project.name and project.folder != registry.resolve().parent:
        return project.name
    raise UsageError(
        f"{bundle}: no pyproject.toml or setup.cfg above it names the distribution",
        "give the package's folder, or --distribution NAME",
    )


def check_words(entry: IndexEntry, families: dict[str, Family], artifacts: Artifacts) -> None:
    """Raises PluginError for a family, kind or class that is not in the registry's word lists."""
    try:
        words.check_family(entry.family, entry.kind, families)
        words.check_classes(entry.classes, artifacts)
    except CardError as error:
        raise CardError(f"{entry.id}: {error.message}", error.advice) from error


def read_cards(registry: Path) -> list[IndexEntry]:
    """All cards in the folder `registry`, by id. Raises PluginError for one that is damaged."""
    entries = []
    for path in sorted((registry / CARDS).glob("*.yaml")):
        entry = check_record(IndexEntry, read_fields(path), path)
        if path.stem != entry.id:
            raise PluginError(f"{path}: holds the id {entry.id}, by which the file must be called")
        entries.append(entry)
    return sorted(entries, key=lambda entry: entry.id)


def write_entries(registry: Path, new: Sequence[IndexEntry]) -> dict[Path, str]:
    """Writes a card for each `new` entry, and the index made of all cards.

    → the files that changed, and their content. Raises PluginError, before anything is written, for
    words that are not in the lists, for two entries of one id, and for an id that the index knows
    from another distribution.
    """
    families, artifacts = read_words(registry)
    entries = {entry.id: entry for entry in read_cards(registry)}
    for number, entry in enumerate(new):
        if any(entry.id == other.id for other in new[:number]):
            raise PluginError(f"{entry.id}: two of the folders hold this id")
        known = entries.get(entry.id)
        if known and canonical(known.distribution) != canonical(entry.distribution):
            raise PluginError(
                f"{entry.id}: this id is that of a detector of {known.distribution}",
                f"delete {registry / CARDS / f'{entry.id}.yaml'} first if it has moved",
            )
    entries.update({entry.id: entry for entry in new})
    ordered = [entries[identifier] for identifier in sorted(entries)]
    for entry in ordered:
        check_words(entry, families, artifacts)
    texts = {registry / CARDS / f"{entry.id}.yaml": card_text(entry) for entry in new}
    texts |= index_texts(registry, ordered, families)
    changed = {path: text for path, text in texts.items() if _text(path) != text}
    for path, text in changed.items():
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return changed


def index_texts(
    registry: Path, entries: Sequence[IndexEntry], families: dict[str, Family]
) -> dict[Path, str]:
    """What `index.json` and `INDEX.md` in the folder `registry` must hold for these entries."""
    index = Index(detectors=tuple(entries))
    content = index.model_dump(mode="json", by_alias=True)
    content["detectors"] = [_plain(entry) for entry in entries]
    return {
        registry / INDEX_FILE: dumped(content, indent=1) + "\n",
        registry / PAGE_FILE: _page(entries, families),
    }


def card_text(entry: IndexEntry) -> str:
    """`cards/ID.yaml` of an entry."""
    text = yaml.safe_dump(_plain(entry), sort_keys=False, allow_unicode=True, width=100)
    return f"# Made by `{COMMAND}`; do not edit.\n{text}"


def artifacts_of(classes: Iterable[str]) -> str:
    """The classes in few words: `dotnoise, blur (eyes, nose); synthesis (face)`."""
    regions: dict[str, list[str]] = {}
    for label in classes:
        region, _, artifact = label.partition("_")
        regions.setdefault(artifact, []).append(region)
    artifacts: dict[str, list[str]] = {}
    for artifact, where in regions.items():
        artifacts.setdefault(", ".join(where), []).append(artifact)
    return "; ".join(f"{', '.join(what)} ({where})" for where, what in artifacts.items())


def _accuracy(card: DetectorCard) -> list[Metric]:
    lowest: dict[tuple[str, str], Metric] = {}
    for row in card.metrics:
        if row.of == "detector" and row.degradation == "none":
            known = lowest.setdefault((row.set, row.split), row)
            if row.auc < known.auc:
                lowest[row.set, row.split] = row
    return list(lowest.values())


def _plain(entry: IndexEntry) -> dict[str, Any]:
    content: dict[str, Any] = entry.model_dump(mode="json", exclude_defaults=True)
    return content


def _page(entries: Sequence[IndexEntry], families: dict[str, Family]) -> str:
    detectors = [
        (
            f"`{entry.id}` {entry.version}",
            f"{plain(families[entry.family].name)} ({entry.kind.replace('_', ' ')})",
            plain(artifacts_of(entry.classes)),
            "; ".join(_measured(row) for row in entry.accuracy) or "not stated",
            entry.source
            if entry.source == BUNDLED
            else f"{plain(entry.distribution)}, {entry.source}",
        )
        for entry in entries
    ]
    head = ("detector", "family", "finds", "ROC AUC, recall at 1 % FPR", "from")
    known = [
        (
            f"`{family.word}`",
            plain(family.name),
            family.kind.replace("_", " "),
            ", ".join(
                f"`{one.id}`"
                for one in entries
                if family.word in (one.family, *families[one.family].members)
            ),
        )
        for family in families.values()
    ]
    return (
        f"# Known detectors\n\nMade of [`cards/`]({CARDS}) by `{COMMAND}`; do not edit. Accuracy"
        " is of the detector alone, on undegraded\npictures: of the rows on its card for a set, the"
        " one with the lowest ROC AUC.\n\n"
        + _table(head, detectors)
        + "\n## Terms\n\n"
        + "".join(f"- {line}\n" for line in _terms(entries))
        + "\n## Families\n\n"
        + _table(("word", "family", "kind", "detectors"), known)
    )


def _terms(entries: Sequence[IndexEntry]) -> Iterable[str]:
    by_terms: dict[str, list[str]] = {}
    for entry in entries:
        terms = f"{plain(entry.licence.graph)}. Data: {plain(entry.licence.data)}"
        by_terms.setdefault(terms, []).append(f"`{entry.id}`")
    return (f"{', '.join(ids)}: {terms}." for terms, ids in by_terms.items())


def _measured(row: Metric) -> str:
    recall = "" if row.recall_at_fpr01 is None else f", {row.recall_at_fpr01:.2f}"
    fitted = " (not held back: its calibration was fitted to these)" if row.split == FITTED else ""
    return f"{plain(row.set)} {row.auc:.3f}{recall}{fitted}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None

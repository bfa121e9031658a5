"""The fused verdict on the pack's `val` pictures: `docs/accuracy.md`, and rows in the cards.

Runs the shipped pipeline as a user would, over files: faces, all detectors, fusion. Every set is
held against its own reals and against the reals of all sets, undegraded and degraded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from fakecheck import __version__
from fakecheck.loading import DetectorSet, load_detectors
from fakecheck.pipeline import Outcome, check_files
from fakecheck_training.augment import FIXED
from fakecheck_training.cards import read_card, write_card
from fakecheck_training.data import Sample, read_samples
from fakecheck_training.evaluate import OWN, POOLED
from fakecheck_training.options import cli, data_option, progress

BOOTSTRAPS = 500
FALSE_ALARM_RATE = 0.01
HOW_TO_READ = """AUC is the area under the ROC curve of the verdict's probability, with its 95 %
interval by bootstrap over groups: against the set's own real pictures, and against the reals of all
sets. *Recall at 1 %* is the share of fakes above the probability that 1 % of those reals exceed.
*Called fake* and *called real* are what the verdict says; the rest is inconclusive. *Family* is the
share of those called fake whose family came first. *Not judged* are fakes without a face that is
found and large enough; they, and reals like them, are inconclusive and count as probability 0. Sets
in *italics* hold families that no installed detector knows: what is missed there is what is to be
expected of any new generator."""


@dataclass(frozen=True)
class Judged:
    """A sample with its verdict; `probability` is 0 where there was nothing to judge."""

    sample: Sample
    label: str
    probability: float
    families: tuple[str, ...]
    judged: bool


@dataclass(frozen=True)
class Row:
    """What a set's fakes score against the reals of its own and of all sets."""

    name: str
    family: str
    known: bool
    fakes: int
    own_reals: int
    all_reals: int
    own: tuple[float, float, float] | None
    pooled: tuple[float, float, float]
    recall: float
    called_fake: float
    called_real: float
    not_judged: float
    family_named: float


def judge_all(
    samples: Sequence[Sample], data: Path, degradation: str, detectors: DetectorSet
) -> list[Judged]:
    """Every sample through the pipeline, degraded first unless `degradation` is none."""
    by_path: dict[Path, Sample] = {}
    with tempfile.TemporaryDirectory() as folder:

        def paths() -> Iterator[Path]:
            for number, sample in enumerate(samples):
                path = data / sample.key
                if degradation != "none":
                    path = _degraded(path, Path(folder) / f"{number}.png", degradation)
                by_path[path] = sample
                yield path

        outcomes = check_files(paths(), detectors)
        shown = progress(outcomes, len(samples), degradation)
        return [_judged(by_path[one.path], one) for one in shown if one.same_as is None]


def _degraded(source: Path, target: Path, degradation: str) -> Path:
    image = cv2.imread(str(source))
    cv2.imwrite(str(target), FIXED[degradation](image))
    return target


def _judged(sample: Sample, outcome: Outcome) -> Judged:
    if outcome.report is None:
        raise click.ClickException(str(outcome.error))
    verdict = outcome.report.verdict
    families = tuple(score.family for score in outcome.report.families)
    known = verdict.probability is not None
    return Judged(sample, verdict.label, verdict.probability or 0.0, families, known)


def auc_with_interval(
    fakes: Sequence[Judged], reals: Sequence[Judged], seed: int = 0
) -> tuple[float, float, float]:
    """ROC AUC and its 95 % interval by bootstrap over groups, fakes and reals apart."""
    rng = np.random.default_rng(seed)
    sides = [_by_group(side) for side in (fakes, reals)]

    def auc(chosen: list[list[np.ndarray]]) -> float:
        scores = [np.concatenate(groups) for groups in chosen]
        truth = np.repeat([1, 0], [len(one) for one in scores])
        return float(roc_auc_score(truth, np.concatenate(scores)))

    drawn = [
        auc([[side[i] for i in rng.integers(len(side), size=len(side))] for side in sides])
        for _ in range(BOOTSTRAPS)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return auc(sides), float(low), float(high)


def _by_group(judged: Sequence[Judged]) -> list[np.ndarray]:
    groups: dict[str, list[float]] = {}
    for one in judged:
        groups.setdefault(f"{one.sample.dataset}/{one.sample.group}", []).append(one.probability)
    return [np.array(values) for values in groups.values()]


def row_of(name: str, judged: Sequence[Judged], known: set[str]) -> Row:
    """The row of set `name`; `known` are the families that some detector stands for."""
    fakes = [one for one in judged if one.sample.dataset == name and one.sample.fake]
    own = [one for one in judged if one.sample.dataset == name and not one.sample.fake]
    reals = [one for one in judged if not one.sample.fake]
    limit = np.quantile([one.probability for one in reals], 1 - FALSE_ALARM_RATE)
    called = [one for one in fakes if one.label == "fake"]
    named = [one for one in called if one.families[0] == family_of(one.sample)]
    return Row(
        name=name,
        family=family_of(fakes[0].sample),
        known=family_of(fakes[0].sample) in known,
        fakes=len(fakes),
        own_reals=len(own),
        all_reals=len(reals),
        own=auc_with_interval(fakes, own) if own else None,
        pooled=auc_with_interval(fakes, reals),
        recall=float(np.mean([one.probability > limit for one in fakes])),
        called_fake=len(called) / len(fakes),
        called_real=float(np.mean([one.label == "real" for one in fakes])),
        not_judged=float(np.mean([not one.judged for one in fakes])),
        family_named=len(named) / len(called) if called else float("nan"),
    )


def family_of(sample: Sample) -> str:
    """The family a detector stands for: the pack calls DFDC's swaps after their set."""
    return "deepfakes" if sample.family == "dfdc" else sample.family


def to_markdown(
    tables: dict[str, list[Row]],
    alarms: dict[str, dict[str, tuple[int, int, int]]],
    versions: dict[str, str],
) -> str:
    """The page, with one table a degradation."""
    detectors = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        "# Accuracy of the fused verdict",
        "",
        f"fakecheck {__version__} with {detectors}; measured on {date.today()} on the `val` split,"
        " made by `python -m fakecheck_training.verdicts`.",
        "",
        HOW_TO_READ,
    ]
    for degradation, rows in tables.items():
        lines += ["", f"## Degradation: {degradation}", ""]
        lines += [
            "| set | fakes | AUC, own reals | AUC, all reals | recall at 1 % | called fake |"
            " called real | not judged | family |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        lines += [_line(row) for row in rows]
        lines += ["", "False alarms, real pictures called fake (and left inconclusive):", ""]
        lines += ["| reals of | called fake | inconclusive |", "|---|---|---|"]
        for name, (total, fake, unclear) in alarms[degradation].items():
            lines.append(
                f"| {name} | {fake} of {total} ({fake / total:.1%}) | {unclear / total:.0%} |"
            )
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    own = f"{row.own[0]:.3f} ({row.own[1]:.3f} to {row.own[2]:.3f})" if row.own else "–"
    pooled = f"{row.pooled[0]:.3f} ({row.pooled[1]:.3f} to {row.pooled[2]:.3f})"
    family = "–" if np.isnan(row.family_named) else f"{row.family_named:.2f}"
    name = row.name if row.known else f"*{row.name}*"
    return (
        f"| {name} | {row.fakes} | {own} | {pooled} | {row.recall:.2f} | "
        f"{row.called_fake:.2f} | {row.called_real:.2f} | {row.not_judged:.2f} | "
        f"{family} |"
    )


def card_rows(rows: Sequence[Row], degradation: str) -> list[dict[str, Any]]:
    """What a card says of the fused verdict: a row a set and kind of negatives."""
    return [
        {
            "of": "verdict",
            "set": row.name,
            "split": "val",
            "degradation": degradation,
            "auc": round(auc[0], 4),
            "recall_at_fpr01": round(row.recall, 4),
            "positives": row.fakes,
            "negatives": reals,
            "negatives_from": source,
        }
        for row in rows
        for source, auc, reals in (
            (OWN, row.own, row.own_reals),
            (POOLED, row.pooled, row.all_reals),
        )
        if auc is not None
    ]


def write_into_cards(tables: dict[str, list[Row]], detectors: DetectorSet) -> None:
    """Puts the verdict's rows for a family's sets into the card of its detector."""
    for loaded in detectors.cards:
        card = read_card(loaded.folder)
        mine = [row for row in card["metrics"] if row.get("of") != "verdict"]
        for degradation, rows in tables.items():
            mine += card_rows([row for row in rows if row.family == loaded.family], degradation)
        write_card(loaded.folder, {**card, "metrics": mine})


def false_alarms(judged: Sequence[Judged]) -> dict[str, tuple[int, int, int]]:
    """Set → reals, those called fake, those left inconclusive."""
    counts: dict[str, tuple[int, int, int]] = {}
    for one in judged:
        if one.sample.fake:
            continue
        for name in (one.sample.dataset, "all sets"):
            total, fake, unclear = counts.get(name, (0, 0, 0))
            counts[name] = (
                total + 1,
                fake + (one.label == "fake"),
                unclear + (one.label == "inconclusive"),
            )
    pooled = counts.pop("all sets")
    return {**counts, "all sets": pooled}


@cli
@data_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("docs/accuracy.md"),
    show_default=True,
    help="The page to write.",
)
def main(data: Path, output: Path) -> None:
    """Measure the fused verdict of the installed detectors on the pack's val pictures."""
    samples = [sample for sample in read_samples(data) if sample.split == "val"]
    detectors = load_detectors()
    known = {card.family for card in detectors.cards}
    tables, alarms = {}, {}
    for degradation in ("none", *[name for name in FIXED if name != "none"]):
        judged = judge_all(samples, data, degradation, detectors)
        sets = dict.fromkeys(one.sample.dataset for one in judged if one.sample.fake)
        tables[degradation] = [row_of(name, judged, known) for name in sets]
        alarms[degradation] = false_alarms(judged)
    output.write_text(to_markdown(tables, alarms, detectors.versions), encoding="utf-8")
    write_into_cards(tables, detectors)
    click.echo(f"wrote {output}, and the verdict's rows into the cards")


if __name__ == "__main__":
    main()

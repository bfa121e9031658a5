"""The figures of the pages, put into the detectors' cards and into the README."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fakecheck.errors import UsageError
from fakecheck.files import atomic_path
from fakecheck_training.accuracy.results import DetectorFigures, Results
from fakecheck_training.accuracy.rows import Separation, sets_of_card
from fakecheck_training.accuracy.words import percent, title
from fakecheck_training.cards import OWN, POOLED, read_card, write_card
from fakecheck_training.markdown import table

START, END = "<!-- accuracy -->", "<!-- end accuracy -->"


def metric_rows(rows: Sequence[Separation], state: str, of: str) -> list[dict[str, Any]]:
    """Rows as a card has them: one a set and kind of negatives."""
    return [
        {
            "of": of,
            "set": row.dataset,
            "split": "val",
            "degradation": state,
            "auc": round(auc[0], 6),
            "recall_at_fpr01": round(row.recall, 6),
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


def card_metrics(results: Results, figures: DetectorFigures) -> list[dict[str, Any]]:
    """The `metrics` of one card: of the detector alone, and of the verdict on its sets."""
    sets = set(sets_of_card(figures.card, results.samples))
    alone = [
        row for state, rows in figures.own.items() for row in metric_rows(rows, state, "detector")
    ]
    fused = [
        row
        for state, one in results.fused.items()
        for row in metric_rows(
            [part for part in one.separations if part.dataset in sets], state, "verdict"
        )
    ]
    return alone + fused


def write_cards(results: Results) -> None:
    """Replaces the `metrics` of all cards, and their CARD.md."""
    for figures in results.detectors:
        folder = figures.card.folder
        write_card(folder, {**read_card(folder), "metrics": card_metrics(results, figures)})


def readme_block(results: Results) -> str:
    """The table of the README: the sets that some detector stands for."""
    fused = results.fused
    rows = []
    for index, call in enumerate(fused["none"].calls):
        if not call.known or call.dataset == "simulated":
            continue
        row = fused["none"].separations[index]
        finders = [
            f"`{card.id}`"
            for card in results.cards
            if call.dataset in sets_of_card(card, results.samples)
        ]
        later = [fused[state].separations[index] for state in ("jpeg50", "half")]
        called = [fused[state].calls[index] for state in ("jpeg50", "half")]
        rows.append(
            (
                title(call.dataset),
                ", ".join(finders),
                "–" if row.own is None else f"{row.own[0]:.3f}",
                f"{row.pooled[0]:.3f}",
                percent(call.called_fake),
                percent(call.called_real),
                *(
                    f"{one.pooled[0]:.3f}, {percent(its.called_fake)}"
                    for one, its in zip(later, called, strict=True)
                ),
            )
        )
    head = (
        "forgeries",
        "detector",
        "AUC, own reals",
        "AUC, all reals",
        "called fake",
        "called real",
        "JPEG 50: AUC, called fake",
        "half size: AUC, called fake",
    )
    return f"{table(head, rows)}\n{_alarms(results)}\n"


def _alarms(results: Results) -> str:
    totals = {state: one.alarms[-1] for state, one in results.fused.items()}
    plain = totals["none"]
    return (
        f"Real pictures called fake: {plain.fake} of {plain.reals} undegraded,"
        f" {totals['jpeg50'].fake} at JPEG 50, {totals['half'].fake} at half size,"
        f" {totals['blur1'].fake} blurred; {percent(plain.inconclusive / plain.reals)} of the"
        " undegraded are left inconclusive."
    )


def write_readme(path: Path, results: Results) -> None:
    """Replaces what stands between START and END. Raises UsageError where they are missing."""
    text = path.read_text(encoding="utf-8")
    if text.count(START) != 1 or text.count(END) != 1:
        raise UsageError(f"{path} must have one line {START} and one line {END}")
    block = f"{START}\n{readme_block(results)}{END}"
    with atomic_path(path) as temporary:
        pattern = f"{re.escape(START)}.*{re.escape(END)}"
        temporary.write_text(
            re.sub(pattern, lambda _: block, text, flags=re.S), encoding="utf-8", newline="\n"
        )

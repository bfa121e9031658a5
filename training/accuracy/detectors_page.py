"""docs/accuracy-detectors.md: what each detector finds alone."""

from __future__ import annotations

from datetime import date

from fakecheck_training.accuracy.results import DetectorFigures, Results
from fakecheck_training.accuracy.words import STATE_TITLES, interval, title
from fakecheck_training.curves import calibration_error
from fakecheck_training.markdown import table
from fakecheck_training.measured import STATES


def detectors_page(results: Results, command: str) -> str:
    """The page; `command` is what makes it again."""
    parts = [
        "# Accuracy of each detector alone\n",
        f"Measured on {date.today()} on the `val` split; the terms are those of"
        " [accuracy.md](accuracy.md). The score of a picture is the detector's calibrated"
        " log-likelihood ratio, of the loudest face, which the verdict goes by. Made by\n",
        f"    {command}\n",
        "## Every detector on every set\n\nAUC of a set's fakes against the reals of all sets,"
        " undegraded. **Bold** are the sets of the detector's own family; what it says of others is"
        " no aim of its training.\n\n" + _matrix(results),
    ]
    return "\n".join(parts + [_section(figures) for figures in results.detectors])


def _matrix(results: Results) -> str:
    rows = []
    for index, first in enumerate(results.fused["none"].separations):
        cells = []
        for figures in results.detectors:
            own = {row.dataset for row in figures.own["none"]}
            text = f"{figures.others[index].pooled[0]:.3f}"
            cells.append(f"**{text}**" if first.dataset in own else text)
        rows.append((title(first.dataset), *cells))
    return table(("set", *(figures.card.id for figures in results.detectors)), rows)


def _section(figures: DetectorFigures) -> str:
    card = figures.card
    text = f"## {card.id} {card.version}\n\n{card.summary}\n\n"
    if not figures.own["none"]:
        return text + "No set of the pack holds its family.\n"
    rows = [
        (
            title(row.dataset),
            STATE_TITLES[state],
            f"{row.fakes} / {row.own_reals} / {row.all_reals}",
            interval(row.own),
            interval(row.pooled),
            interval(row.recalled),
        )
        for index in range(len(figures.own["none"]))
        for state in STATES
        for row in (figures.own[state][index],)
    ]
    head = (
        "set",
        "",
        "fakes / own / all reals",
        "AUC, own reals",
        "AUC, all reals",
        "recall at 1 %",
    )
    text += table(head, rows)
    text += (
        f"\nExpected calibration error of its own families against all reals, at even odds:"
        f" {calibration_error(figures.bins):.3f}.\n"
    )
    return text + (f"\n{_boxes(figures)}" if figures.boxes else "")


def _boxes(figures: DetectorFigures) -> str:
    names = [spec.name for spec in figures.card.classes]
    rows = []
    for one in figures.boxes:
        cells = [
            f"{one.by_class[name][0]:.2f} ({one.by_class[name][1]})"
            if name in one.by_class
            else "–"
            for name in names
        ]
        rows.append((title(one.dataset), STATE_TITLES[one.degradation], f"{one.mean:.3f}", *cells))
    return (
        "Boxes: average precision at an IoU of 0.5, and how many were to be found; reals take"
        " part, so a box on one of them is a false find.\n\n"
        + table(("set", "", "mAP@0.5", *names), rows)
    )

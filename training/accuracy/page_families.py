"""docs/accuracy.md: which family is named, and the verdict as families are added."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from fakecheck_training.accuracy.results import Results
from fakecheck_training.accuracy.rows import Confusion, family_of
from fakecheck_training.accuracy.steps import PREDECESSOR, Step
from fakecheck_training.accuracy.words import joined, one_decimal, percent, percent_interval
from fakecheck_training.draws.held_back import DATASET as SIMULATED
from fakecheck_training.markdown import table


def confusion_section(results: Results) -> str:
    """A row a family of fakes, a column a family of detectors."""
    found = results.confusion
    rows = []
    for row in found.rows:
        cells = []
        for column in found.columns:
            text = f"{found.called[row][column]} / {found.judged[row][column]}"
            cells.append(f"**{text}**" if column in found.right[row] else text)
        rows.append((row, *cells))
    flaws = {family_of(one) for one in results.samples if one.dataset == SIMULATED}
    return (
        "Fakes by their family (rows) and the family that came first (columns), undegraded: of"
        " those called fake, and after the stroke of all that had a face to judge. **Bold** is"
        " right: the family itself, or one that stands for it."
        + "".join(f" {flaws_sentence(found, family)}" for family in sorted(flaws))
        + "\n\n"
        + table(("", *found.columns), rows)
    )


def flaws_sentence(found: Confusion, family: str) -> str:
    """What comes of the simulated flaws, whose row is called `family`."""
    called, judged = found.called[family], found.judged[family]
    right = found.right[family]
    return (
        f"The row `{family}` is that of the simulated flaws: {sum(called.values())} of"
        f" {sum(judged.values())} are called fake, {sum(called[name] for name in right)} of these"
        f" with `{family}` first; whatever the verdict, it comes first in"
        f" {sum(judged[name] for name in right)}."
    )


def steps_section(steps: Sequence[Step]) -> str:
    """A row a step, and the predecessor's."""

    def line(step: Step) -> tuple[str, int, str, str, str]:
        return (
            step.added,
            step.detectors,
            percent(step.recall),
            one_decimal(step.false_alarms),
            f"{step.auc:.3f}",
        )

    return (
        "The predecessor's claim was that detectors of new families, plugged in, make a verdict"
        " out of little. Here the fakes and reals of all sets are judged, undegraded, with the"
        " detectors of artifacts alone and then with one family more at a time: bundled ones by"
        " name, then further packages. Recall is the share of all fakes called fake. The pictures"
        " are others than the predecessor's: its lines are a mark, not a comparison."
        f" {alarms_sentence(steps)}\n\n"
        "![recall, AUC and false alarms, family by family](families.png)\n\n"
        + table(
            ("added", "detectors", "recall", "FPR", "AUC"),
            [line(step) for step in steps]
            + [(f"*predecessor: {one.added}*", *line(one)[1:]) for one in PREDECESSOR],
        )
    )


def alarms_sentence(steps: Sequence[Step]) -> str:
    """Where the FPR rose, and how surely the last one is known."""
    rises = [
        f"{step.added} ({before.alarms} to {step.alarms})"
        for before, step in pairwise(steps)
        if step.alarms > before.alarms
    ]
    last = steps[-1]
    at = f"rises with {joined(rises)}" if rises else "rises at no step"
    return (
        f"The FPR, of {last.reals} real pictures, {at}. In the end {last.alarms} are called fake,"
        f" {one_decimal(last.false_alarms)}, with a 95 % interval of"
        f" {percent_interval(last.share)} by bootstrap over groups."
    )

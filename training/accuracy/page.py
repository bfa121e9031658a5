"""docs/accuracy.md: the fused verdict, degraded, calibrated, compared, and family by family."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from fakecheck import __version__
from fakecheck.temporal import SequenceCard
from fakecheck_training.accuracy.page_alarms import alarms_section, rates_section
from fakecheck_training.accuracy.page_compared import baselines_section, videos_section
from fakecheck_training.accuracy.page_families import confusion_section, steps_section
from fakecheck_training.accuracy.page_probability import probability_section
from fakecheck_training.accuracy.results import ALL, KNOWN, Results
from fakecheck_training.accuracy.rows import Calls, Separation
from fakecheck_training.accuracy.words import STATE_TITLES, interval, limits, named, percent
from fakecheck_training.curves import FEW
from fakecheck_training.draws.held_back import DATASET as SIMULATED
from fakecheck_training.markdown import table
from fakecheck_training.measured import STATES

HOW_TO_READ = f"""*AUC* is the area under the ROC curve of the verdict's probability, against all
sets' reals or against the set's own. *Recall at 1 %* is the share of fakes above the probability
that at most 1 % of the reals of all sets, degraded alike, exceed. Both have their 95 % interval by
bootstrap over groups (videos that swaps join, base photos), a group's fakes and reals drawn
together; of fewer than {FEW} groups of fakes or of reals none is given. *Called fake* and *called
real* are what the verdict says; the rest is inconclusive. Pictures without a face that is found and
large enough are inconclusive too, and count as probability 0."""
APART = """The pack's groups keep photos and videos apart, not people. 14 pictures that show a photo
or a sitting of its training split are left out; more may be there, and DFDC's actors appear on both
sides, so that its figures may flatter."""
UNKNOWN = """Sets in *italics* hold families that no detector stands for: what is missed there
is what is to be expected of any new generator."""
READ = """`val` has been read between versions and before some choices, of which
[EXPERIMENTS](../training/EXPERIMENTS.md) tells, so that it is not untouched."""
ALL_KNOWN = """No set here is of a family without a detector, so nothing on this page tells
how other forgeries fare: expect them to be called real."""


def accuracy_page(results: Results, command: str, videos: SequenceCard) -> str:
    """The page; `command` is what makes it again, `videos` the temporal model's card."""
    detectors = ", ".join(f"{card.id} {card.version}" for card in results.cards)
    samples = results.samples
    parts = [
        "# Accuracy of the fused verdict\n",
        f"fakecheck {__version__} with {detectors}; measured on {date.today()} on the `val` split,"
        f" {len(samples)} pictures that were neither trained nor calibrated on. {READ} Each"
        " detector alone: [accuracy-detectors.md](accuracy-detectors.md). Made by\n",
        f"    {command}\n",
        f"{HOW_TO_READ} {APART} {ALL_KNOWN if results.all_known else UNKNOWN}\n",
        "## At a glance\n\nUndegraded pictures.\n\n" + _overview(results),
        "## What it misses\n\n" + "".join(f"- {line}\n" for line in limits(results)),
        "## Against each set's own reals\n\n" + _own(results),
        "## Degraded\n\n" + _degraded(results),
        "## False alarms\n\n" + alarms_section(results),
        "## At other rates of false alarms\n\n" + rates_section(results.rates),
        "## Which family is named\n\n" + confusion_section(results),
        "## Does the probability mean what it says?\n\n" + probability_section(results),
        "## Against other detectors\n\n" + baselines_section(results),
        "## One plug-in at a time\n\n" + steps_section(results.steps),
        "## Videos\n\n" + videos_section(videos),
    ]
    return "\n".join(parts)


def _overview(results: Results) -> str:
    fused = results.fused["none"]
    pairs = zip(fused.separations, fused.calls, strict=True)
    rows = [
        (
            named(results, row.dataset),
            row.fakes,
            interval(row.pooled),
            interval(row.recalled, 2),
            percent(call.called_fake),
            percent(call.called_real),
        )
        for row, call in pairs
    ]
    for name, row in fused.totals.items():
        if name == KNOWN and results.all_known:
            continue
        fake, real = _shares(results, name, "none")
        rows.append(
            (
                f"**{name}**",
                row.fakes,
                interval(row.pooled),
                interval(row.recalled, 2),
                percent(fake),
                percent(real),
            )
        )
    head = ("set", "fakes", "AUC, all reals", "recall at 1 %", "called fake", "called real")
    return table(head, rows)


def _shares(results: Results, total: str, state: str) -> tuple[float, float]:
    """Called fake and called real, of all fakes that a row of totals counts."""
    rows = [
        row
        for row in results.fused[state].calls
        if row.dataset != SIMULATED and (total == ALL or row.known)
    ]
    fakes = sum(row.fakes for row in rows)
    return (
        sum(row.called_fake * row.fakes for row in rows) / fakes,
        sum(row.called_real * row.fakes for row in rows) / fakes,
    )


def _own(results: Results) -> str:
    fused = results.fused["none"]
    rows = [
        (
            named(results, row.dataset),
            row.own_reals or "–",
            interval(row.own),
            percent(call.not_judged),
            "–" if call.family_named is None else percent(call.family_named),
        )
        for row, call in zip(fused.separations, fused.calls, strict=True)
    ]
    head = ("set", "reals", "AUC, own reals", "fakes not judged", "family right if called fake")
    return table(head, rows)


def _degraded(results: Results) -> str:
    def cells(show: Callable[[Separation, Calls], str]) -> str:
        first = results.fused["none"].separations
        rows = []
        for index, row in enumerate(first):
            states = [results.fused[state] for state in STATES]
            shown = [show(one.separations[index], one.calls[index]) for one in states]
            rows.append((named(results, row.dataset), *shown))
        return table(("set", *(STATE_TITLES[state] for state in STATES)), rows)

    return (
        "AUC against the reals of all sets, degraded alike:\n\n"
        + cells(lambda row, call: f"{row.pooled[0]:.3f}")
        + "\nAUC against the set's own reals:\n\n"
        + cells(lambda row, call: "–" if row.own is None else f"{row.own[0]:.3f}")
        + "\nRecall at 1 %, and what is called fake:\n\n"
        + cells(lambda row, call: f"{row.recall:.2f}, {percent(call.called_fake)}")
    )

"""docs/accuracy.md: the fused verdict, degraded, calibrated, compared, and family by family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from fakecheck import __version__
from fakecheck.verdict import rate_percent
from fakecheck_training.accuracy.rates import AtRate
from fakecheck_training.accuracy.results import ALL, KNOWN, Results
from fakecheck_training.accuracy.rows import Alarms, Calls, Separation
from fakecheck_training.accuracy.steps import PREDECESSOR, Step
from fakecheck_training.accuracy.words import (
    STATE_TITLES,
    interval,
    limits,
    percent,
    real_title,
    title,
)
from fakecheck_training.baselines.mesonet import WEIGHTS
from fakecheck_training.curves import calibration_error
from fakecheck_training.markdown import table
from fakecheck_training.measured import STATES

HOW_TO_READ = """*AUC* is the area under the ROC curve of the verdict's probability, with its 95 %
interval by bootstrap over groups (videos that swaps join, base photos): against all sets' reals,
or against the set's own. *Recall at 1 %* is the share of fakes above the probability that 1 % of
the reals of all sets, degraded alike, exceed. *Called fake* and *called real* are what the verdict
says; the rest is inconclusive. Pictures without a face that is found and large enough are
inconclusive too, and count as probability 0."""
APART = """The pack's groups keep photos and videos apart, not people. 14 pictures that show a photo
or a sitting of its training split are left out; more may be there, and DFDC's actors appear on both
sides, so that its figures may flatter."""
UNKNOWN = """Sets in *italics* hold families that no detector stands for: what is missed there
is what is to be expected of any new generator."""
ALL_KNOWN = """No set here is of a family without a detector, so nothing on this page tells
how other forgeries fare: expect them to be called real."""
NO_MESONET = (
    "MesoNet was not measured this time: its weights were not given (`measure --mesonet DIR`)."
)


def accuracy_page(results: Results, command: str) -> str:
    """The page; `command` is what makes it again."""
    detectors = ", ".join(f"{card.id} {card.version}" for card in results.cards)
    samples = results.samples
    parts = [
        "# Accuracy of the fused verdict\n",
        f"fakecheck {__version__} with {detectors}; measured on {date.today()} on the `val` split,"
        f" {len(samples)} pictures that were neither trained nor calibrated on. Each detector"
        " alone: [accuracy-detectors.md](accuracy-detectors.md). Made by\n",
        f"    {command}\n",
        f"{HOW_TO_READ} {APART} {ALL_KNOWN if results.all_known else UNKNOWN}\n",
        "## At a glance\n\nUndegraded pictures.\n\n" + _overview(results),
        "## What it misses\n\n" + "".join(f"- {line}\n" for line in limits(results)),
        "## Against each set's own reals\n\n" + _own(results),
        "## Degraded\n\n" + _degraded(results),
        "## False alarms\n\nReal pictures called fake, and the share left inconclusive.\n\n"
        + _alarms(results),
        "## At other rates of false alarms\n\n" + _rates(results.rates),
        "## Which family is named\n\n" + _confusion(results),
        "## Does the probability mean what it says?\n\n" + _calibration(results),
        "## Against other detectors\n\n" + _baselines(results),
        "## One plug-in at a time\n\n" + _steps(results),
    ]
    return "\n".join(parts)


def _named(results: Results, dataset: str) -> str:
    return title(dataset) if results.known.get(dataset, True) else f"*{title(dataset)}*"


def _overview(results: Results) -> str:
    fused = results.fused["none"]
    pairs = zip(fused.separations, fused.calls, strict=True)
    rows = [
        (
            _named(results, row.dataset),
            row.fakes,
            interval(row.pooled),
            f"{row.recall:.2f}",
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
                f"{row.recall:.2f}",
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
        if row.dataset != "simulated" and (total == ALL or row.known)
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
            _named(results, row.dataset),
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
            rows.append((_named(results, row.dataset), *shown))
        return table(("set", *(STATE_TITLES[state] for state in STATES)), rows)

    return (
        "AUC against the reals of all sets, degraded alike:\n\n"
        + cells(lambda row, call: f"{row.pooled[0]:.3f}")
        + "\nAUC against the set's own reals:\n\n"
        + cells(lambda row, call: "–" if row.own is None else f"{row.own[0]:.3f}")
        + "\nRecall at 1 %, and what is called fake:\n\n"
        + cells(lambda row, call: f"{row.recall:.2f}, {percent(call.called_fake)}")
    )


def _alarms(results: Results) -> str:
    rows = []
    for index, first in enumerate(results.fused["none"].alarms):
        cells = []
        for state in STATES:
            row = results.fused[state].alarms[index]
            cells.append(f"{row.fake}, {percent(row.inconclusive / row.reals)}")
        rows.append((real_title(first.dataset), first.reals, *cells))
    return table(("reals of", "pictures", *(STATE_TITLES[state] for state in STATES)), rows)


def _rates(found: Sequence[AtRate]) -> str:
    reals = found[0].alarms["none"].reals
    rows = [
        (title(row.dataset), row.fakes, *(percent(one.calls[i].called_fake) for one in found))
        for i, row in enumerate(found[0].calls)
    ]
    rows.append(("**all families**", "", *(percent(one.called_fake) for one in found)))
    rows += [
        (
            f"*reals, {STATE_TITLES[state]}*",
            reals,
            *(f"{one.alarms[state].fake} ({_share(one.alarms[state])})" for one in found),
        )
        for state in STATES
    ]
    return (
        "What is called fake with `--false-alarm-rate`, undegraded; below, how many real pictures"
        " are.\n\n" + table(("set", "pictures", *(_rate(one.rate) for one in found)), rows)
    )


def _share(alarms: Alarms) -> str:
    return f"{100 * alarms.fake / alarms.reals:.1f} %"


def _rate(rate: float) -> str:
    return rate_percent(rate).replace("%", " %")


def _confusion(results: Results) -> str:
    found = results.confusion
    rows = []
    for row in found.rows:
        cells = []
        for column in found.columns:
            text = f"{found.called[row][column]} / {found.judged[row][column]}"
            cells.append(f"**{text}**" if column in found.right[row] else text)
        rows.append((row, *cells))
    return (
        "Fakes by their family (rows) and the family that came first (columns), undegraded: of"
        " those called fake, and after the stroke of all that had a face to judge. **Bold** is"
        " right: the family itself, or one that stands for it.\n\n"
        + table(("", *found.columns), rows)
    )


def _calibration(results: Results) -> str:
    samples = [sample for sample in results.samples if sample.dataset != "simulated"]
    fakes = sum(sample.fake for sample in samples)
    errors = {name: calibration_error(bins) for name, bins in results.bins.items()}
    by_name = {name: {bin_.low: bin_ for bin_ in bins} for name, bins in results.bins.items()}
    names = (ALL,) if results.all_known else (KNOWN, ALL)
    rows = []
    for low in sorted(set().union(*(by_name[name] for name in names))):
        shown = []
        for name in names:
            one = by_name[name].get(low)
            shown += (
                ["–"] * 3 if one is None else [one.pictures, f"{one.mean:.2f}", f"{one.fake:.2f}"]
            )
        rows.append((f"{low:.2f} to {low + 1 / 15:.2f}", *shown))
    head = ("probability", *("pictures", "mean", "fakes") * len(names))
    found = f"**{errors[ALL]:.3f}**"
    if not results.all_known:
        found = (
            f"**{errors[KNOWN]:.3f}** where a detector stands for the family (first three columns),"
            f" {found} over all families (last three): what is not known is called real with a"
            " confidence that it does not deserve"
        )
    return (
        f"The probability assumes even odds, so fakes and reals weigh the same here, whatever their"
        f" numbers ({fakes} fakes, {len(samples) - fakes} reals); pictures with nothing to judge"
        " have no probability and are left out. Expected calibration error in 15"
        f" bins: {found}.\n\n"
        "![reliability diagram](reliability.png)\n\n" + table(head, rows)
    )


def _baselines(results: Results) -> str:
    names = list(results.baselines)
    meso = [name for name in names if name in WEIGHTS]
    rows = []
    for index, row in enumerate(results.fused["none"].separations):
        others = [results.baselines[name][1][index] for name in names]
        rows.append(
            (
                _named(results, row.dataset),
                f"{row.pooled[0]:.3f}, {row.recall:.2f}",
                *(f"{other.pooled[0]:.3f}, {other.recall:.2f}" for other in others),
            )
        )
    note = "" if meso else NO_MESONET + "\n\n"
    return (
        "AUC against the reals of all sets, and recall at 1 %, of the same faces, undegraded."
        " *MesoNet* (Afchar et al. 2018) as published: trained on DeepFakes clips that its authors"
        " collected (DF), or on Face2Face clips of FaceForensics (F2F), whose originals may be"
        " among those of FaceForensics++ here. *spectrum* is a logistic"
        " regression on the azimuthally averaged power spectrum (Durall et al. 2020), fitted on the"
        " training split of all sets, degraded alike. Of several faces the worst counts.\n\n"
        + note
        + table(("set", "fakecheck", *(name.replace("_", " ") for name in names)), rows)
        + "\n![ROC curves](roc.png)\n"
    )


def _steps(results: Results) -> str:
    def line(step: Step) -> tuple[str, int, str, str, str]:
        return (
            step.added,
            step.detectors,
            percent(step.recall),
            f"{step.false_alarms:.1%}".replace("%", " %"),
            f"{step.auc:.3f}",
        )

    return (
        "The predecessor's claim was that detectors of new families, plugged in, make a verdict"
        " out of little. Here the fakes and reals of all sets are judged, undegraded, with the"
        " detectors of artifacts alone and then with one family more at a time: bundled ones by"
        " name, then further packages. Recall is the share of all fakes called fake. The pictures"
        " are others than the predecessor's: its lines are a mark, not a comparison.\n\n"
        "![recall, AUC and false alarms, family by family](families.png)\n\n"
        + table(
            ("added", "detectors", "recall", "FPR", "AUC"),
            [line(step) for step in results.steps]
            + [(f"*predecessor: {one.added}*", *line(one)[1:]) for one in PREDECESSOR],
        )
    )

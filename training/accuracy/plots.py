"""The plots of docs/accuracy.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import roc_curve

from fakecheck.calibration import auc
from fakecheck.files import atomic_path
from fakecheck.types import Floats
from fakecheck_training.accuracy.results import ALL, KNOWN, Results
from fakecheck_training.accuracy.rows import FALSE_ALARM_RATE, is_fake
from fakecheck_training.accuracy.steps import PREDECESSOR, Step
from fakecheck_training.baselines.mesonet import WEIGHTS
from fakecheck_training.curves import Bin, calibration_error

DPI = 120
BLUE, ORANGE, GREY, GREEN = "#1f5fa8", "#d1741f", "#8a8a8a", "#3a8a4d"


def draw_plots(results: Results, folder: Path) -> list[Path]:
    """families.png, reliability.png and roc.png in `folder`."""
    figures = {
        "families.png": families_figure(results.steps),
        "reliability.png": reliability_figure(results.bins),
        "roc.png": roc_figure(results),
    }
    for name, figure in figures.items():
        with atomic_path(folder / name) as path:
            # Without the version of Matplotlib in it, the same figures give the same file.
            figure.savefig(path, dpi=DPI, metadata={"Software": None})
        plt.close(figure)
    return [folder / name for name in figures]


def families_figure(steps: Sequence[Step]) -> Any:
    """Recall and AUC above, false alarms below, from step to step."""
    names = [("+ " if number else "") + step.added for number, step in enumerate(steps)]
    places = np.arange(len(steps))
    figure, (top, bottom) = plt.subplots(
        2, 1, sharex=True, figsize=(8, 5.6), height_ratios=(3, 1), layout="constrained"
    )
    mark = PREDECESSOR[-1]
    for label, colour, values, before in (
        ("recall", BLUE, [step.recall for step in steps], mark.recall),
        ("ROC AUC", ORANGE, [step.auc for step in steps], mark.auc),
    ):
        top.plot(places, values, "o-", color=colour, label=label)
        top.axhline(before, color=colour, linestyle=":", linewidth=1)
        top.annotate(
            f"predecessor's {label}",
            (0.01, before),
            xycoords=("axes fraction", "data"),
            xytext=(0, 3 if label == "ROC AUC" else -11),
            textcoords="offset points",
            fontsize=8,
            color=colour,
        )
    top.set_ylim(0, 1)
    top.set_ylabel("of all fakes, all sets")
    top.legend(loc="lower right", frameon=False)
    bottom.plot(places, [100 * step.false_alarms for step in steps], "s-", color=GREY)
    bottom.axhline(100 * FALSE_ALARM_RATE, color=GREY, linestyle="--", linewidth=1)
    bottom.annotate(
        "allowed",
        (0.01, 100 * FALSE_ALARM_RATE),
        xycoords=("axes fraction", "data"),
        xytext=(0, -11),
        textcoords="offset points",
        fontsize=8,
        color=GREY,
    )
    bottom.set_ylim(0, max(1.3, 120 * max(step.false_alarms for step in steps)))
    bottom.set_ylabel("reals called\nfake, %")
    bottom.set_xticks(places, names, rotation=35, ha="right")
    _plain(top, bottom)
    return figure


def reliability_figure(bins: dict[str, list[Bin]]) -> Any:
    """Probability against the share of fakes that have it."""
    figure, axes = plt.subplots(figsize=(5, 4.6), layout="constrained")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
    for name, colour in ((KNOWN, BLUE), (ALL, ORANGE)):
        rows = bins[name]
        axes.scatter(
            [one.mean for one in rows],
            [one.fake for one in rows],
            s=[20 + 500 * one.weight for one in rows],
            color=colour,
            alpha=0.6,
            label=f"{name}, ECE {calibration_error(rows):.3f}",
        )
    axes.set_xlabel("probability of fake")
    axes.set_ylabel("share of fakes, at even odds")
    axes.legend(loc="upper left", frameon=False, fontsize=9, markerscale=0.5)
    _plain(axes)
    return figure


def roc_figure(results: Results) -> Any:
    """The verdict beside the baselines, over the fakes of all sets of the pack."""
    figure, axes = plt.subplots(figsize=(6, 4.6), layout="constrained")
    chosen = np.array([sample.dataset != "simulated" for sample in results.samples])
    fake = is_fake(results.samples)[chosen]

    def draw(name: str, values: Floats, colour: str, style: str) -> None:
        finite = np.where(np.isfinite(values), values, np.finfo(np.float32).min)[chosen]
        false, true, _ = roc_curve(fake, finite)
        area = auc(finite[fake], finite[~fake])
        axes.plot(false, true, style, color=colour, label=f"{name}, AUC {area:.3f}")

    draw("fakecheck", results.fused["none"].values, BLUE, "-")
    meso = [name for name in results.baselines if name in WEIGHTS]
    for name, baseline in results.baselines.items():
        if name in meso:
            style = ("-", "--", "-.", ":")[meso.index(name) % 4]
            draw(f"MesoNet {name.replace('_', ' ')}", baseline.values, ORANGE, style)
        else:
            draw(name, baseline.values, GREEN, "-")
    axes.set_xscale("log")
    axes.set_xlim(1e-3, 1)
    axes.axvline(FALSE_ALARM_RATE, color=GREY, linestyle="--", linewidth=1)
    axes.set_xlabel("false positive rate, reals of all sets")
    axes.set_ylabel("recall, fakes of all sets")
    axes.legend(loc="upper left", frameon=False, fontsize=8)
    _plain(axes)
    return figure


def _plain(*axes: Any) -> None:
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(axis="y", color="#e4e4e4", linewidth=0.6)
        one.set_axisbelow(True)

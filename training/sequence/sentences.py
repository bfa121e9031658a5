"""Sentences of docs/video.md that follow from its figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fakecheck_training.curves import SIMULATIONS, Interval
from fakecheck_training.sequence.metrics import Floor

LEFT_OUT = "lowres_gan"
DETECTORS = """These {count} detectors come with fakecheck. The contributed `{name}`, a package of
its own, is left out: it finds the 64-pixel samples of DCGAN, LSGAN and WGAN, and no clip here is
made of one. How it would change the verdicts on clips is not measured."""
FLOOR = """The ECE of so few videos is never zero: a perfectly calibrated score, sure as often as
the temporal model's, would show {mean:.3f} on average and more than {high:.3f} in one of twenty
cases ({draws} draws of {forged} forged and {real} real). The model's {error:.3f} is {where}."""


def compared(differences: Mapping[str, Interval], drawn: str) -> str:
    """Whether the model is ahead of each pooling or behind, and whether that is more than luck.

    `drawn` is what the intervals' bootstrap draws.
    """
    return " ".join(_compared(name, found, drawn) for name, found in differences.items())


def _compared(name: str, found: Interval, drawn: str) -> str:
    value, low, high = found
    size = f"{abs(value):.4f}"
    if float(size) == 0:
        place = f"equal to that of the {name}"
    else:
        place = f"{size} {'ahead of' if value > 0 else 'behind'} that of the {name}"
    proof = "which holds zero, so no difference is shown"
    if low > 0 or high < 0:
        proof = "which leaves zero out"
    return (
        f"The temporal model's AUC is {place} (95 % interval of the difference "
        f"{low:+.4f} to {high:+.4f}, by paired bootstrap over {drawn}, {proof})."
    )


def floor_sentence(error: float, floor: Floor) -> str:
    """What the model's calibration error is to be held against."""
    where = "within that: no miscalibration is shown"
    if error > floor.high:
        where = "beyond that: its probabilities are somewhat off"
    return FLOOR.format(
        mean=floor.mean,
        high=floor.high,
        draws=SIMULATIONS,
        forged=floor.forged,
        real=floor.real,
        error=error,
        where=where,
    )


def left_out(detectors: Collection[str]) -> str:
    """Which known detector is not among these, and why; empty where it is."""
    return "" if LEFT_OUT in detectors else DETECTORS.format(count=len(detectors), name=LEFT_OUT)


def share(called: int, interval: tuple[float, float] | None) -> str:
    """How many, and where there is one the interval of their share."""
    if interval is None:
        return f"{called}"
    low, high = (f"{100 * end:.1f}" for end in interval)
    return f"{called} ({low} to {high} %)"

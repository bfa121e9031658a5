"""Names, number formats and the honest sentences of the pages of accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fakecheck_training.accuracy.results import Results
from fakecheck_training.accuracy.rows import FALSE_ALARM_RATE
from fakecheck_training.curves import FEW, Interval
from fakecheck_training.measured import STATES

TITLES = {
    "alae": "ALAE reconstructions of faces",
    "began": "BEGAN samples",
    "ciplab": "CIPLab, parts pasted by hand",
    "dcgan": "DCGAN samples, 64 pixels",
    "dfdc": "DFDC face swaps, single frames",
    "ffpp_deepfakes_c40": "FaceForensics++ DeepFakes, c40, single frames",
    "generated_photos": "generated.photos portraits (StyleGAN2)",
    "lfw_faceswap": "FaceSwap on LFW",
    "lsgan": "LSGAN samples, 64 pixels",
    "simulated": "simulated dots, grids and blur on real faces",
    "stargan": "StarGAN edits of CelebA",
    "stylegan": "StyleGAN faces",
    "wgan": "WGAN samples, 64 pixels",
}
REAL_TITLES = {
    "ciplab": "CIPLab, untouched portraits",
    "dfdc": "DFDC, originals",
    "ffpp_deepfakes_c40": "FaceForensics++, original clips, c40",
    "lfw_faceswap": "Labeled Faces in the Wild",
    "real_photos": "photographs of all sorts",
    "stargan": "CelebA, of which StarGAN's edits were made",
    "stylegan": "FFHQ, on which StyleGAN was trained",
}
STATE_TITLES = {"none": "undegraded", "jpeg50": "JPEG 50", "half": "half size", "blur1": "blurred"}
# A set is mostly missed when over half of it is called real, and well found when over half of it
# is called fake; under FEW fakes nothing can be said of it.
HALF = 0.5
# A set is named among those not judged from this share on.
UNJUDGED = 0.1


def title(dataset: str) -> str:
    """A set's name for people."""
    return TITLES.get(dataset, dataset)


def real_title(dataset: str) -> str:
    """The name of a set's real pictures for people."""
    return REAL_TITLES.get(dataset, dataset)


def named(results: Results, dataset: str) -> str:
    """A set's name, in italics where no detector stands for its family."""
    return title(dataset) if results.known.get(dataset, True) else f"*{title(dataset)}*"


def percent(share: float) -> str:
    """0.123 → `12 %`; one decimal under 1 %, where it matters."""
    return f"{share:.1%}".replace("%", " %") if 0 < share < 0.0095 else f"{share:.0%}"[:-1] + " %"


def one_decimal(share: float) -> str:
    """0.123 → `12.3 %`."""
    return f"{100 * share:.1f} %"


def interval(value: Interval | None, digits: int = 3) -> str:
    """`0.950 (0.926 to 0.969)`; a dash for what is missing."""
    if value is None:
        return "–"
    figure, low, high = (f"{number:.{digits}f}" for number in value)
    return f"{figure} (–)" if math.isnan(value[1]) else f"{figure} ({low} to {high})"


def percent_interval(value: Interval | None) -> str:
    """The ends alone, `0.4 to 1.5 %`, or a dash."""
    if value is None or math.isnan(value[1]):
        return "–"
    return f"{100 * value[1]:.1f} to {one_decimal(value[2])}"


def joined(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def limits(results: Results) -> list[str]:
    """What the figures say against the verdict, a sentence each."""
    found = [_missed(results, known=True), _missed(results, known=False)]
    found += [_weak(results), _unjudged(results), _alarms(results), _small(results)]
    return [sentence for sentence in found if sentence]


def _missed(results: Results, known: bool) -> str:
    rows = [
        row for row in results.fused["none"].calls if row.known == known and row.called_real > HALF
    ]
    if not rows:
        return ""
    who = "Missed although a detector stands for the family" if known else "No detector knows"
    sets = [f"{title(row.dataset)} ({percent(row.called_real)})" for row in rows]
    return f"**{who}**: {joined(sets)} are called real."


def _weak(results: Results) -> str:
    rows = [
        row
        for row in results.fused["none"].calls
        if row.known and row.called_fake < HALF and row.called_real <= HALF
    ]
    if not rows:
        return ""
    sets = [
        f"{title(row.dataset)} ({percent(row.called_fake)} fake, {percent(row.called_real)} real)"
        for row in rows
    ]
    return f"**Found less often than not**: {joined(sets)}; the rest is inconclusive."


def _unjudged(results: Results) -> str:
    parts = []
    for index, first in enumerate(results.fused["none"].calls):
        shares = {state: results.fused[state].calls[index].not_judged for state in STATES}
        worst = max(shares, key=lambda state: shares[state])
        if shares[worst] > UNJUDGED:
            text = f"{title(first.dataset)} ({percent(first.not_judged)}"
            if shares[worst] > first.not_judged:
                text += f", {STATE_TITLES[worst]} {percent(shares[worst])}"
            parts.append(f"{text})")
    if not parts:
        return ""
    return f"**Not judged**, for want of a face that is found and large enough: {joined(parts)}."


def _alarms(results: Results) -> str:
    worst = []
    for state in STATES:
        for row in results.fused[state].alarms[:-1]:
            if row.reals >= FEW and row.fake / row.reals > FALSE_ALARM_RATE and row.fake > 1:
                worst.append(
                    f"{row.fake} of {row.reals} {STATE_TITLES[state]}, {real_title(row.dataset)}"
                )
    if not worst:
        return ""
    told = "; ".join(worst)
    return f"**False alarms over 1 %**, two or more, among the reals of single sets: {told}."


def _small(results: Results) -> str:
    rows = [row for row in results.fused["none"].calls if row.fakes < FEW]
    if not rows:
        return ""
    sets = [f"{title(row.dataset)} ({row.fakes})" for row in rows]
    return f"**Too few fakes to say much**: {joined(sets)}."

"""Evidence → verdict: the fusion of calibrated likelihood ratios, its threshold and its reason.

Every detector d gives every face f a likelihood ratio LR(f, d) of "made by d's family" against
"real". A forgery is one of them and we do not know which, so the ratio of "forged somehow" is their
mean (each face and family being equally likely beforehand):

    LR = 1 / (F D) * sum over f, d of LR(f, d),    P(fake) = LR / (LR + 1)

with even odds beforehand. A detector that stays silent costs the others no more than its share. For
true likelihood ratios the mean of LR over real pictures is 1 whatever F and D are, so by Markov's
inequality P(LR > k | real) <= 1 / k: adding detectors cannot raise false alarms without bound.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from fakecheck.card import DetectorCard
from fakecheck.sequence import Evidence
from fakecheck.types import FamilyScore, MediaKind, Verdict

# The share of real pictures that may be called fake, over all detectors together.
FALSE_ALARM_RATE = 0.01
# Under even odds nothing is called fake, over them nothing real.
EVEN = 0.5


def false_alarm_rate(table: Mapping[float, float], llr: float) -> float:
    """The share of real faces whose log-likelihood ratio exceeds `llr`, from a card's `table`.

    The table maps rates to ratios. Between its rows the logarithm of the rate is linear in the
    ratio. Beyond the rarest row measured the rate falls by exp(-llr), the slowest that a likelihood
    ratio's tail can fall (Markov's inequality); before the commonest it stays.
    """
    rows = sorted(
        ((ratio, rate) for rate, ratio in table.items()), key=lambda row: (row[0], -row[1])
    )
    ratios, rates = zip(*rows, strict=True)
    if llr > ratios[-1]:
        return float(rates[-1] * math.exp(ratios[-1] - llr))
    return float(np.exp(np.interp(llr, ratios, np.log(rates))))


def threshold(cards: Sequence[DetectorCard], faces: int = 1) -> float:
    """The probability over which a file with `faces` faces is called fake.

    A loud detector alone brings the mean of n = faces times detectors ratios over T when its own
    log-ratio exceeds log(n T). T is where the chances of that, over all faces and detectors, add up
    to 1 % (Boole's inequality): with more of them each has to be louder.
    """
    low, high = -20.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        alarms = faces * sum(false_alarm_rate(card.false_alarm_llr, middle) for card in cards)
        low, high = (middle, high) if alarms > FALSE_ALARM_RATE else (low, middle)
    return max(EVEN, sigmoid(high - math.log(faces * len(cards))))


def sigmoid(llr: float) -> float:
    """Log-odds → probability."""
    return 1 / (1 + math.exp(-llr)) if llr >= 0 else math.exp(llr) / (1 + math.exp(llr))


def judge(
    evidence: Evidence, cards: Sequence[DetectorCard], kind: MediaKind, min_face: float
) -> tuple[Verdict, tuple[FamilyScore, ...]]:
    """The verdict on a file and the families behind it, the likeliest first."""
    by_id = {card.id: card for card in cards}
    ratios = [
        (by_id[name], math.exp(llr))
        for values in evidence.units.values()
        for name, llr in values.items()
    ]
    if not ratios:
        return Verdict("inconclusive", None, None, _why_nothing(evidence, min_face)), ()
    total = sum(ratio for _, ratio in ratios)
    fused = total / len(ratios)
    probability = fused / (fused + 1)
    judged = [unit for unit, values in evidence.units.items() if values]
    used = [card for card in cards if any(card.id in evidence.units[unit] for unit in judged)]
    limit = threshold(used, len(judged))
    shares: dict[str, float] = defaultdict(float)
    for card, ratio in ratios:
        shares[card.family] += probability * ratio / total
    families = tuple(
        FamilyScore(family, share)
        for family, share in sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    )
    verdict = _verdict(probability, limit, families, kind)
    return verdict, families


def _verdict(
    probability: float, limit: float, families: tuple[FamilyScore, ...], kind: MediaKind
) -> Verdict:
    prefix = "averaged over the frames looked at, " if kind == "video" else ""
    files = "clips" if kind == "video" else "pictures"
    likeliest = families[0].family
    if probability > limit:
        reason = f"traces of {likeliest} are stronger than in all but 1 % of real {files}"
        return Verdict("fake", probability, limit, prefix + reason)
    if probability < EVEN:
        known = ", ".join(sorted(score.family for score in families))
        reason = (
            f"a forgery of a known family ({known}) is less likely than not; "
            "other forgeries, and weak traces of these, are missed"
        )
        return Verdict("real", probability, limit, prefix + reason)
    reason = (
        f"traces of {likeliest} are likelier than not, but more than 1 % of real {files} "
        "show as much"
    )
    return Verdict("inconclusive", probability, limit, prefix + reason)


def _why_nothing(evidence: Evidence, min_face: float) -> str:
    if evidence.too_small:
        return (
            f"the largest face is {evidence.largest_face:.0f} pixels long, "
            f"under {min_face:.0f} a face cannot be judged"
        )
    if evidence.faces:
        return "no detector could judge a face"
    return "no face was found"

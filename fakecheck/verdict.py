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
from functools import lru_cache

from fakecheck.alarms import false_alarm_rate
from fakecheck.card import DetectorCard
from fakecheck.sequence import Evidence
from fakecheck.types import FamilyScore, MediaKind, Unjudged, Verdict

# The share of real pictures that may be called fake, over all detectors together.
FALSE_ALARM_RATE = 0.01
# Under even odds nothing is called fake, over them nothing real.
EVEN = 0.5


def threshold(cards: Sequence[DetectorCard], faces: int = 1) -> float:
    """The probability over which a file with `faces` faces is called fake.

    A loud detector alone brings the mean of n = faces times detectors ratios over T when its own
    log-ratio exceeds log(n T). T is where the chances of that, over all faces and detectors, add up
    to 1 % (Boole's inequality): with more of them each has to be louder.
    """
    limit = rare_llr([card.false_alarm_llr for card in cards], FALSE_ALARM_RATE / faces)
    return max(EVEN, sigmoid(limit - math.log(faces * len(cards))))


def rare_llr(tables: Sequence[Mapping[float, float]], rate: float) -> float:
    """The log-likelihood ratio that real faces exceed in one of `tables` at most at this rate."""
    return _rare_llr(tuple(tuple(table.items()) for table in tables), rate)


# The same few detectors judge every file of a run.
@lru_cache(maxsize=256)
def _rare_llr(rows: tuple[tuple[tuple[float, float], ...], ...], rate: float) -> float:
    tables = [dict(table) for table in rows]
    low, high = -20.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        alarms = sum(false_alarm_rate(table, middle) for table in tables)
        low, high = (middle, high) if alarms > rate else (low, middle)
    return high


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
        cause, reason = why_nothing(evidence, min_face)
        return Verdict("inconclusive", None, None, reason, unjudged=cause), ()
    total = sum(ratio for _, ratio in ratios)
    fused = total / len(ratios)
    probability = fused / (fused + 1)
    judged = [unit for unit, values in evidence.units.items() if values]
    used = [card for card in cards if any(card.id in evidence.units[unit] for unit in judged)]
    limit = threshold(used, len(judged))
    families = shares([(card.family, ratio) for card, ratio in ratios], probability)
    return _verdict(probability, limit, families, kind), families


def shares(ratios: Sequence[tuple[str, float]], probability: float) -> tuple[FamilyScore, ...]:
    """The probability parted over families by their likelihood ratios, the likeliest first."""
    total = sum(ratio for _, ratio in ratios)
    parts: dict[str, float] = defaultdict(float)
    for family, ratio in ratios:
        parts[family] += probability * ratio / total
    return tuple(
        FamilyScore(family, share)
        for family, share in sorted(parts.items(), key=lambda item: (-item[1], item[0]))
    )


def _verdict(
    probability: float, limit: float, families: tuple[FamilyScore, ...], kind: MediaKind
) -> Verdict:
    prefix = "averaged over the frames looked at, " if kind == "video" else ""
    files = "clips" if kind == "video" else "pictures"
    likeliest = families[0].family
    if probability > limit:
        reason = (
            f"traces of {likeliest} are stronger than in 99 % of the real {files} "
            "by which the limit was set"
        )
        return Verdict("fake", probability, limit, prefix + reason, EVEN)
    if probability < EVEN:
        known = ", ".join(sorted(score.family for score in families))
        reason = (
            f"a forgery of a known family ({known}) is less likely than not; "
            "other forgeries, and weak traces of these, are missed"
        )
        return Verdict("real", probability, limit, prefix + reason, EVEN)
    reason = (
        f"traces of {likeliest} are likelier than not, but more than 1 % of real {files} "
        "show as much"
    )
    return Verdict("inconclusive", probability, limit, prefix + reason, EVEN)


def why_nothing(evidence: Evidence, min_face: float) -> tuple[Unjudged, str]:
    """Why there is nothing to give a probability for, for programs and for people."""
    if not evidence.frames:
        return "no_frame", "no frame could be looked at"
    if evidence.too_small:
        return "face_too_small", (
            f"the largest face is {evidence.largest_face:.0f} pixels long, "
            f"under {min_face:.0f} a face cannot be judged"
        )
    if evidence.faces:
        return "detectors_failed", "no detector could judge a face"
    return "no_face", "no face was found"

"""Evidence → verdict: the fusion of calibrated likelihood ratios, its threshold and its reason.

Every detector d gives a face a likelihood ratio LR(d) of "made by d's family" against "real". A
forgery is one of them and we do not know which, so the ratio of "forged somehow" is their mean
(each family being equally likely beforehand):

    LR = 1 / D * sum over d of LR(d),    P(fake) = LR / (LR + 1)

with even odds beforehand. A detector that stays silent costs the others no more than its share. For
true likelihood ratios the mean of LR over real faces is 1 whatever D is, so by Markov's inequality
P(LR > k | real) <= 1 / k: adding detectors cannot raise false alarms without bound.

A face is called fake where one detector is loud enough by itself: how often that happens to real
faces is bounded by what is on the cards, how often many are a little loud together is not.

A file's verdict is that of its worst face. With n faces there are n chances of a false alarm, so
each is held against a rarer one (`face_rate`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fakecheck.alarms import false_alarm_rate
from fakecheck.card import DetectorCard
from fakecheck.sequence import Evidence
from fakecheck.types import (
    FALSE_ALARM_RATE,
    FaceVerdict,
    FamilyScore,
    Label,
    MediaKind,
    Span,
    Unjudged,
    Verdict,
)

# Under even odds nothing is called fake.
EVEN = 0.5
# Only what is three times as likely to be real as forged is called real: of the pictures that come
# near to it one in four is a forgery, if half of all are.
REAL_BELOW = 0.25


@dataclass(frozen=True)
class Judgement:
    """A file's verdict with what it rests on; `spans` are of the faces that were called fake.

    `faces` are those judged, by track; a picture's only where several were found.
    """

    verdict: Verdict
    families: tuple[FamilyScore, ...] = ()
    faces: tuple[FaceVerdict, ...] = ()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class _Face:
    """What the detectors say of one face, each by its card."""

    track: int | None
    ratios: tuple[tuple[DetectorCard, float], ...]

    @property
    def loudest(self) -> float:
        """The largest log-ratio of one detector."""
        return max(llr for _, llr in self.ratios)

    @property
    def share(self) -> float:
        """The log of the mean of the ratios, when the loudest is one."""
        odds = sum(math.exp(llr - self.loudest) for _, llr in self.ratios)
        return math.log(odds / len(self.ratios))

    @property
    def tables(self) -> list[Mapping[float, float]]:
        """How rarely real faces are how loud, by detector."""
        return [card.false_alarm_llr for card, _ in self.ratios]

    @property
    def alarms(self) -> float:
        """How often one of the detectors is as loud of a real face, by Boole's inequality."""
        return sum(false_alarm_rate(table, self.loudest) for table in self.tables)

    @property
    def probability(self) -> float:
        return sigmoid(self.loudest + self.share)

    def threshold(self, rate: float) -> float:
        """The probability over which it is called fake, where its loudest detector is at its limit.

        The limit is the log-ratio at which the chances that a real face is as loud, over all
        detectors, add up to `rate` (Boole's inequality): with more of them each has to be louder.
        What the others add to the mean moves probability and threshold alike.
        """
        return max(EVEN, sigmoid(rare_llr(self.tables, rate) + self.share))


def face_rate(alarms: Sequence[float], rate: float = FALSE_ALARM_RATE) -> float:
    """The rate that each of n faces is held against whose own false alarm rates are `alarms`.

    By Simes' test (1986): a file is called fake if, for some k, the k loudest faces are rarer than
    a k-th part of n of `rate`. So one loud face among many must be rarer than it alone, as with
    Boole's inequality, but a person whom cuts part into many tracks, all of them loud, need not. It
    holds for independent faces and for such as are loud together (Sarkar 1998).
    """
    count = len(alarms)
    passed = [k for k, own in enumerate(sorted(alarms), 1) if own < rate * k / count]
    return rate * max(passed, default=1) / count


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
    evidence: Evidence,
    cards: Sequence[DetectorCard],
    kind: MediaKind,
    min_face: float,
    rate: float = FALSE_ALARM_RATE,
) -> Judgement:
    """The verdict by the detectors' ratios, at this `rate` of false alarms.

    A detector of the whole frame speaks of every face that was judged.
    """
    faces = _faces(evidence, cards)
    if not faces:
        cause, reason = why_nothing(evidence, min_face)
        nothing = Verdict("inconclusive", None, None, reason, None, cause, rate)
        return Judgement(nothing)
    each = face_rate([face.alarms for face in faces], rate)
    rows = tuple(_row(face, each) for face in faces)
    row, worst = max(zip(rows, faces, strict=True), key=lambda pair: pair[0].badness)
    families = shares(
        [(card.family, math.exp(llr)) for card, llr in worst.ratios], worst.probability
    )
    several = evidence.faces > 1
    who = f"{who_of(row.track, len(faces), evidence.faces)}: " if several else ""
    reason = _reason(row.label, worst.probability, families, kind, who, len(faces), rate)
    verdict = Verdict(row.label, row.probability, row.threshold, reason, REAL_BELOW, None, rate)
    return Judgement(verdict, families, rows if several or kind == "video" else ())


def _row(face: _Face, rate: float) -> FaceVerdict:
    """The verdict on a face that is held against this false alarm rate."""
    limit = face.threshold(rate)
    label: Label = "real" if face.probability < REAL_BELOW else "inconclusive"
    return FaceVerdict(
        face.track, "fake" if face.probability > limit else label, face.probability, limit
    )


def _faces(evidence: Evidence, cards: Sequence[DetectorCard]) -> list[_Face]:
    """The faces that were judged, by track; the frame itself where none was."""
    by_id = {card.id: card for card in cards}
    whole = evidence.units.get(None, {})
    units: dict[int | None, dict[str, float]] = {
        track: {**values, **whole}
        for track, values in evidence.units.items()
        if track is not None and values
    }
    if not units and whole:
        units = {None: dict(whole)}
    found = []
    for track, values in sorted(units.items(), key=lambda item: item[0] or 0):
        ratios = tuple((by_id[name], llr) for name, llr in values.items())
        found.append(_Face(track, ratios))
    return found


def who_of(track: int | None, judged: int, found: int) -> str:
    """How a reason names the worst of so many faces."""
    if track is None:
        return "the whole frame"
    if judged > 1:
        return f"face {track}, the most suspicious of {judged}"
    return "the face" if found < 2 else f"face {track}, the only one of {found} that was judged"


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


def rate_percent(rate: float) -> str:
    """A rate that somebody chose, in percent."""
    return f"{round(100 * rate, 2):g}%"


def _reason(
    label: Label,
    probability: float,
    families: tuple[FamilyScore, ...],
    kind: MediaKind,
    who: str,
    count: int,
    rate: float,
) -> str:
    prefix = "averaged over the frames looked at, " if kind == "video" else ""
    files = "clips" if kind == "video" else "pictures"
    likeliest = families[0].family
    if label == "fake":
        text = (
            f"traces of {likeliest} are stronger than in {rate_percent(1 - rate)} of real {files}, "
            "judging by what each detector shows on held-back ones"
        )
    elif label == "real":
        known = ", ".join(sorted(score.family for score in families))
        text = (
            "it is over three times as likely to be real as to be a forgery of a known family "
            f"({known}); other forgeries, and weak traces of these, are missed"
        )
    elif probability < EVEN:
        text = (
            f"traces, most of {likeliest}, are weak, but it is less than three times as likely to "
            "be real as to be a forgery of a known family"
        )
    else:
        text = (
            f"traces of {likeliest} are likelier than not, but more than {rate_percent(rate)} of "
            f"real {files}{' with as many faces' if count > 1 else ''} may show as much"
        )
    return prefix + who + text


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

"""What the temporal model says of a video's faces → the verdict on the video.

The video's verdict is that of its worst face. With n faces there are n chances of a false alarm, so
each has to be rarer by n (Boole's inequality), just as with several detectors in a picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fakecheck.card import DetectorCard
from fakecheck.sequence import Evidence
from fakecheck.temporal import SequenceCard
from fakecheck.timeline import Timeline, forged_spans
from fakecheck.types import FaceVerdict, FamilyScore, Label, Moment, Span, Verdict
from fakecheck.verdict import EVEN, rare_llr, shares, sigmoid, threshold

# Spans that a reason names; the report has them all.
NAMED_SPANS = 3


@dataclass(frozen=True)
class VideoJudgement:
    """A video's verdict with what it rests on; `spans` are of the faces that were called fake."""

    verdict: Verdict
    families: tuple[FamilyScore, ...]
    faces: tuple[FaceVerdict, ...]
    spans: tuple[Span, ...]


def fake_over(ratios: Sequence[float], card: SequenceCard) -> float:
    """The probability over which a face makes a video fake whose n faces have these log-`ratios`.

    By Simes' test (1986): the k loudest faces together have to be over what a k-th part of n of the
    false alarm rate leaves, for some k. So one loud face among many must be louder than it alone,
    as with Boole's inequality, but a person whom cuts part into many tracks, all of them loud,
    need not. It holds for independent faces and for such as are loud together (Sarkar 1998).
    """
    rate, count = card.bands.false_alarm_rate, len(ratios)

    def limit(k: int) -> float:
        return rare_llr([card.false_alarm_llr], rate * k / count)

    loud = sorted((llr for llr in ratios if llr > limit(count)), reverse=True)
    reached = [limit(k) for k, llr in enumerate(loud, 1) if llr > limit(k)]
    return max(EVEN, sigmoid(min(reached, default=limit(1))))


def judge_faces(
    evidence: Evidence, cards: Sequence[DetectorCard], card: SequenceCard, timeline: Timeline
) -> VideoJudgement:
    """The verdict by the temporal model, whose `card` has the thresholds.

    `evidence.temporal` must have at least one face.
    """
    bands = card.bands
    count = len(evidence.temporal)
    limit = fake_over(list(evidence.temporal.values()), card)
    real_below = min(bands.real_below, limit)

    def label(probability: float) -> Label:
        if probability > limit:
            return "fake"
        return "real" if probability < real_below else "inconclusive"

    probabilities = {track: sigmoid(llr) for track, llr in evidence.temporal.items()}
    faces = tuple(
        FaceVerdict(track, label(probability), probability)
        for track, probability in sorted(probabilities.items())
    )
    worst = max(probabilities, key=lambda track: (probabilities[track], -track))
    probability = probabilities[worst]
    families = families_of(timeline.of(worst), bands.forged_over, probability)
    if not families:
        families = families_by_mean(evidence.units[worst], cards, probability)
    spans = forged_parts(faces, timeline, bands.forged_over)
    reason = _reason(label(probability), worst, count, families, spans, bands.miss_rate)
    verdict = Verdict(label(probability), probability, limit, reason, real_below)
    return VideoJudgement(verdict, families, faces, spans)


def faces_by_fusion(evidence: Evidence, cards: Sequence[DetectorCard]) -> tuple[FaceVerdict, ...]:
    """A verdict a face from the detectors' mean ratios, where there is no temporal model."""
    by_id = {card.id: card for card in cards}
    tracks = {
        unit: values for unit, values in evidence.units.items() if unit is not None and values
    }
    found = []
    for track, values in sorted(tracks.items()):
        used = [by_id[name] for name in values]
        fused = sum(math.exp(llr) for llr in values.values()) / len(values)
        # The threshold on the mean over all faces, moved to the mean over this one's detectors.
        limit = threshold(used, len(tracks))
        limit = limit * len(tracks) / (limit * len(tracks) + 1 - limit)
        probability = fused / (fused + 1)
        label: Label = "inconclusive" if probability >= EVEN else "real"
        found.append(FaceVerdict(track, "fake" if probability > limit else label, probability))
    return tuple(found)


def forged_parts(faces: Sequence[FaceVerdict], timeline: Timeline, over: float) -> tuple[Span, ...]:
    """When the faces that were called fake look it, in the order of time."""
    spans = [
        span
        for face in faces
        if face.label == "fake"
        for span in forged_spans(timeline.of(face.track), over)
    ]
    return tuple(sorted(spans, key=lambda span: (span.start, span.track or 0)))


def families_of(
    moments: Sequence[Moment], over: float, probability: float
) -> tuple[FamilyScore, ...]:
    """The probability of one face's forgery parted over families, by the moments that look forged.

    Where none does, by all of them: each family by the mean of its ratios there.
    """
    loud = [moment for moment in moments if moment.probability > over] or list(moments)
    values: dict[str, list[float]] = {}
    for moment in loud:
        for family, llr in moment.families.items():
            values.setdefault(family, []).append(llr)
    ratios = [(family, math.exp(sum(llr) / len(llr))) for family, llr in values.items()]
    return shares(ratios, probability) if ratios else ()


def families_by_mean(
    values: Mapping[str, float], cards: Sequence[DetectorCard], probability: float
) -> tuple[FamilyScore, ...]:
    """The same by its detectors' means over all frames, for a clip without time stamps."""
    by_id = {card.id: card for card in cards}
    ratios = [(by_id[name].family, math.exp(llr)) for name, llr in values.items()]
    return shares(ratios, probability)


def _reason(
    label: Label,
    worst: int,
    count: int,
    families: Sequence[FamilyScore],
    spans: Sequence[Span],
    miss_rate: float,
) -> str:
    who = "the face" if count == 1 else f"face {worst}, the most suspicious of {count},"
    likeliest = families[0].family
    if label == "fake":
        when = _times([span for span in spans if span.track == worst])
        return (
            f"{who} shows traces of {likeliest}{when} that, followed through time, are stronger "
            "than in 99 % of the real clips by which the limit was set"
        )
    if label == "real":
        known = ", ".join(sorted(score.family for score in families))
        return (
            f"{who} shows less of a forgery of a known family ({known}) through time than "
            f"{1 - miss_rate:.0%} of the forgeries by which the limit was set; "
            "others, and weaker ones, are missed"
        )
    return (
        f"{who} shows traces, most of {likeliest}, that are stronger than in most real clips, but "
        "more than 1 % of real clips show as much"
    )


def _times(spans: Sequence[Span]) -> str:
    if not spans:
        return ""
    named = ", ".join(_seconds(span) for span in spans[:NAMED_SPANS])
    more = len(spans) - NAMED_SPANS
    return f" {named}" + (f" and {more} more" if more > 0 else "")


def _seconds(span: Span) -> str:
    first, last = f"{span.start:.1f}", f"{span.end:.1f}"
    return f"at {first} s" if first == last else f"from {first} to {last} s"

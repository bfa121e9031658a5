"""What the temporal model says of a video's faces → the verdict on the video.

The video's verdict is that of its worst face; with several of them each has to be louder, just as
in a picture (`verdict.face_rate`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fakecheck.alarms import false_alarm_rate
from fakecheck.card import DetectorCard
from fakecheck.sequence import Evidence
from fakecheck.temporal import Bands, SequenceCard
from fakecheck.timeline import Timeline, forged_spans
from fakecheck.types import (
    FALSE_ALARM_RATE,
    FaceVerdict,
    FamilyScore,
    Label,
    Moment,
    Span,
    Verdict,
)
from fakecheck.verdict import (
    EVEN,
    Judgement,
    face_rate,
    rare_llr,
    rate_percent,
    shares,
    sigmoid,
    who_of,
)

# Spans that a reason names; the report has them all.
NAMED_SPANS = 3


def fake_over(ratios: Sequence[float], card: SequenceCard, rate: float = FALSE_ALARM_RATE) -> float:
    """The probability over which a face makes a video fake whose n faces have these log-`ratios`.

    See `face_rate`.
    """
    table = card.false_alarm_llr
    alarms = [false_alarm_rate(table, llr) for llr in ratios]
    return max(EVEN, sigmoid(rare_llr([table], face_rate(alarms, rate))))


def real_under(ratios: Sequence[float], bands: Bands) -> float:
    """The probability under which the worst of n faces leaves a video real, by their log-`ratios`.

    A forgery is in one of the faces, nobody knows which, so the video's ratio is the faces' mean:
    it is real where that is under the limit of one face, but not where the worst is likelier forged
    than not. Without this a real clip of five shots would be real one time in five.
    """
    single = bands.real_below / (1 - bands.real_below)
    odds = [math.exp(llr) for llr in ratios]
    left = len(odds) * single - (sum(odds) - max(odds))
    return max(bands.real_below, min(EVEN, left / (1 + left)) if left > 0 else 0.0)


def judge_faces(
    evidence: Evidence,
    cards: Sequence[DetectorCard],
    card: SequenceCard,
    timeline: Timeline,
    rate: float = FALSE_ALARM_RATE,
) -> Judgement:
    """The verdict by the temporal model with this `card`, at this `rate` of false alarms.

    `evidence.temporal` must have at least one face.
    """
    bands = card.bands
    count = len(evidence.temporal)
    ratios = list(evidence.temporal.values())
    limit = fake_over(ratios, card, rate)
    real_below = real_under(ratios, bands)

    def label(probability: float) -> Label:
        if probability > limit:
            return "fake"
        return "real" if probability < real_below else "inconclusive"

    probabilities = {track: sigmoid(llr) for track, llr in evidence.temporal.items()}
    faces = tuple(
        FaceVerdict(track, label(probability), probability, limit)
        for track, probability in sorted(probabilities.items())
    )
    worst = max(probabilities, key=lambda track: (probabilities[track], -track))
    probability = probabilities[worst]
    families = families_of(timeline.of(worst), bands.forged_over, probability)
    if not families:
        families = families_by_mean(evidence.units[worst], cards, probability)
    spans = forged_parts(faces, timeline, bands.forged_over)
    carried = _spans_of(worst, timeline, bands.forged_over)
    who = who_of(worst, count, evidence.faces)
    who += "," if "," in who else ""
    when = _times(carried)
    rates = (rate, bands.miss_rate)
    reason = _reason(label(probability), who, count, families, when, probability, rates)
    verdict = Verdict(label(probability), probability, limit, reason, real_below, None, rate)
    return Judgement(verdict, families, faces, spans)


def _spans_of(track: int, timeline: Timeline, over: float) -> list[Span]:
    """When a face looks forged; nothing where it does at no moment."""
    moments = timeline.of(track)
    return forged_spans(moments, over) if any(m.probability > over for m in moments) else []


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
    who: str,
    count: int,
    families: Sequence[FamilyScore],
    when: str,
    probability: float,
    rates: tuple[float, float],
) -> str:
    """`rates` are those of false alarms and of misses."""
    alarms, misses = map(rate_percent, rates)
    likeliest = families[0].family
    if label == "fake":
        return (
            f"{who} shows traces of {likeliest}{when} that, followed through time, are stronger "
            f"than in {rate_percent(1 - rates[0])} of the real faces by which the limit was set"
        )
    part = (
        f"; it looks most forged{when}, which may be too short a part to count and is best judged "
        "by itself"
        if when
        else ""
    )
    if label == "real":
        known = ", ".join(sorted(score.family for score in families))
        who += " taken together with the others," if count > 1 else ""
        return (
            f"{who} shows less of a forgery of a known family ({known}) through time than "
            f"{rate_percent(1 - rates[1])} of the forgeries by which the limit was set; "
            f"others, and weaker ones, are missed{part}"
        )
    if probability < EVEN:
        return (
            f"{who} shows few traces, most of {likeliest}, but more than "
            f"{misses} of the forgeries by which the limit was set show no "
            f"more{part}"
        )
    return (
        f"{who} shows traces, most of {likeliest}, that are stronger than in most real clips, but "
        f"more than {alarms} of real clips"
        f"{' with as many faces' if count > 1 else ''} may show as much{part}"
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

"""What was measured → verdicts, by the runtime's own fusion, for any choice of detectors.

Scores are kept uncalibrated, so the cards given here decide: a card calibrated anew, or a detector
left out, needs nothing run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fakecheck.assemble import ReportAssembler
from fakecheck.calibration import detector_llr
from fakecheck.card import DetectorCard
from fakecheck.types import FALSE_ALARM_RATE, Floats, FrameResult, MediaInfo
from fakecheck_training.data import Sample
from fakecheck_training.measured import Shot

# Only its kind decides anything.
PICTURE = MediaInfo("", "", "image", 1, 1, frames=1)


@dataclass(frozen=True)
class Judged:
    """A sample with its verdict; `probability` is 0 where there was nothing to judge.

    `families` are those behind the verdict, the likeliest first.
    """

    sample: Sample
    label: str
    probability: float
    families: tuple[str, ...]
    judged: bool


def evidence(shot: Shot, card: DetectorCard) -> Floats:
    """(faces,) log-likelihood ratios as `Findings.evidence` has them; (1,) for a whole frame."""
    llr = detector_llr(shot.values[card.id], [spec.calibration for spec in card.classes])
    if not card.looks_at_frame:
        llr[[face.size < card.min_face for face in shot.faces]] = np.nan
    return llr


def judge_shot(shot: Shot, cards: Sequence[DetectorCard], rate: float = FALSE_ALARM_RATE) -> Judged:
    """The verdict that the runtime gives on this picture with the detectors of `cards`, at this
    `rate` of false alarms."""
    faces = {card.id: evidence(shot, card) for card in cards if not card.looks_at_frame}
    frames = {card.id: float(evidence(shot, card)[0]) for card in cards if card.looks_at_frame}
    least = min(card.min_face for card in cards)
    assembler = ReportAssembler(PICTURE, cards, least, false_alarm_rate=rate)
    assembler.add(FrameResult(0, None, shot.faces, (), faces, frames))
    report = assembler.report()
    known = report.verdict.probability is not None
    return Judged(
        sample=shot.sample,
        label=report.verdict.label,
        probability=report.verdict.probability or 0.0,
        families=tuple(score.family for score in report.families),
        judged=known,
    )


def judge_all(
    shots: Iterable[Shot], cards: Sequence[DetectorCard], rate: float = FALSE_ALARM_RATE
) -> list[Judged]:
    """The verdict on every shot."""
    return [judge_shot(shot, cards, rate) for shot in shots]


def detector_values(shots: Sequence[Shot], card: DetectorCard) -> Floats:
    """(shots,) one detector's log-likelihood ratio, of the loudest face; -inf: nothing to judge."""
    values = np.full(len(shots), -np.inf, np.float32)
    for number, shot in enumerate(shots):
        llr = evidence(shot, card)
        llr = llr[~np.isnan(llr)]
        if len(llr):
            values[number] = llr.max()
    return values

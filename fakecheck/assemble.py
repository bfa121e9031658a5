"""FrameResults of one file → its Report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from fakecheck.card import DetectorCard
from fakecheck.geometry import iou_matrix
from fakecheck.observations import MIN_LLR, ClassTable
from fakecheck.rows import DetectionTable, FaceTable
from fakecheck.sequence import EvidencePool, SequencePool
from fakecheck.temporal import TemporalModel
from fakecheck.temporal_verdict import forged_parts, judge_faces
from fakecheck.tracker import FaceTracker
from fakecheck.types import (
    FALSE_ALARM_RATE,
    Detections,
    FrameResult,
    LookedAt,
    MediaInfo,
    Report,
    StageError,
)
from fakecheck.verdict import EVEN, Judgement, judge

# Crops of neighbouring parts overlap, so one part may be boxed in two of them.
SAME_BOX_IOU = 0.5


class ReportAssembler:
    """Takes the results of a file's frames in order and says what they amount to.

    A video is judged by `model`; without one, as pictures are, by the detectors' fused ratios.
    `window` are the seconds of it that were to be looked at.
    """

    def __init__(
        self,
        info: MediaInfo,
        cards: Iterable[DetectorCard],
        min_face: float,
        model: TemporalModel | None = None,
        window: tuple[float, float | None] = (0.0, None),
        false_alarm_rate: float = FALSE_ALARM_RATE,
    ) -> None:
        self._info = info
        self._rate = false_alarm_rate
        self._window = window
        self._frames = 0
        self._cards = {card.id: card for card in cards}
        self._words = {
            (card.id, spec.id): (card.id, card.family, spec.name)
            for card in self._cards.values()
            for spec in card.classes
        }
        self._min_face = min_face
        self._tracker = FaceTracker()
        self._pool = EvidencePool()
        self._model = model
        self._sequences: SequencePool | None = None
        if info.kind == "video":
            self._sequences = SequencePool(ClassTable(list(self._cards.values())), model)
        self._faces = FaceTable()
        self._rows = DetectionTable()
        self._errors: Counter[StageError] = Counter()

    def new_shot(self) -> None:
        """The faces of the frames to come are other people's, also where they lie at one place."""
        self._tracker.forget()

    def add(self, result: FrameResult) -> None:
        """Count one frame in; its faces get their tracks here, in the order of the frames."""
        self._frames += 1
        faces = self._tracker.update(list(result.faces))
        result = replace(result, faces=tuple(faces))
        self._pool.add(result)
        if self._sequences is not None:
            self._sequences.add(result, self._tracker.max_gap)
        self._errors.update(result.errors)
        for face in faces:
            self._faces.add(result.index, face)
        boxes = [(found, i) for found in result.detections for i in _distinct(found)]
        for found, i in sorted(boxes, key=lambda box: -box[0].llr[box[1]]):
            track = None if found.face[i] < 0 else faces[found.face[i]].track
            words = self._words[found.detector, int(found.class_id[i])]
            self._rows.add(result.index, result.time, track, words, found, i)

    def report(self, errors: Iterable[StageError] = ()) -> Report:
        """The report on all frames so far; `errors` are those that belong to no frame."""
        judged = self._judge()
        moments = () if self._sequences is None else self._sequences.timeline.moments()
        counted = [_with_count(error, count) for error, count in self._errors.items()]
        return Report(
            media=self._info,
            verdict=judged.verdict,
            families=judged.families,
            faces=self._faces.rows(),
            detections=self._rows.rows(),
            errors=(*errors, *counted),
            detector_versions={card.id: card.version for card in self._cards.values()},
            face_verdicts=judged.faces,
            timeline=moments,
            spans=judged.spans,
            looked_at=LookedAt(self._frames, *self._window) if self._info.kind == "video" else None,
        )

    def _judge(self) -> Judgement:
        cards = list(self._cards.values())
        ratios = {} if self._sequences is None else self._sequences.finish()
        evidence = self._pool.evidence(ratios)
        if self._sequences is not None and self._model is not None and evidence.temporal:
            timeline = self._sequences.timeline
            return judge_faces(evidence, cards, self._model.card, timeline, self._rate)
        judged = judge(evidence, cards, self._info.kind, self._min_face, self._rate)
        if self._sequences is None:
            return judged
        return replace(judged, spans=forged_parts(judged.faces, self._sequences.timeline, EVEN))


def _distinct(found: Detections) -> list[int]:
    """Indices of the boxes to show, best first, of one face's class none twice in one place."""
    kept: list[int] = []
    for i in np.flatnonzero(found.llr > MIN_LLR):
        alike = [
            j
            for j in kept
            if found.face[j] == found.face[i] and found.class_id[j] == found.class_id[i]
        ]
        if not alike or iou_matrix(found.xyxy[[i]], found.xyxy[alike]).max() <= SAME_BOX_IOU:
            kept.append(int(i))
    return kept


def _with_count(error: StageError, count: int) -> StageError:
    if count == 1:
        return error
    return replace(error, message=f"{error.message} (in {count} frames)")

"""Processor seconds of each stage that a clip goes through, one after the other in one thread."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2

from fakecheck import assemble
from fakecheck.assemble import ReportAssembler
from fakecheck.detector import FrameCrops, cut_crops
from fakecheck.faces import FaceFinder
from fakecheck.following import FaceFollower
from fakecheck.loading import DetectorSet
from fakecheck.media import Media, Sampling, open_media
from fakecheck.report.jsonl import JsonlWriter
from fakecheck.sequence import SequencePool
from fakecheck.sharpness import sharpness
from fakecheck.stages import FRAMES_A_CALL
from fakecheck.temporal import usable_model
from fakecheck.types import FrameResult

STAGES = ("decode", "faces", "crops", "detectors", "temporal model", "report")


class Clock:
    """Adds up the processor seconds of this thread by stage; one within another counts once."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    def __call__(self, stage: str, work: Callable[..., Any], *given: Any) -> Any:
        start, inner = time.thread_time(), self.spent.total()
        try:
            return work(*given)
        finally:
            within = self.spent.total() - inner
            self.spent[stage] += time.thread_time() - start - within


def shares(clip: Path, sampling: Sampling, detectors: DetectorSet) -> tuple[dict[str, float], int]:
    """Seconds by stage, and the number of frames that were looked at.

    FFmpeg decodes in threads of its own, so decoding is timed alone and for the whole process.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        start = time.process_time()
        count = sum(1 for _ in open_media(clip).frames(sampling))
        decoding = time.process_time() - start
        # Engines and YuNet are opened by the first frame.
        _run(clip, Sampling(frames=1), detectors, Clock())
        clock = Clock()
        _run(clip, sampling, detectors, clock)
    finally:
        cv2.setNumThreads(threads)
    return {**clock.spent, "decode": decoding}, count


def _run(clip: Path, sampling: Sampling, detectors: DetectorSet, clock: Clock) -> None:
    class Timed(SequencePool):
        def add(self, *given: Any) -> None:
            clock("temporal model", super().add, *given)

        def finish(self) -> dict[int, float]:
            return clock("temporal model", super().finish)

    media = open_media(clip)
    with patch.object(assemble, "SequencePool", Timed):
        assembler = ReportAssembler(media.info, detectors.cards, 0, usable_model())
    waiting: list[tuple[FrameResult, FrameCrops]] = []
    for result, crops in _crops(media, sampling, detectors, clock):
        waiting.append((result, crops))
        if len(waiting) == FRAMES_A_CALL:
            _judge(waiting, detectors, assembler, clock)
            waiting = []
    _judge(waiting, detectors, assembler, clock)
    report = clock("report", assembler.report)
    clock("report", JsonlWriter(io.StringIO()).add, report)


def _crops(media: Media, sampling: Sampling, detectors: DetectorSet, clock: Clock) -> Any:
    """Results without evidence, and crops, of every frame."""
    finder = FaceFinder()
    follower = FaceFollower(finder)

    def look(frame: Any) -> Any:
        faces = follower.next(frame)
        return tuple(finder.find(frame.image, False)) if faces is None else faces

    for frame in media.frames(sampling):
        faces = clock("faces", look, frame)
        crops = clock("crops", cut_crops, frame.image, faces, detectors.cards)
        sharp = clock("crops", sharpness, frame.image, faces)
        yield FrameResult(frame.index, frame.time, faces, (), {}, sharpness=sharp), crops


def _judge(
    waiting: list[tuple[FrameResult, FrameCrops]],
    detectors: DetectorSet,
    assembler: ReportAssembler,
    clock: Clock,
) -> None:
    if not waiting:
        return
    mine = detectors.by_device["cpu"]
    crops = [crops for _, crops in waiting]
    found = {one.card.id: clock("detectors", one.detect, crops) for one in mine}
    for n, (bare, _) in enumerate(waiting):
        each = {name: findings[n] for name, findings in found.items()}
        frames = {one.card.id for one in mine if one.card.looks_at_frame}
        result = FrameResult(
            bare.index,
            bare.time,
            bare.faces,
            tuple(one.detections for one in each.values()),
            {name: one.evidence for name, one in each.items() if name not in frames},
            {name: float(each[name].evidence[0]) for name in frames},
            sharpness=bare.sharpness,
        )
        clock("report", assembler.add, result)

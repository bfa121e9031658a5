"""Reports that tests of the formats write."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from fakecheck.types import (
    DetectionRow,
    FaceRow,
    FaceVerdict,
    FamilyScore,
    MediaInfo,
    Moment,
    Report,
    Span,
    StageError,
    Verdict,
)

SHA256 = "0123456789abcdef" * 4


def video_report(path: str = "clips/talk.mp4") -> Report:
    """A forged clip with one face, three boxes and a detector that failed."""
    return Report(
        media=MediaInfo(path, SHA256, "video", 640, 480, 250, 10.0),
        verdict=Verdict("fake", 0.9712345678, 0.5, "deepfakes fired on 2 of 2 frames"),
        families=(FamilyScore("partswap", 0.125), FamilyScore("deepfakes", 0.875)),
        faces=(
            FaceRow(10, 0, (100.0, 80.0, 300.0, 330.005), 0.9312),
            FaceRow(20, 0, (120.0, 80.0, 320.0, 330.0), 0.92),
        ),
        detections=(
            _row(10, 0, "deepfakes", "deepfakes", "face_boundary", 0.91, 3.25, (105, 90, 295, 320)),
            _row(20, 0, "partswap", "partswap", "mouth_partswap", 0.5, -0.1, (170, 250, 250, 300)),
            _row(20, None, "frames", "stylegan", "frame_gridnoise", 0.25, 0.5, (0, 0, 640, 480)),
        ),
        errors=(StageError("detector", "ran out of memory", "wgan"),),
        detector_versions={"partswap": "1.1.0", "deepfakes": "1.0.0"},
    )


def _row(frame: int, track: int | None, *rest: Any) -> DetectionRow:
    return DetectionRow(frame, frame / 25, track, *rest)


def image_report(path: str = "photos/face.jpg") -> Report:
    """A picture of nobody."""
    report = video_report(path)
    return replace(
        report,
        media=MediaInfo(path, SHA256, "image", 64, 48, 1),
        verdict=Verdict("inconclusive", None, None, "no face was found", unjudged="no_face"),
        families=(),
        faces=(),
        detections=(),
        errors=(),
    )


def timed_report(path: str = "clips/interview.mp4") -> Report:
    """A clip of 12 seconds with two faces: face 1 is forged between the seconds 4 and 8."""
    times = [0.24 + 0.48 * number for number in range(25)]
    moments = []
    for time in times:
        forged = 4 <= time <= 8
        wave = 0.08 * math.sin(3 * time)
        llr = 4.2 + 10 * wave if forged else -1.5 + 5 * wave
        families = {"deepfakes": llr, "partswap": -0.5 + 12 * wave, "stargan": -3.0}
        probability = 0.95 + wave / 2 if forged else 0.3 + wave
        moments.append(Moment(round(25 * time), time, 1, probability, families))
        if time > 3:
            calm = {"deepfakes": -2.0, "partswap": -1.0 + wave}
            moments.append(Moment(round(25 * time), time, 0, 0.15 - wave, calm))
    return replace(
        video_report(path),
        media=MediaInfo(path, SHA256, "video", 640, 480, 300, 12.0),
        verdict=Verdict("fake", 0.968, 0.953, "traces of deepfakes", 0.3),
        families=(
            FamilyScore("deepfakes", 0.94),
            FamilyScore("partswap", 0.02),
            FamilyScore("stargan", 0.008),
        ),
        faces=tuple(
            FaceRow(round(25 * time), track, (left, 100.0, left + 150, 300.0), 0.93)
            for time in times
            for track, left in ((0, 60.0), (1, 380.0))
            if track or time > 3
        ),
        detections=tuple(
            DetectionRow(
                moment.frame,
                moment.time,
                1,
                "deepfakes",
                "deepfakes",
                "face_swap",
                0.9,
                moment.families["deepfakes"],
                (375, 95, 535, 305),
            )
            for moment in moments
            if moment.track and moment.families["deepfakes"] > 1
        ),
        errors=(),
        face_verdicts=(FaceVerdict(1, "fake", 0.968), FaceVerdict(0, "real", 0.14)),
        timeline=tuple(moments),
        spans=(Span(4.08, 5.52, 1), Span(6.0, 7.92, 1)),
    )

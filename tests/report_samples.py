"""Reports that tests of the formats write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fakecheck.types import (
    DetectionRow,
    FaceRow,
    FamilyScore,
    MediaInfo,
    Report,
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
        verdict=Verdict("inconclusive", None, None, "no face was found"),
        families=(),
        faces=(),
        detections=(),
        errors=(),
    )

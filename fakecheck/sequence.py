"""FrameResults → the evidence of a whole file: a running mean a face and detector.

Nothing is kept a frame, so memory does not grow with the length of a video.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fakecheck.types import FrameResult

# A face that was followed through less of the video than this share of the longest-seen face is
# taken for a passer-by or a false find and not judged.
MIN_TRACK_SHARE = 0.1

Unit = int | None
"""A face's track, or None for the whole frame."""


@dataclass(frozen=True)
class Evidence:
    """Log-likelihood ratios of fake against real: `units[unit][detector]`, natural logarithms."""

    units: Mapping[Unit, Mapping[str, float]]
    faces: int
    too_small: int
    largest_face: float


class EvidencePool:
    """Adds up the evidence of frames in any number.

    A still has one frame and its evidence is its own. A video's is the mean of its frames' for each
    followed face: the frames of a shot show the same artifacts over and over, so a sum, which takes
    them for independent, would be far too sure.
    """

    def __init__(self) -> None:
        self._sums: dict[Unit, dict[str, tuple[float, int]]] = defaultdict(dict)
        self._seen: dict[Unit, int] = defaultdict(int)
        self._small: set[Unit] = set()
        self._largest = 0.0

    def add(self, result: FrameResult) -> None:
        """Count one frame in. Faces need their tracks."""
        for number, face in enumerate(result.faces):
            self._seen[face.track] += 1
            self._largest = max(self._largest, face.size)
            values = {name: float(llr[number]) for name, llr in result.evidence.items()}
            judged = {name: value for name, value in values.items() if not np.isnan(value)}
            if values and not judged:
                self._small.add(face.track)
            self._add(face.track, judged)
        self._add(None, result.frame_evidence)

    def _add(self, unit: Unit, values: Mapping[str, float]) -> None:
        sums = self._sums[unit]
        for name, value in values.items():
            total, count = sums.get(name, (0.0, 0))
            sums[name] = (total + value, count + 1)

    def evidence(self) -> Evidence:
        """The means so far, for the faces that were seen long enough."""
        longest = max(self._seen.values(), default=0)
        units = {
            unit: {name: total / count for name, (total, count) in sums.items()}
            for unit, sums in self._sums.items()
            if sums and (unit is None or self._seen[unit] >= MIN_TRACK_SHARE * longest)
        }
        judged = {unit for unit, values in units.items() if values}
        return Evidence(units, len(self._seen), len(self._small - judged), self._largest)

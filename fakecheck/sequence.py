"""FrameResults → the evidence of a whole file.

A picture's evidence is its own. A video's faces are followed: means over the frames for each
detector, and windows of samples that the temporal model judges. Nothing else is kept a frame, so
that memory does not grow with the length of a video.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from fakecheck.observations import (
    ClassTable,
    Observations,
    fused_llr,
    join,
    log_mean,
    observe,
    unseen,
)
from fakecheck.temporal import TemporalModel
from fakecheck.timeline import Timeline
from fakecheck.types import Floats, FrameResult, Moment

# A face that was followed through less of the video than this share of the longest-seen face is
# taken for a passer-by or a false find and not judged.
MIN_TRACK_SHARE = 0.1
# Samples that are judged together where there is no temporal model.
WINDOW = 64
# A window is cut off once half of the next one is there, so that no last one is short.
CUT_AT = 1.5

Unit = int | None
"""A face's track, or None for the whole frame."""


@dataclass(frozen=True)
class Evidence:
    """Log-likelihood ratios of fake against real: `units[unit][detector]`, natural logarithms.

    `temporal` has, for the same faces, what the temporal model says of their windows of samples
    taken together; it is empty without a model. `frames` is how many were looked at.
    """

    units: Mapping[Unit, Mapping[str, float]]
    faces: int
    too_small: int
    largest_face: float
    temporal: Mapping[int, float] = field(default_factory=dict)
    frames: int = 1


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
        self._frames = 0

    def add(self, result: FrameResult) -> None:
        """Count one frame in. Faces need their tracks."""
        self._frames += 1
        failed = {error.detector for error in result.errors}
        for number, face in enumerate(result.faces):
            self._seen[face.track] += 1
            self._largest = max(self._largest, face.size)
            values = {name: float(llr[number]) for name, llr in result.evidence.items()}
            judged = {name: value for name, value in values.items() if not np.isnan(value)}
            if set(values) - failed and not judged:
                self._small.add(face.track)
            self._add(face.track, judged)
        self._add(None, result.frame_evidence)

    def _add(self, unit: Unit, values: Mapping[str, float]) -> None:
        sums = self._sums[unit]
        for name, value in values.items():
            total, count = sums.get(name, (0.0, 0))
            sums[name] = (total + value, count + 1)

    def evidence(self, temporal: Mapping[int, float] | None = None) -> Evidence:
        """The means so far, for the faces that were seen long enough."""
        # A face that cannot be judged, however long it is there, leaves the others their say.
        longest = max(
            (self._seen[unit] for unit, sums in self._sums.items() if unit is not None and sums),
            default=0,
        )
        units = {
            unit: {name: total / count for name, (total, count) in sums.items()}
            for unit, sums in self._sums.items()
            if sums and (unit is None or self._seen[unit] >= MIN_TRACK_SHARE * longest)
        }
        judged = {unit for unit, values in units.items() if values}
        kept = {track: llr for track, llr in (temporal or {}).items() if track in judged}
        return Evidence(
            units, len(self._seen), len(self._small - judged), self._largest, kept, self._frames
        )


class SequencePool:
    """Follows the faces of a video and has the temporal model judge them, window by window.

    Without a `model` a moment's probability is that of its detectors' mean ratio, and no face gets
    a ratio of its own.
    """

    def __init__(self, table: ClassTable, model: TemporalModel | None) -> None:
        self.timeline = Timeline()
        self._table = table
        self._model = model
        self._window = model.card.window if model is not None else WINDOW
        self._open: dict[int, list[Observations]] = {}
        self._judged: dict[int, list[tuple[float, int]]] = defaultdict(list)
        self._last: dict[int, int] = {}
        self._between: list[tuple[int, int, float | None]] = []
        self._count = 0
        families = [self._table.cards[owner].family for owner in self._table.owner]
        self._families = {name: np.array([f == name for f in families]) for name in set(families)}

    def add(self, result: FrameResult, max_gap: int) -> None:
        """Count one frame in. `max_gap` is the tracker's: a face lost for longer has left."""
        self._between.append((self._count, result.index, result.time))
        del self._between[: -max_gap - 1]
        for face, sample in zip(result.faces, observe(result, self._table), strict=True):
            assert face.track is not None
            lost = [
                unseen(index, time, self._table)
                for count, index, time in self._between
                if self._last.get(face.track, self._count) < count < self._count
            ]
            waiting = self._open.setdefault(face.track, [])
            waiting += [*lost, sample]
            self._last[face.track] = self._count
            if len(waiting) >= CUT_AT * self._window:
                self._judge(face.track, waiting[: self._window])
                del waiting[: self._window]
        for track in [t for t in self._open if self._count - self._last[t] > max_gap]:
            self._close(track)
        self._count += 1

    def finish(self) -> dict[int, float]:
        """Judge what waits; the log-likelihood ratio of every face, none without a model.

        A face's windows are taken together as their mean ratio: forged in one of them, in which
        nobody knows.
        """
        for track in list(self._open):
            self._close(track)
        return {track: _mean_ratio(windows) for track, windows in self._judged.items()}

    def _close(self, track: int) -> None:
        waiting = self._open.pop(track)
        del self._last[track]
        self._judge(track, waiting)

    def _judge(self, track: int, samples: list[Observations]) -> None:
        seen = join(samples)
        fused = fused_llr(seen.llr, self._table)
        known = ~np.isnan(fused)
        if not known.any():
            return
        llr = fused
        if self._model is not None:
            whole, llr = self._model.judge(seen, self._table)
            self._judged[track].append((whole, int(known.sum())))
        for n in np.flatnonzero(known).tolist():
            if not np.isnan(seen.time[n]):
                self.timeline.add(self._moment(track, seen, n, llr))

    def _moment(self, track: int, seen: Observations, n: int, llr: Floats) -> Moment:
        families = {}
        for name, mine in self._families.items():
            values = seen.llr[n, mine]
            if not np.isnan(values).all():
                families[name] = float(np.nanmax(values))
        probability = 1 / (1 + math.exp(-float(llr[n])))
        return Moment(int(seen.frame[n]), float(seen.time[n]), track, probability, families)


def _mean_ratio(windows: list[tuple[float, int]]) -> float:
    """log(mean of exp(llr)), windows weighing as much as they have samples."""
    llr, counts = np.array(windows, np.float64).T
    return float(log_mean(llr, counts / counts.sum(), axis=0))

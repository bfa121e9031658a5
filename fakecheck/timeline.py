"""What is said of a face at each sampled frame, and the seconds in which it looks forged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fakecheck.types import Moment, Span

# Moments kept of a file, over all its faces: 160 times what is looked at by default. Of more the
# loudest of every two, four, eight ... of a face stays, so that they do not grow with a film.
MAX_MOMENTS = 4096
# A pause of more than so many usual steps between two samples parts them.
PAUSE = 3.0


class Timeline:
    """The moments of all faces. Where there are too many, the loudest of some neighbours stays.

    That is as many neighbours at the start of a film as at its end, so that what is kept lies
    evenly in time.
    """

    def __init__(self, limit: int = MAX_MOMENTS) -> None:
        self._limit = limit
        self._moments: dict[int | None, list[Moment]] = {}
        # How many moments one that is kept stands for, and how many the last one of a face does.
        self._stride = 1
        self._last: dict[int | None, int] = {}
        self._count = 0

    def add(self, moment: Moment) -> None:
        """Moments of one face come in the order of time."""
        kept = self._moments.setdefault(moment.track, [])
        if kept and self._last[moment.track] < self._stride:
            kept[-1] = _louder(kept[-1], moment)
            self._last[moment.track] += 1
            return
        kept.append(moment)
        self._last[moment.track] = 1
        self._count += 1
        while self._count > self._limit and self._count > len(self._moments):
            self._thin()

    def _thin(self) -> None:
        for track, kept in self._moments.items():
            if len(kept) % 2 == 0:
                self._last[track] += self._stride
            self._moments[track] = [
                _louder(*kept[n : n + 2]) if n + 1 < len(kept) else kept[n]
                for n in range(0, len(kept), 2)
            ]
        self._stride *= 2
        self._count = sum(len(kept) for kept in self._moments.values())

    def of(self, track: int | None) -> list[Moment]:
        """The moments of one face, in the order of time."""
        return self._moments.get(track, [])

    def moments(self) -> tuple[Moment, ...]:
        """All of them, by frame and face."""
        flat = (moment for kept in self._moments.values() for moment in kept)
        return tuple(sorted(flat, key=lambda moment: (moment.frame, moment.track or 0)))


def _louder(one: Moment, other: Moment) -> Moment:
    return other if other.probability > one.probability else one


def forged_spans(moments: Sequence[Moment], over: float) -> list[Span]:
    """Runs of moments of one face whose probability is over `over`.

    A moment stands for the time until halfway to its neighbours. Where none is over, all that are
    likelier forged than not carried the verdict, or at least the loudest did.
    """
    if not moments:
        return []
    times = np.array([moment.time for moment in moments])
    values = np.array([moment.probability for moment in moments])
    limits = (over, 0.5, float(np.nextafter(values.max(), 0)))
    forged = values > next(limit for limit in limits if values.max() > limit)
    steps = np.diff(times)
    usual = float(np.median(steps)) if len(steps) else 0.0
    # Half the way to the neighbour, or half a usual step where that is far away or missing.
    half = np.where(steps > PAUSE * usual, usual, steps) / 2
    before = np.append([usual / 2], half)
    after = np.append(half, [usual / 2])
    spans: list[Span] = []
    for n in np.flatnonzero(forged).tolist():
        start, end = max(0.0, float(times[n] - before[n])), float(times[n] + after[n])
        joined = spans and n > 0 and forged[n - 1] and start <= spans[-1].end + 1e-6
        if joined:
            spans[-1] = Span(spans[-1].start, end, moments[n].track)
        else:
            spans.append(Span(start, end, moments[n].track))
    return spans

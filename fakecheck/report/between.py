"""What to draw on the frames between those that were looked at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from fakecheck.report.follow import Followed
from fakecheck.types import DetectionRow, FaceRow, Report

# A face that was missed on one sampled frame is carried over it, but not over two.
MAX_GAP = 2
# Over a longer pause, in seconds, a face goes anywhere: without having been followed it is drawn
# only near its samples, and a box is drawn no further than that from the frame it was seen on.
TRUSTED = 1.0


class RowsBetween:
    """The rows of a report, for any frame of its clip.

    A face's box goes where it was `followed` to from one sampled frame to the next, by track and
    frame, and else in a straight line if the next one is near. A detection shows from halfway after
    the sample before it to halfway to the next one, but no longer than a second each way, and keeps
    its place relative to its face. `second` is how many frames a second has; the rows of a single
    sampled frame last as long.
    """

    def __init__(
        self,
        report: Report,
        second: int = 25,
        followed: Followed | None = None,
    ) -> None:
        self._followed = followed.boxes if followed else {}
        self._cuts = followed.cuts if followed else ()
        self._report = report
        # Places in the report's rows: of a film the rows themselves would take half a gigabyte.
        self._faces: dict[int, dict[int, int]] = defaultdict(dict)
        self._untracked: dict[int, list[int]] = defaultdict(list)
        self._detections: dict[int, list[int]] = defaultdict(list)
        for number, face in enumerate(report.faces):
            if face.track is None:
                self._untracked[face.frame].append(number)
            else:
                self._faces[face.track][face.frame] = number
        for number, row in enumerate(report.detections):
            self._detections[row.frame].append(number)
        frames = {row.frame for row in report.faces} | {row.frame for row in report.detections}
        self._sampled = sorted(frames)
        self._orders = {track: sorted(rows) for track, rows in self._faces.items()}
        steps = np.diff(self._sampled).tolist()
        self.interval = max(1, round(median(steps))) if steps else max(1, second)
        self._trusted = max(2, round(TRUSTED * second))

    @property
    def gaps(self) -> int:
        """Frames from one sample to the next over which a face is carried at most."""
        return MAX_GAP * self.interval

    def samples(self) -> dict[int, dict[int, Sequence[float]]]:
        """The known boxes by track and frame: what may be followed."""
        return {
            track: {frame: self._report.faces[number].xyxy for frame, number in rows.items()}
            for track, rows in self._faces.items()
        }

    def at(self, frame: int) -> tuple[list[FaceRow], list[DetectionRow]]:
        """Faces and detections to draw on `frame`."""
        tracked = {track: self._face(track, frame) for track in self._faces}
        faces = [face for face in tracked.values() if face is not None]
        near = self._nearest(self._sampled, frame)
        if near is None:
            return faces, []
        rows = []
        for number in self._detections.get(near, ()):
            row = self._report.detections[number]
            if row.track is None or near not in self._faces.get(row.track, {}):
                rows.append(row)
                continue
            now = tracked[row.track]
            if now is not None:
                then = self._report.faces[self._faces[row.track][near]]
                rows.append(replace(row, xyxy=moved(row.xyxy, then.xyxy, now.xyxy)))
        return faces + [self._report.faces[n] for n in self._untracked.get(near, ())], rows

    def _face(self, track: int, frame: int) -> FaceRow | None:
        rows, order, known = self._faces[track], self._orders[track], self._report.faces
        place = bisect_left(order, frame)
        if 0 < place < len(order):
            before, after = order[place - 1], order[place]
            on_the_way = self._followed.get(track, {}).get(frame)
            if on_the_way is not None:
                return replace(known[rows[before]], frame=frame, xyxy=_box(on_the_way))
            near_by = after - before <= min(self.gaps, self._trusted)
            if (near_by and self._one_shot(before, after)) or frame in rows:
                share = (frame - before) / (after - before)
                start, end = (np.array(known[rows[at]].xyxy) for at in (before, after))
                box = _box(start + share * (end - start))
                return replace(known[rows[before]], frame=frame, xyxy=box)
        near = self._nearest(order, frame)
        return None if near is None else known[rows[near]]

    def _nearest(self, order: Sequence[int], frame: int) -> int | None:
        """The frame of `order` nearest to `frame` in its shot, None if it is over half an interval
        away.
        """
        place = bisect_left(order, frame)
        around = [at for at in order[max(0, place - 1) : place + 1] if self._one_shot(at, frame)]
        near = min(around, key=lambda sample: abs(sample - frame), default=None)
        reach = min((self.interval + 1) // 2, self._trusted)
        return near if near is not None and abs(near - frame) <= reach else None

    def _one_shot(self, first: int, second: int) -> bool:
        return bisect_right(self._cuts, first) == bisect_right(self._cuts, second)


def moved(
    xyxy: Sequence[float], then: Sequence[float], now: Sequence[float]
) -> tuple[float, float, float, float]:
    """`xyxy`, which belongs to the box `then`, at the same place relative to the box `now`."""
    old, new = np.array(then, float).reshape(2, 2), np.array(now, float).reshape(2, 2)
    scale = (new[1] - new[0]) / np.maximum(old[1] - old[0], 1e-6)
    return _box(((np.array(xyxy, float).reshape(2, 2) - old[0]) * scale + new[0]).ravel())


def _box(values: np.ndarray) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(value) for value in values)
    return left, top, right, bottom

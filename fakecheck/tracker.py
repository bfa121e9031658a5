"""Faces of the frames of a video → the same faces with track ids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fakecheck.geometry import iou_matrix
from fakecheck.types import Face, Floats

# Overlap from which a box is that of the same face in the frame before.
MIN_IOU = 0.3


class FaceTracker:
    """Gives the faces of successive frames track ids by greedy overlap (Bochinski et al. 2017).

    Ids count from 1. A face takes the id of the last known box that it overlaps most, by at least
    MIN_IOU, of the tracks seen on the frame before if it can, or else of those lost since. A
    track that was not seen for `max_gap` frames that were looked at is closed and its id not used
    again.
    """

    def __init__(self, max_gap: int = 10) -> None:
        self.max_gap = max_gap
        self._last: dict[int, tuple[Floats, int]] = {}
        self._seen = 0
        self._next = 1

    def forget(self) -> None:
        """No face of the frames so far is on any that come: a new shot begins."""
        self._last.clear()

    def update(self, faces: list[Face]) -> list[Face]:
        """The same faces in the same order, each with its `track`."""
        self._last = {
            track: (box, seen)
            for track, (box, seen) in self._last.items()
            if self._seen - seen - 1 <= self.max_gap
        }
        before = self._seen - 1
        ids: list[int | None] = [None] * len(faces)
        self._match(faces, [t for t, (_, seen) in self._last.items() if seen == before], ids)
        self._match(faces, [t for t, (_, seen) in self._last.items() if seen < before], ids)
        followed = []
        for face, track in zip(faces, ids, strict=True):
            if track is None:
                track, self._next = self._next, self._next + 1
            self._last[track] = (face.xyxy, self._seen)
            followed.append(replace(face, track=track))
        self._seen += 1
        return followed

    def _match(self, faces: list[Face], tracks: list[int], ids: list[int | None]) -> None:
        """Gives those of `faces` that have no id yet the best of `tracks`."""
        free = [number for number, track in enumerate(ids) if track is None]
        if not free or not tracks:
            return
        overlap = iou_matrix(
            np.stack([faces[number].xyxy for number in free]),
            np.stack([self._last[track][0] for track in tracks]),
        )
        for _ in range(min(overlap.shape)):
            row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
            if overlap[row, column] < MIN_IOU:
                break
            ids[free[int(row)]] = tracks[int(column)]
            overlap[row, :] = -1
            overlap[:, column] = -1

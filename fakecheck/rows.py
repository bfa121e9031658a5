"""The rows of a report, held in columns: a film has hundreds of thousands of them.

A FaceRow takes 250 bytes, its row here 32; a DetectionRow 400 and 44.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from fakecheck.types import DetectionRow, Detections, Face, FaceRow

Row = TypeVar("Row", FaceRow, DetectionRow)

# No track is -1 and no time NaN. Boxes and the detections' score and llr are float32 where they are
# made, so nothing is lost.
_BOX = [("left", "f4"), ("top", "f4"), ("right", "f4"), ("bottom", "f4")]
_FACE = np.dtype([("frame", "i4"), ("track", "i4"), *_BOX, ("score", "f8")])
_DETECTION = np.dtype(
    [
        ("frame", "i4"),
        ("time", "f8"),
        ("track", "i4"),
        ("word", "i4"),
        ("score", "f4"),
        ("llr", "f4"),
        *_BOX,
    ]
)
FIRST = 64
# Rows made into objects at a time when all are gone through.
CHUNK = 1024
# Rows that a table's repr holds.
SHOWN = 3


class Rows(Sequence[Row]):
    """Rows of a report that are made when they are asked for. Equal to any sequence of the same."""

    def __init__(self, columns: NDArray[Any], make: Callable[[tuple[Any, ...]], Row]) -> None:
        self._columns = columns
        self._make: Callable[[tuple[Any, ...]], Row] = make

    def __len__(self) -> int:
        return len(self._columns)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Rows[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Rows[Row]:
        if isinstance(index, slice):
            return Rows(self._columns[index], self._make)
        return self._make(self._columns[index].item())

    def __iter__(self) -> Iterator[Row]:
        for start in range(0, len(self), CHUNK):
            yield from map(self._make, self._columns[start : start + CHUNK].tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __repr__(self) -> str:
        first = [repr(row) for row in self[:SHOWN]]
        more = ["..."] if len(self) > SHOWN else []
        return f"<{len(self)} rows: {', '.join(first + more)}>" if first else "<0 rows>"


class _Table:
    """Columns that grow."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._rows = np.empty(FIRST, dtype)
        self._count = 0

    def append(self, *values: Any) -> None:
        if self._count == len(self._rows):
            larger = np.empty(2 * self._count, self._rows.dtype)
            larger[: self._count] = self._rows
            self._rows = larger
        self._rows[self._count] = values
        self._count += 1

    def filled(self) -> NDArray[Any]:
        """What is there so far; later rows do not change it."""
        return self._rows[: self._count]


class FaceTable:
    """Takes faces, gives FaceRows."""

    def __init__(self) -> None:
        self._table = _Table(_FACE)

    def add(self, frame: int, face: Face) -> None:
        """One face of a frame."""
        track = -1 if face.track is None else face.track
        self._table.append(frame, track, *face.xyxy, face.score)

    def rows(self) -> Rows[FaceRow]:
        """All faces so far."""
        return Rows(self._table.filled(), _face_row)


class DetectionTable:
    """Takes boxes, gives DetectionRows."""

    def __init__(self) -> None:
        self._table = _Table(_DETECTION)
        self._words: list[tuple[str, str, str]] = []
        self._codes: dict[tuple[str, str, str], int] = {}

    def add(
        self,
        frame: int,
        time: float | None,
        track: int | None,
        words: tuple[str, str, str],
        found: Detections,
        number: int,
    ) -> None:
        """The box `number` of `found`; `words` are its detector, family and artifact."""
        if words not in self._codes:
            self._codes[words] = len(self._words)
            self._words.append(words)
        self._table.append(
            frame,
            np.nan if time is None else time,
            -1 if track is None else track,
            self._codes[words],
            found.score[number],
            found.llr[number],
            *found.xyxy[number],
        )

    def rows(self) -> Rows[DetectionRow]:
        """All boxes so far."""
        # Of the table nothing but these: rows are pickled with what makes them.
        return Rows(self._table.filled(), partial(_detection_row, tuple(self._words)))


def _detection_row(
    words: tuple[tuple[str, str, str], ...], values: tuple[Any, ...]
) -> DetectionRow:
    frame, time, track, word, score, llr, left, top, right, bottom = values
    detector, family, artifact = words[word]
    return DetectionRow(
        frame,
        None if math.isnan(time) else time,
        None if track < 0 else track,
        detector,
        family,
        artifact,
        score,
        llr,
        (left, top, right, bottom),
    )


def _face_row(values: tuple[Any, ...]) -> FaceRow:
    frame, track, left, top, right, bottom, score = values
    return FaceRow(frame, None if track < 0 else track, (left, top, right, bottom), score)

"""What was measured, kept in WORK/measured: faces and probes' readings, some pictures a file.

A file holds what one probe (or the face finder) read from one shard: up to SHARD pictures in all
states of `FIXED`. Its folders are named after what the reading depends on, the face finder and the
probe, its name after the pictures, so whatever changes is measured anew and nothing else is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck.errors import UsageError
from fakecheck.files import atomic_path
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import FIXED
from fakecheck_training.data import Sample
from fakecheck_training.draws.held_back import SimulatedSample
from fakecheck_training.faces import finder_key
from fakecheck_training.scoring import Readings

SHARD = 32
FOUND = "found"  # the folder of the faces
STATES = tuple(FIXED)


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture in one state, `degradation`, and all that was read from it.

    `values` maps a probe's name to (faces, width) float32, or (1, width) for a probe of whole
    frames; `boxes` maps it to rows of BOX whose `owner` is a row of these. Coordinates are pixels
    of the degraded picture, which is `width` by `height`.
    """

    sample: Sample
    degradation: str
    width: int
    height: int
    faces: tuple[Face, ...]
    values: dict[str, Floats] = field(default_factory=dict)
    boxes: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """Faces of a shard's shots, shot by shot: picture 0 in all states, picture 1 …

    `counts` (shots,) int64, `rows` (faces, 15) float32: box, landmarks, score; `sizes` (shots, 2)
    int64: width and height of each shot.
    """

    counts: NDArray[np.int64]
    rows: Floats
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, images: Sequence[Image], faces: Sequence[Sequence[Face]]) -> FoundFaces:
        """The faces found in each of `images`, ready to be kept."""
        rows = [
            np.concatenate([face.xyxy, face.landmarks.ravel(), [face.score]])
            for found in faces
            for face in found
        ]
        return cls(
            np.array([len(found) for found in faces], np.int64),
            np.array(rows, np.float32).reshape(-1, 15),
            np.array([image.shape[1::-1] for image in images], np.int64),
        )

    def faces(self) -> list[tuple[Face, ...]]:
        """The faces of each shot."""
        all_faces = [Face(row[:4], row[4:14].reshape(5, 2), float(row[14])) for row in self.rows]
        ends = np.cumsum(self.counts)
        return [
            tuple(all_faces[end - count : end])
            for end, count in zip(ends, self.counts, strict=True)
        ]


@dataclass(frozen=True)
class Shard:
    """Some samples that are measured together, and the name that follows from them."""

    name: str
    samples: tuple[Sample, ...]


def shards_of(samples: Sequence[Sample]) -> list[Shard]:
    """`samples` in order, SHARD at a time."""
    found = []
    for start in range(0, len(samples), SHARD):
        part = tuple(samples[start : start + SHARD])
        text = "\n".join([*STATES, *(_what(sample) for sample in part)])
        found.append(Shard(hashlib.sha256(text.encode()).hexdigest()[:16], part))
    return found


def _what(sample: Sample) -> str:
    """What a sample's pixels follow from: its file, and the artifacts that are laid over it."""
    return repr(sample) if isinstance(sample, SimulatedSample) else sample.key


class Store:
    """The files under WORK/measured. Several threads may use it, each for shards of its own."""

    def __init__(self, work: Path) -> None:
        self._root = work / "measured" / finder_key()

    def _path(self, key: str, shard: Shard) -> Path:
        return self._root / key / f"{shard.name}.npz"

    def has(self, key: str, shard: Shard) -> bool:
        """Whether the probe of this key has read this shard."""
        return self._path(key, shard).exists()

    def faces(self, shard: Shard) -> FoundFaces | None:
        """The shard's faces, None where they were not looked for yet."""
        path = self._path(FOUND, shard)
        if not path.exists():
            return None
        with np.load(path) as kept:
            return FoundFaces(kept["counts"], kept["rows"], kept["sizes"])

    def keep_faces(self, shard: Shard, found: FoundFaces) -> None:
        """Writes them, whole or not at all."""
        with atomic_path(self._path(FOUND, shard)) as path:
            np.savez(path, counts=found.counts, rows=found.rows, sizes=found.sizes)

    def readings(self, key: str, shard: Shard) -> Readings:
        """What the probe of this key read. Raises UsageError where it did not yet."""
        path = self._path(key, shard)
        if not path.exists():
            raise UsageError(
                f"{key.rpartition('-')[0]} has not been measured on all pictures",
                advice="run python -m fakecheck_training.measure first, with the same options",
            )
        with np.load(path) as kept:
            return Readings(kept["values"], kept["boxes"], bool(kept["whole"]))

    def keep_readings(self, key: str, shard: Shard, readings: Readings) -> None:
        """Writes them, whole or not at all."""
        with atomic_path(self._path(key, shard)) as path:
            np.savez(path, values=readings.values, boxes=readings.boxes, whole=readings.whole)

    def keep_simulated(self, split: str, samples: Sequence[SimulatedSample]) -> None:
        """Remembers which artifacts were simulated: finding them out takes longer than reading."""
        with atomic_path(self._root / f"simulated-{split}.json") as path:
            path.write_text(
                json.dumps([asdict(sample) for sample in samples]), encoding="utf-8", newline="\n"
            )

    def simulated(self, split: str) -> list[SimulatedSample]:
        """The simulated samples that were measured, none where there were none."""
        path = self._root / f"simulated-{split}.json"
        if not path.exists():
            return []
        return [_simulated(fields) for fields in json.loads(path.read_text())]

    def shots(self, samples: Sequence[Sample], probes: dict[str, str]) -> list[Shot]:
        """Every sample in every state with all that the `probes` (name → key) read from it."""
        return [shot for shard in shards_of(samples) for shot in self._shots(shard, probes)]

    def _shots(self, shard: Shard, probes: dict[str, str]) -> Iterator[Shot]:
        found = self.faces(shard)
        if found is None:
            raise UsageError(
                "these pictures have not been measured",
                advice="run python -m fakecheck_training.measure first, with the same options",
            )
        readings = {name: self.readings(key, shard) for name, key in probes.items()}
        parts = {name: _by_shot(one, found.counts) for name, one in readings.items()}
        pairs = [(sample, state) for sample in shard.samples for state in STATES]
        for number, ((sample, state), faces) in enumerate(zip(pairs, found.faces(), strict=True)):
            yield Shot(
                sample,
                state,
                int(found.sizes[number, 0]),
                int(found.sizes[number, 1]),
                faces,
                {name: part[number][0] for name, part in parts.items()},
                {name: part[number][1] for name, part in parts.items()},
            )


def _simulated(fields: dict[str, Any]) -> SimulatedSample:
    """Lists back to tuples, which JSON does not know."""
    boxes = tuple(tuple(box) for box in fields.pop("boxes"))
    rest: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()
    }
    return SimulatedSample(**rest, boxes=boxes)


def _by_shot(readings: Readings, counts: NDArray[np.int64]) -> list[tuple[Floats, NDArray[Any]]]:
    """The rows of each shot: as many as it has faces, or one a shot for probes of frames."""
    rows, boxes = readings.values, readings.boxes
    sizes = np.ones_like(counts) if readings.whole else counts
    parts = []
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        first = end - size
        mine = boxes[(boxes["owner"] >= first) & (boxes["owner"] < end)].copy()
        mine["owner"] -= first
        parts.append((rows[first:end], mine))
    return parts


def in_state(shots: Iterable[Shot], degradation: str) -> list[Shot]:
    """The shots of one state."""
    return [shot for shot in shots if shot.degradation == degradation]

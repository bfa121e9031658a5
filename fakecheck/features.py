"""Boxes of one followed face through time → features that any set of detectors can fill.

Classes of all installed detectors are pooled into groups: everything, every kind of family, every
artifact word. A detector that comes later adds to the groups it belongs to, and a group that none
belongs to is zero with `present` zero. Everything is computed for many frames at once, since the
cost of a file is not to be here. docs/features.md, which
`python -m fakecheck_training.sequence.features` writes, lists the columns.

Groups are of artifact words (`blur`) and not of whole classes (`mouth_blur`). Which regions a class
may name is up to whoever makes a plug-in: a class that no detector had in training would fill a
group that never changed there, of which the model learns nothing, while its word may have been
learned from other regions. Five regions times nine words would also make over three times as many
columns, for a model that learns from some two thousand sequences. Where the best box lies is kept
(`dx`, `dy`, `area`). The two have not been compared by an experiment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fakecheck.group_features import GROUP_FEATURES, LOG_COUNT, YES, Feature, group_features
from fakecheck.observations import GROUPS, ClassTable, Observations, llr_by_detector
from fakecheck.types import Floats

# Changes with every change of what a feature means: a model of another version is refused.
FEATURE_VERSION = "2"

FACE_FEATURES = {
    "seen": Feature(
        "1 where the face was seen, 0 where it was lost and found again later", YES, 0, 1
    ),
    "size": Feature("log of the longer side of the face's box", "log(pixels)", 0),
    "roll": Feature("turn of the line between the eyes", "radians", -math.pi, math.pi),
    "yaw": Feature(
        "how far the nose is right of the eyes' middle along their line", "eye distances", -2, 2
    ),
    "pitch": Feature(
        "how far the nose is down the way from eyes to mouth, 0..1 for most",
        "lengths of that way",
        -2,
        2,
    ),
    "sharpness": Feature(
        "log(1 + variance of the Laplacian) of the face at 64 pixels",
        "log(1 + squared grey levels)",
        0,
    ),
    "elapsed": Feature("log(1 + seconds since the sample before)", "log(1 + seconds)", 0),
    "detectors": Feature("log(1 + number of detectors that could judge the face)", LOG_COUNT, 0),
}
# One column for every group and feature of it, then one for every feature of the face.
NAMES = tuple(
    [f"{group}.{name}" for group in GROUPS for name in GROUP_FEATURES]
    + [f"face.{name}" for name in FACE_FEATURES]
)
WIDTH = len(NAMES)


@dataclass(frozen=True, eq=False)
class DetectionSequence:
    """One face over T samples of a video, as the temporal model takes it.

    `values` is (T, WIDTH) float32 in the order of NAMES, `mask` (T,) bool: False where the face was
    not seen, whose row is zero but for `elapsed`.
    """

    values: Floats
    mask: NDArray[np.bool_]


def sequence_of(seen: Observations, table: ClassTable) -> DetectionSequence:
    """The features of T samples of one face."""
    groups = group_features(seen, table)
    values = np.concatenate([groups.reshape(len(seen), -1), _face_features(seen, table)], axis=1)
    hidden = ~seen.seen
    elapsed = values[hidden, NAMES.index("face.elapsed")]
    values[hidden] = 0
    values[hidden, NAMES.index("face.elapsed")] = elapsed
    return DetectionSequence(values.astype(np.float32), seen.seen)


def _face_features(seen: Observations, table: ClassTable) -> Floats:
    """(T, features) in the order of FACE_FEATURES."""
    marks = seen.landmarks.astype(np.float64)
    eyes, mouth = marks[:, :2].mean(axis=1), marks[:, 3:].mean(axis=1)
    across, down = marks[:, 1] - marks[:, 0], mouth - eyes
    nose = marks[:, 2] - eyes
    spread = np.maximum((across**2).sum(axis=1), 1)
    drop = np.maximum((down**2).sum(axis=1), 1)
    judged = ~np.isnan(llr_by_detector(seen.llr, table))
    features = [
        seen.seen,
        np.log(seen.side),
        np.arctan2(across[:, 1], across[:, 0]),
        np.clip((nose * across).sum(axis=1) / spread, -2, 2),
        np.clip((nose * down).sum(axis=1) / drop, -2, 2),
        seen.sharpness,
        np.log1p(np.maximum(np.nan_to_num(np.diff(seen.time, prepend=seen.time[:1])), 0)),
        np.log1p(judged.sum(axis=1)),
    ]
    return np.stack(features, axis=1).astype(np.float32)

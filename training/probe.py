"""`python -m fakecheck_training.probe RECIPE`: could the records be told apart without looking?

A classifier gets nothing of each record but its size, traces of JPEG compression, colours and
borders (`shortcuts.py`). If that alone tells fake from real, so will the detector, and it will fail
on pictures that were saved otherwise. Run it between `prepare` and `train`; it ends with exit code
1 where the records give too much away.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import StratifiedGroupKFold

from fakecheck.calibration import auc
from fakecheck.errors import InputError
from fakecheck.files import atomic_path
from fakecheck.types import Floats
from fakecheck_training.curves import auc_interval
from fakecheck_training.options import cli, progress, recipe_argument, work_option
from fakecheck_training.pipeline import check_drawn, detector_folder, newer_than_records
from fakecheck_training.recipe import load_detector_recipe
from fakecheck_training.shortcuts import FEATURES, features

from fakecheck_training.compat import tf  # isort: skip

RESULT = "probe.json"
# 0.65 is what two normal distributions 0.55 standard deviations apart have. Evidence adds up in
# squares (d'), so a detector with an AUC of 0.95 (2.33 apart) owes such a shortcut 0.005 of it, one
# with 0.85 0.02: less than the intervals of the figures in the cards.
LIMIT = 0.65
COUNT = 3000
FOLDS = 5
REPEATS = 3
MIN_GROUPS = 20
TOLD = 5


@dataclass(frozen=True)
class Telling:
    """A feature by which records differ.

    `alone` is its ROC AUC by itself, either way round (0.5 to 1); `drop` what the classifier's
    loses on held-out records when the feature's values are shuffled (Breiman 2001).
    """

    feature: str
    alone: float
    drop: float


@dataclass(frozen=True)
class Probe:
    """How well shortcuts alone tell fakes: cross-validated ROC AUC and its 95 % interval.

    `own` is the AUC of the same scores against the reals of the fakes' own sets, None without any:
    near 0.5, it is the sets that differ, not what was done to the fakes.
    """

    auc: float
    own: float | None
    interval: tuple[float, float]
    limit: float
    records: int
    pictures: int
    telling: tuple[Telling, ...]

    @property
    def passed(self) -> bool:
        """Whether the AUC stays within the limit."""
        return self.auc <= self.limit

    def sentence(self, name: str) -> str:
        """What was found, for a person."""
        low, high = self.interval
        measured = f"AUC {self.auc:.3f}, 95 % interval {low:.3f} to {high:.3f}"
        if self.own is not None:
            measured += f", against reals of the same sets {self.own:.3f}"
        if self.passed:
            return f"{name}: shortcuts hardly tell fakes from reals ({measured})"
        return (
            f"{name}: fakes can be told from reals by {self.telling[0].feature!r} and its like "
            f"alone ({measured}, allowed is {self.limit})"
        )


@dataclass(frozen=True, eq=False)
class Measured:
    """Features (n, len(FEATURES)), fake (n,) and the source picture of every record (n,)."""

    values: Floats
    fake: NDArray[np.bool_]
    source: NDArray[np.str_]


def read_records(folder: Path, count: int = COUNT) -> Measured:
    """What the probe sees of at most `count` records, evenly from all shards in `folder`."""
    paths = sorted(folder.glob("train-*.tfrecord"))
    if not paths:
        raise InputError(
            f"no records in {folder}", advice="run python -m fakecheck_training.prepare first"
        )
    rows = (row for path in paths for row in _rows(path, -(-count // len(paths))))
    values, fake, source = zip(*progress(rows, count, "records"), strict=True)
    return Measured(np.stack(values), np.array(fake), np.array(source))


def _rows(path: Path, count: int) -> Iterator[tuple[Floats, bool, str]]:
    for serialized in tf.data.TFRecordDataset(str(path)).take(count):
        content = tf.train.Example.FromString(serialized.numpy()).features.feature
        encoded = np.frombuffer(content["image/encoded"].bytes_list.value[0], np.uint8)
        image = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        if image is None:
            raise InputError(f"{path} holds a record whose picture cannot be decoded")
        fake = bool(content["image/object/class/label"].int64_list.value)
        yield features(image), fake, content["image/source_id"].bytes_list.value[0].decode()


def probe(measured: Measured, limit: float = LIMIT, seed: int = 0) -> Probe:
    """Cross-validates a classifier on the shortcuts; records of one picture stay in one fold."""
    fake, source = measured.fake, measured.source
    if min(len(np.unique(source[fake])), len(np.unique(source[~fake]))) < MIN_GROUPS:
        raise InputError(
            f"the probe needs records of at least {MIN_GROUPS} fake and as many real pictures"
        )
    scores, drops = np.zeros(len(fake)), np.zeros(len(FEATURES))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for fit, held in folds.split(measured.values, fake, source):
        model = HistGradientBoostingClassifier(
            max_leaf_nodes=8, learning_rate=0.05, max_iter=200, random_state=seed
        ).fit(measured.values[fit], fake[fit])
        scores[held] = model.decision_function(measured.values[held])
        shuffled = permutation_importance(
            model,
            measured.values[held],
            fake[held],
            scoring="roc_auc",
            n_repeats=REPEATS,
            random_state=seed,
        )
        drops += shuffled.importances_mean / FOLDS
    value, low, high = auc_interval(
        scores[fake], scores[~fake], source[fake].tolist(), source[~fake].tolist()
    )
    own = np.isin(_sets(source), np.unique(_sets(source[fake]))) & ~fake
    return Probe(
        auc=round(value, 4),
        own=round(auc(scores[fake], scores[own]), 4) if own.any() else None,
        interval=(round(low, 4), round(high, 4)),
        limit=limit,
        records=len(fake),
        pictures=len(np.unique(source)),
        telling=_telling(measured, drops),
    )


def _sets(source: NDArray[np.str_]) -> NDArray[np.str_]:
    """The set of each picture: its first folder in the pack; of an input the one over its own."""
    paths = [PurePath(name) for name in source]
    return np.array([str(p.parent.parent) if p.is_absolute() else p.parts[0] for p in paths])


def _telling(measured: Measured, drops: NDArray[np.float64]) -> tuple[Telling, ...]:
    """The most telling first: by what shuffling costs, which features alike share among them."""
    found = []
    for index in np.argsort(-drops, kind="stable")[:TOLD]:
        column = measured.values[:, index]
        alone = auc(column[measured.fake], column[~measured.fake])
        found.append(
            Telling(FEATURES[index], round(max(alone, 1 - alone), 4), round(float(drops[index]), 4))
        )
    return tuple(found)


def write_probe(result: Probe, folder: Path) -> Path:
    """Writes FOLDER/probe.json; its path."""
    with atomic_path(folder / RESULT) as path:
        path.write_text(
            json.dumps({**asdict(result), "passed": result.passed}, indent=1) + "\n",
            encoding="utf-8",
            newline="\n",
        )
    return folder / RESULT


@cli
@recipe_argument
@work_option
@click.option(
    "--limit",
    type=click.FloatRange(0, 1),
    default=LIMIT,
    show_default=True,
    help="The highest AUC that is allowed.",
)
@click.option(
    "--count",
    type=click.IntRange(1),
    default=COUNT,
    show_default=True,
    help="How many records are looked at.",
)
def main(recipe: Path, work: Path, limit: float, count: int) -> None:
    """Check that the records of RECIPE do not give fakes away by something else than forgery."""
    spec = load_detector_recipe(recipe)
    folder = detector_folder(work, spec.name)
    check_drawn(spec, spec.runs[0], folder)
    result = probe(read_records(folder, count), limit)
    write_probe(result, folder)
    for item in result.telling:
        click.echo(f"{item.feature}: {item.alone:.3f} alone, {item.drop:.3f} in company", err=True)
    if not result.passed:
        click.echo(f"Error: {result.sentence(spec.name)}", err=True)
        sys.exit(1)
    click.echo(result.sentence(spec.name), err=True)


def probe_stage(folder: Path) -> list[dict[str, Any]]:
    """The row of a card's stages for the probe, if it was run on the records in `folder`."""
    if not newer_than_records(folder, RESULT):
        return []
    result = json.loads((folder / RESULT).read_text())
    row = {key: result[key] for key in ("auc", "interval", "own", "limit", "records", "passed")}
    return [{"name": "probe", **row}]


if __name__ == "__main__":
    main()

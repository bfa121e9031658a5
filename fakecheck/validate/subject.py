"""A bundle under examination: its engine and what it says of pictures, each got when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fakecheck.card import FITTED
from fakecheck.detector import Detector, Findings
from fakecheck.engines import Engine, RawBoxes, open_engine
from fakecheck.engines.convert import Agreement, compare
from fakecheck.validate.alone import Alone, run_alone
from fakecheck.validate.data import (
    Accuracy,
    DataScores,
    Progress,
    Split,
    measure,
    quiet,
    score_folder,
)
from fakecheck.validate.drawn import Scene, crops_of, drawn_batch, own_batch
from fakecheck.validate.target import Bundle


@dataclass(frozen=True)
class Subject(Bundle):
    """A bundle, and what to try it with.

    `faces` is a folder of pictures with faces, `data` one with the folders `real` and `fake`, to
    which `calibrate` fits the card; `progress` is told how many files of `data` are done, and
    `data_set` is what the files are called on the card.
    """

    faces: Path | None = None
    data: Path | None = None
    calibrate: bool = False
    progress: Progress = quiet
    data_set: str | None = None

    @property
    def set_name(self) -> str:
        """The data set's name, that of its folder where none was said."""
        assert self.data is not None
        return self.data_set or self.data.resolve().name

    @cached_property
    def alone(self) -> Alone:
        """What was measured in a process of its own."""
        return run_alone(self.card)

    @cached_property
    def engine(self) -> Engine:
        """ONNX Runtime where there is a model for it, else TensorFlow; on the CPU."""
        return open_engine(self.card, device="cpu")

    @cached_property
    def drawn(self) -> NDArray[np.uint8]:
        """Crops of drawn faces, (n, height, width, 3) uint8."""
        return drawn_batch(self.card)

    @cached_property
    def pictures(self) -> NDArray[np.uint8]:
        """The drawn crops, then those of the contributor's own faces."""
        if self.faces is None:
            return self.drawn
        return np.concatenate([self.drawn, own_batch(self.card, self.faces)])

    @cached_property
    def raw(self) -> RawBoxes:
        """What the graph says of `pictures`. Raises PluginError where it breaks its contract."""
        return self.engine.run(self.pictures)

    @cached_property
    def agreement(self) -> Agreement:
        """How well the bundle's two graphs agree on `pictures`."""
        return compare(open_engine(self.card, "tensorflow", "cpu"), self.engine, self.pictures)

    @cached_property
    def scores(self) -> DataScores:
        """What the detector says of the pictures in `data`."""
        assert self.data is not None
        return score_folder(self.data, Detector(self.card, self.engine), self.progress)

    @cached_property
    def accuracy(self) -> Accuracy:
        """Measured on `data` with the calibration that the card has when first asked."""
        calibrations = [spec.calibration for spec in self.card.classes]
        split: Split = FITTED if self.calibrate else "test"
        return measure(self.scores, calibrations, self.set_name, split)

    def detect(self, scene: Scene) -> Findings:
        """What the detector finds in a scene, however small its faces are."""
        return Detector(self.card, self.engine).detect([crops_of(scene, self.card)])[0]

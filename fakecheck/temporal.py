"""The temporal model: the features of one face through time → likelihood ratios.

The model lies in `models/sequence/`: `sequence.yaml`, its card; `frozen_inference_graph.pb`, the
trained graph; `model.onnx`, the same for ONNX Runtime, which alone is run. `training/` makes them.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError, model_validator

from fakecheck.card import (
    GRAPH_FILE,
    ONNX_FILE,
    Calibration,
    Fields,
    Licence,
    Sha256,
    Training,
    Version,
    check_alarms,
    first_problem,
)
from fakecheck.card_fields import read_fields
from fakecheck.detector import log_likelihood_ratio
from fakecheck.engines.runtime import import_onnxruntime, plain, session_options
from fakecheck.errors import CardError, FakecheckError, GraphRefusedError, PluginError
from fakecheck.features import FEATURE_VERSION, WIDTH, DetectionSequence, sequence_of
from fakecheck.graph import check_onnx_model
from fakecheck.observations import ClassTable, Observations, fused_llr, steady_llr
from fakecheck.types import Floats

CARD = "sequence.yaml"
FEATURES, SEEN = "features", "seen"
SEQUENCE_SCORE, SAMPLE_SCORES = "sequence_score", "sample_scores"
# Scores nearer to 0 and 1 than this are rounded in 32 bits.
TINY = 1e-6


class FeatureSpec(Fields):
    """The features that the graph was trained on: see `fakecheck.features`."""

    version: str
    width: int = Field(ge=1)


class Bands(Fields):
    """The probabilities between which a face is left inconclusive, and how they were chosen.

    A face is called real under `real_below`, under which `miss_rate` of the forged ones lie whose
    family has a detector. `forged_over` is what makes a sample part of a span.
    """

    miss_rate: float = Field(gt=0, lt=1)
    real_below: float = Field(gt=0, le=0.5)
    forged_over: float = Field(gt=0, lt=1)


class SequenceMetric(Fields):
    """One measured row: `name` on `set`, which was not trained on."""

    name: str
    set: str
    value: float
    forged: int = Field(ge=0)
    real: int = Field(ge=0)


class SequenceCard(Fields):
    """The card of the temporal model. `folder` is where it lies.

    `window` is the number of samples that the model takes at a time. `calibration` turns the
    `forged_score` of a sequence into a likelihood ratio, `sample_calibration` that of a sample;
    `false_alarm_llr` maps a rate to the ratio that so many real faces exceed. `detectors` were
    there in training.
    """

    schema_: Literal["fakecheck.sequence/1"] = Field(alias="schema")
    version: Version
    architecture: str
    summary: str
    features: FeatureSpec
    window: int = Field(ge=2, le=1024)
    files: dict[str, Sha256]
    calibration: Calibration
    sample_calibration: Calibration
    false_alarm_llr: dict[float, float] = Field(min_length=2)
    bands: Bands
    detectors: dict[str, str]
    training: Training
    metrics: tuple[SequenceMetric, ...] = ()
    licence: Licence
    limits: tuple[str, ...] = Field(min_length=1)
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _consistent(self) -> SequenceCard:
        for name in (GRAPH_FILE, ONNX_FILE):
            if name not in self.files:
                raise ValueError(f"files: the sha256 of {name} is missing")
        check_alarms(self.false_alarm_llr)
        return self


def load_sequence_card(folder: Path) -> SequenceCard:
    """The card in `folder`.

    Raises CardError with one sentence: for a card that breaks its schema, and for a model whose
    features are of another version than this fakecheck's.
    """
    path = folder / CARD
    try:
        card = SequenceCard.model_validate({**read_fields(path), "folder": folder})
    except ValidationError as error:
        raise CardError(f"{path}: {first_problem(error)}") from error
    wanted = (FEATURE_VERSION, WIDTH)
    if (card.features.version, card.features.width) != wanted:
        raise CardError(
            f"{path}: the temporal model takes features of version {card.features.version} "
            f"({card.features.width} a sample), this fakecheck makes version {wanted[0]} "
            f"({wanted[1]})",
            "train it anew: python -m fakecheck_training.sequence.train",
        )
    return card


class TemporalModel:
    """A loaded model. May be called from several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Raises CardError, GraphRefusedError or PluginError for what cannot be trusted or run."""
        self.card = load_sequence_card(folder)
        self._session = _open_session(_read_checked(self.card, ONNX_FILE))
        self._ends = [
            _end(self._session, name) for name in (FEATURES, SEEN, SEQUENCE_SCORE, SAMPLE_SCORES)
        ]

    def judge(self, seen: Observations, table: ClassTable) -> tuple[float, Floats]:
        """Natural log-likelihood ratios of forged against real: the face's and (T,) the samples'.

        They are what the calibrations make of each `forged_score`.
        """
        whole, samples = self.run(sequence_of(seen, table))
        score, scores = forged_scores(float(whole[0]), samples[0], seen, table)
        return (
            float(log_likelihood_ratio(np.array([score], np.float32), self.card.calibration)[0]),
            log_likelihood_ratio(scores, self.card.sample_calibration),
        )

    def run(self, sequence: DetectionSequence) -> tuple[Floats, Floats]:
        """The graph's own scores in 0..1: (1,) of the sequence and (1, T) of its samples."""
        features, seen, *outputs = self._ends
        inputs = {
            features: sequence.values[None],
            seen: sequence.mask[None].astype(np.float32),
        }
        whole, samples = self._session.run(outputs, inputs)
        return whole, samples


def forged_scores(
    whole: float, samples: Floats, seen: Observations, table: ClassTable
) -> tuple[float, Floats]:
    """The `forged_score` of a face and (T,) of its samples, given the network's scores of them.

    The face is held against the detectors' `steady_llr`, each sample against their `fused_llr`.
    """
    steady = np.array([steady_llr(seen.llr, table)], np.float32)
    face = forged_score(np.array([whole], np.float32), steady)
    return float(face[0]), forged_score(samples, fused_llr(seen.llr, table))


def forged_score(network: Floats, detectors: Floats) -> Floats:
    """(n,) scores in 0..1, from those of the network and the log-ratios of the detectors.

    Their odds are averaged: of a face the network's, of "forged in some of these samples", and the
    detectors' over all samples alike; of a sample the network's, which knows the others, and the
    detectors' of this one. Which judges the face's family better nobody knows beforehand, just as
    nobody knows the family. Where no detector speaks the network's stays alone.
    """
    score = np.clip(np.asarray(network, np.float64), TINY, 1 - TINY)
    odds = score / (1 - score)
    odds = np.where(np.isnan(detectors), odds, (odds + np.exp(detectors)) / 2)
    return np.asarray(odds / (1 + odds), np.float32)


@lru_cache(maxsize=1)
def bundled_model() -> TemporalModel | FakecheckError | None:
    """The model that comes with fakecheck, None where there is none, or why it is refused."""
    folder = Path(str(files("fakecheck") / "models" / "sequence"))
    if not (folder / CARD).exists():
        return None
    try:
        return TemporalModel(folder)
    except FakecheckError as error:
        return error


def usable_model() -> TemporalModel | None:
    """The model that comes with fakecheck, None where there is none and where it is refused."""
    model = bundled_model()
    return model if isinstance(model, TemporalModel) else None


def _read_checked(card: SequenceCard, name: str) -> bytes:
    path = card.folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GraphRefusedError(f"{path}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != card.files[name]:
        raise GraphRefusedError(
            f"{path}: its sha256 differs from the one on the card",
            "the file was changed or damaged; install fakecheck again",
        )
    check_onnx_model(data, str(path))
    return data


def _open_session(model: bytes) -> Any:
    runtime = import_onnxruntime()
    # A window takes under a millisecond: threads would cost more than they bring.
    options = session_options(runtime)
    try:
        return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise PluginError(f"ONNX Runtime cannot load the temporal model: {error}") from error


def _end(session: Any, name: str) -> str:
    """The full name of an input or output."""
    for end in (*session.get_inputs(), *session.get_outputs()):
        if plain(end.name) == name:
            return str(end.name)
    raise PluginError(f"the temporal model lacks the input or output {name}")

"""Members of the temporal model → frozen graph, `model.onnx` (checked equal) and a card."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from fakecheck.calibration import SILENT
from fakecheck.card import GRAPH_FILE, ONNX_FILE
from fakecheck.engines.convert import convert_frozen_graph
from fakecheck.errors import PluginError
from fakecheck.features import FEATURE_VERSION, WIDTH, sequence_of
from fakecheck.files import atomic_path
from fakecheck.graph import check_onnx_model, check_tensorflow_graph
from fakecheck.observations import ClassTable
from fakecheck.temporal import TemporalModel
from fakecheck_training.cards import DATA_LICENCE, code_commit, sha256
from fakecheck_training.compat import tf
from fakecheck_training.data import TERMS
from fakecheck_training.sequence.card import write_sequence_card
from fakecheck_training.sequence.data import Labelled
from fakecheck_training.sequence.model import INPUTS, OUTPUTS, Ensemble
from fakecheck_training.sequence.recipe import SequenceRecipe

from tensorflow.python.framework.convert_to_constants import (  # isort: skip
    convert_variables_to_constants_v2,
)

TOLERANCE = 1e-4
ARCHITECTURE = "mean of {folds} bidirectional GRUs of {units} units, log-mean-exp over time"
SUMMARY = "What the detectors find in a face through time → whether, and when, it was forged."
CLIP_TERMS = (
    "GRID corpus (CC BY 4.0); example clips of LivePortrait and video-retalking, for research; "
    "not redistributed"
)
COMMANDS = ("clips", "extract", "train", "calibrate")
# What an uncalibrated model's card says: nothing.
NO_TABLE = {0.1: 0.0, 0.01: 0.0}


def freeze(ensemble: Ensemble) -> bytes:
    """The frozen GraphDef, serialized, with the ends that `fakecheck.temporal` wants."""
    # Loops stay functional: tf2onnx knows a GRU by them.
    function = ensemble.score.get_concrete_function()
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    wanted = [tensor.name for tensor in frozen.outputs]
    with tf.Graph().as_default() as renamed:
        graph = frozen.graph.as_graph_def()
        found = tf.graph_util.import_graph_def(graph, return_elements=wanted, name="")
        for tensor, name in zip(found, OUTPUTS, strict=True):
            tf.identity(tensor, name=name)
    definition = renamed.as_graph_def(add_shapes=False)
    part = tf.compat.v1.graph_util.extract_sub_graph(definition, list(OUTPUTS))
    return bytes(part.SerializeToString(deterministic=True))


def convert(graph: bytes) -> bytes:
    """The frozen graph as an ONNX model."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, GRAPH_FILE), Path(folder, ONNX_FILE)
        source.write_bytes(graph)
        convert_frozen_graph(source, made, INPUTS, OUTPUTS)
        return made.read_bytes()


def export_model(
    recipe: SequenceRecipe,
    members: Sequence[Any],
    sequences: Sequence[Labelled],
    table: ClassTable,
    out: Path,
) -> float:
    """Writes graph, model and card; the largest difference between the two graphs' scores.

    Raises PluginError where they differ by more than TOLERANCE on real sequences.
    """
    ensemble = Ensemble(members)
    graph = freeze(ensemble)
    model = convert(graph)
    check_tensorflow_graph(graph, GRAPH_FILE)
    check_onnx_model(model, ONNX_FILE)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in ((GRAPH_FILE, graph), (ONNX_FILE, model)):
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(content)
    write_sequence_card(out, new_card(recipe, sequences, table, out))
    difference = compare(ensemble, TemporalModel(out), sequences, table)
    if difference > TOLERANCE:
        raise PluginError(f"the frozen graph and model.onnx differ by {difference:.2g} in score")
    return difference


def compare(
    ensemble: Ensemble, model: TemporalModel, sequences: Sequence[Labelled], table: ClassTable
) -> float:
    """The largest difference of scores on up to 40 sequences of any length."""
    largest = 0.0
    for one in sequences[:: max(1, len(sequences) // 40)]:
        found = sequence_of(one.seen, table)
        seen = found.mask[None].astype(np.float32)
        wanted = [part.numpy() for part in ensemble.score(found.values[None], seen)]
        got = model.run(found)
        largest = max(
            largest,
            *(float(np.abs(a - b).max()) for a, b in zip(wanted, got, strict=True)),
        )
    return largest


def new_card(
    recipe: SequenceRecipe, sequences: Sequence[Labelled], table: ClassTable, folder: Path
) -> dict[str, Any]:
    """The card of a model that is not calibrated yet."""
    commit = code_commit()
    lines = [f"python -m fakecheck_training.sequence.{step}" for step in COMMANDS]
    return {
        "schema": "fakecheck.sequence/1",
        "version": recipe.version,
        "architecture": ARCHITECTURE.format(folds=recipe.folds, units=recipe.units),
        "summary": SUMMARY,
        "features": {"version": FEATURE_VERSION, "width": WIDTH},
        "window": recipe.window,
        "files": {name: sha256(folder / name) for name in (GRAPH_FILE, ONNX_FILE)},
        "calibration": dict(SILENT),
        "sample_calibration": dict(SILENT),
        "false_alarm_llr": dict(NO_TABLE),
        "bands": {
            "miss_rate": recipe.miss_rate,
            "real_below": 0.5,
            "forged_over": 0.5,
        },
        "detectors": {card.id: card.version for card in table.cards},
        "training": {
            "data": training_data(sequences),
            "command": " && ".join(lines),
            "seed": recipe.seed,
            "steps": recipe.steps,
            "date": datetime.now(timezone.utc).date().isoformat(),
            **({"commit": commit} if commit else {}),
        },
        "metrics": [],
        "licence": {"graph": "Apache-2.0, as far as the terms of the data leave it",
                    "data": DATA_LICENCE},
        "limits": list(recipe.limits),
    }  # fmt: skip


def training_data(sequences: Sequence[Labelled]) -> list[dict[str, Any]]:
    """A row for every set and use, with the terms of what it was made from."""
    counts = Counter((one.item.set, _origin(one), one.item.fake) for one in sequences)
    return [
        {
            "set": origin,
            "split": "train",
            "use": f"{'forged' if fake else 'real'} sequences, {name}",
            "pictures": count,
            "terms": TERMS.get(origin, CLIP_TERMS),
        }
        for (name, origin, fake), count in sorted(counts.items())
    ]


def _origin(one: Labelled) -> str:
    """The data set: groups are named after it."""
    return one.item.group.split("/")[0]

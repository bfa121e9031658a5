"""Checks that open a bundle's graph and run it, on drawn faces and on the contributor's own.

The first one does it in a process of its own: only a detector that survives it is run in this one.
"""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck.card import GRAPH_FILE, ONNX_FILE
from fakecheck.engines import Engine, RawBoxes
from fakecheck.engines.convert import Agreement, compare
from fakecheck.errors import MissingDependencyError, PluginError, UsageError
from fakecheck.plugins import PluginHost
from fakecheck.validate.drawn import HUGE, TINY, USUAL, Scene, drawn_scene
from fakecheck.validate.findings import Check, Skipped, apart, counted
from fakecheck.validate.static_checks import OPENABLE
from fakecheck.validate.subject import Subject

# Boxes may be over the edge by what float32 leaves of a division.
EDGE = 1e-4
THREADS = 2
ROUNDS = 4
NMS_ADVICE = (
    "boxes are ymin, xmin, ymax, xmax as shares of the crop's height and width; the Object "
    "Detection API's exporter clips them to the picture"
)


def check_hook(subject: Subject) -> str:
    """The installed plug-in can be imported, and its hook gives this detector."""
    mine = subject.card.id
    if subject.distribution is None:
        raise Skipped("the bundle belongs to no package")
    try:
        host = PluginHost.of_distribution(subject.distribution)
    except UsageError as error:
        raise Skipped(error.message) from error
    for problem in host.problems:
        if problem.detector in (None, mine, subject.folder.resolve().name):
            raise PluginError(
                f"the installed plug-in {problem.origin} cannot be used: {problem.cause}",
                "import its module in a Python of the same environment to see where it fails",
            )
    if found := host.detectors.get(mine):
        return f"{found.origin} is imported and gives {mine}"
    raise Skipped(f"{subject.distribution} is not installed, so its hook was not run")


def check_open(subject: Subject) -> str:
    """The engine opens the graph, in a process of its own, and survives running it."""
    return f"opens with {subject.alone.engine}, in a process of its own"


def check_outputs(subject: Subject) -> str:
    """Shapes fit together; scores are numbers in 0..1; classes are those of the label map."""
    try:
        raw = subject.raw
    except PluginError as error:
        raise PluginError(error.message.removeprefix(f"{subject.card.id}: ")) from error
    own = len(subject.pictures) - len(subject.drawn)
    more = f" and {own} of your own" if own else ""
    return f"{int(raw.counts.sum())} boxes on {len(subject.drawn)} drawn crops{more}"


def check_boxes(subject: Subject) -> str:
    """Boxes lie in the crop, and their corners are in order."""
    raw = subject.raw
    real = np.arange(raw.scores.shape[1]) < raw.counts[:, None]
    boxes = raw.boxes[real]
    outside = boxes[((boxes < -EDGE) | (boxes > 1 + EDGE)).any(axis=1)]
    if len(outside):
        raise PluginError(
            f"detection_boxes must lie in 0..1, got {_numbers(outside[0])}", NMS_ADVICE
        )
    turned = boxes[(boxes[:, 0] > boxes[:, 2]) | (boxes[:, 1] > boxes[:, 3])]
    if len(turned):
        raise PluginError(
            "detection_boxes must be ymin, xmin, ymax, xmax, with each minimum first, got "
            f"{_numbers(turned[0])}",
            NMS_ADVICE,
        )
    return "in 0..1, corners in order"


def check_no_faces(subject: Subject) -> str:
    """No picture and a picture without a face are no error."""
    raw = subject.engine.run(subject.pictures[:0])
    if len(raw.counts):
        raise PluginError(f"an empty batch must give nothing, got {len(raw.counts)} rows")
    findings = subject.detect(Scene(drawn_scene(USUAL).image, ()))
    if subject.card.looks_at_frame:
        return "judges the whole frame, with or without a face"
    if len(findings.evidence) or len(findings.detections):
        raise PluginError("finds boxes where there is no face")
    return "an empty batch and a frame without faces give nothing"


def check_sizes(subject: Subject) -> str:
    """Faces of a few and of thousands of pixels, and cut off ones, are judged as any other."""
    scenes = {
        f"a face of {TINY:.0f} pixels": drawn_scene(TINY),
        f"a face of {HUGE:.0f} pixels": drawn_scene(HUGE),
        "a face that is cut off": drawn_scene(USUAL, left_out=0.6),
    }
    for what, scene in scenes.items():
        findings = subject.detect(scene)
        if not np.isfinite(findings.evidence).all():
            raise PluginError(f"{what} gives no likelihood ratio")
        height, width = scene.image.shape[:2]
        xyxy = findings.detections.xyxy
        if (xyxy < 0).any() or (xyxy > [width, height] * 2).any():
            raise PluginError(f"{what} gives boxes outside of the picture")
    return f"{', '.join(scenes)}: all are judged"


def check_batches(subject: Subject) -> str:
    """A crop's boxes do not depend on what else is in the batch."""
    whole = _Renamed("a batch of all", subject.engine)
    agreement = compare(whole, _OneByOne(subject.engine), subject.pictures)
    return f"batches of 1 and of {len(subject.pictures)} agree: {_within(agreement)}"


def check_repeat(subject: Subject) -> str:
    """The same crops give the same boxes."""
    again = subject.engine.run(subject.pictures)
    if not _equal(subject.raw, again):
        raise PluginError(
            "the same crops give other boxes the second time",
            "a detector is a function of its picture: export it for inference, without dropout",
        )
    return "twice the same boxes"


def check_threads(subject: Subject) -> str:
    """Two threads at once get what one gets alone."""
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(subject.engine.run, [subject.pictures] * THREADS * ROUNDS))
    if not all(_equal(subject.raw, one) for one in results):
        raise PluginError("two threads at once get other boxes than one alone")
    return f"{THREADS} threads at once, {len(results)} runs, the same boxes"


def check_engines(subject: Subject) -> str:
    """The TensorFlow graph and the ONNX model find the same boxes."""
    if subject.card.onnx is None:
        raise Skipped(f"there is only {GRAPH_FILE}, and no {ONNX_FILE} to compare with it")
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingDependencyError(
            f"TensorFlow is not installed, so {GRAPH_FILE} was not run",
            'pip install "fakecheck[tensorflow]"',
        )
    return f"{GRAPH_FILE} and {ONNX_FILE} agree: {_within(subject.agreement)}"


def check_speed(subject: Subject) -> str:
    """What a face costs here. Reported, not judged."""
    alone = subject.alone
    if alone.milliseconds is None:
        raise Skipped("nothing could be measured, as running it failed")
    memory = "" if alone.memory is None else f", {alone.memory:.0f} MiB"
    return f"{alone.milliseconds:.1f} ms of one core a face{memory} (not judged)"


@dataclass(frozen=True)
class _Renamed:
    """An engine under another name, for the messages of `compare`."""

    name: str
    engine: Engine

    @property
    def device(self) -> str:
        return self.engine.device

    def run(self, batch: NDArray[np.uint8]) -> RawBoxes:
        return self.engine.run(batch)


@dataclass(frozen=True)
class _OneByOne:
    """An engine that gets its pictures one at a time."""

    engine: Engine
    name: str = "batches of one"

    @property
    def device(self) -> str:
        return self.engine.device

    def run(self, batch: NDArray[np.uint8]) -> RawBoxes:
        parts = [self.engine.run(batch[n : n + 1]) for n in range(len(batch))]
        # A graph may give as many rows as the fullest picture of a batch has.
        most = max(part.scores.shape[1] for part in parts)

        def joined(name: str) -> NDArray[Any]:
            arrays = [getattr(part, name) for part in parts]
            rows = [(0, 0)] * (arrays[0].ndim - 2)
            return np.concatenate(
                [np.pad(a, [(0, 0), (0, most - a.shape[1]), *rows]) for a in arrays]
            )

        counts = np.concatenate([part.counts for part in parts])
        return RawBoxes(joined("boxes"), joined("scores"), joined("classes"), counts)


def _equal(one: RawBoxes, other: RawBoxes) -> bool:
    """Whether all rows that are boxes are equal, bit by bit."""
    if not np.array_equal(one.counts, other.counts):
        return False
    real = np.arange(one.scores.shape[1]) < one.counts[:, None]
    return all(
        np.array_equal(getattr(one, name)[real], getattr(other, name)[real])
        for name in ("boxes", "scores", "classes")
    )


def _within(agreement: Agreement) -> str:
    return (
        f"{counted(agreement.boxes, 'box')}, scores {apart(agreement.score)}, coordinates "
        f"{apart(agreement.coordinate)}"
    )


def _numbers(box: NDArray[np.float32]) -> str:
    return ", ".join(f"{value:.3g}" for value in box)


LOAD_CHECKS: tuple[Check[Subject], ...] = (
    Check("plugin.hook", check_hook, ("card.schema",)),
    Check("load.open", check_open, OPENABLE),
    Check("run.outputs", check_outputs, ("load.open",)),
    Check("run.boxes", check_boxes, ("run.outputs",)),
    Check("run.no_faces", check_no_faces, ("run.outputs",)),
    Check("run.sizes", check_sizes, ("run.outputs",)),
    Check("run.batches", check_batches, ("run.outputs",)),
    Check("run.repeat", check_repeat, ("run.outputs",)),
    Check("run.threads", check_threads, ("run.outputs",)),
    Check("run.engines", check_engines, ("run.outputs",)),
    Check("run.speed", check_speed, ("load.open",)),
)

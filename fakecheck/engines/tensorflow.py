"""The engine that runs any frozen TensorFlow graph as it is. Needs the extra `tensorflow`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck.card import DetectorCard
from fakecheck.engines.base import INPUT, OUTPUTS, RawBoxes, check_batch, checked_boxes
from fakecheck.errors import MissingDependencyError, PluginError

INSTALL = 'pip install "fakecheck[tensorflow]"'


class TensorFlowEngine:
    """A session over a graph of its own, which many threads may run at once.

    Not a function of TensorFlow's eager context: that has one table of function names for the whole
    process, and two detectors often hold different functions of one name.
    """

    name = "tensorflow"

    def __init__(self, card: DetectorCard, graph: bytes, device: str = "cpu") -> None:
        """`graph` has been checked (`fakecheck.graph.read_checked`). `device`: cpu or cuda:N."""
        self.device = device
        self._who = card.id
        self._classes = len(card.classes)
        self._tf = import_tensorflow(f"The tensorflow engine, asked for by {card.id},")
        if device != "cpu" and device not in cuda_devices():
            raise MissingDependencyError(
                f"TensorFlow sees no {device}",
                'it needs an NVIDIA driver and CUDA: pip install "tensorflow[and-cuda]"',
            )
        self._call = _import_graph(self._tf, card, graph, device)

    def run(self, batch: NDArray[np.uint8]) -> RawBoxes:
        """See `Engine.run`."""
        check_batch(batch)
        if len(batch) == 0:
            return RawBoxes.empty()
        try:
            outputs = self._call(batch)
        except self._tf.errors.OpError as error:
            raise PluginError(f"{self._who}: TensorFlow failed: {error.message[:300]}") from error
        return checked_boxes(outputs, len(batch), self._classes, self._who)


def import_tensorflow(who: str) -> Any:
    """TensorFlow, without its log lines. Raises MissingDependencyError, naming `who`."""
    # Its C++ side logs dozens of lines on stderr that help no user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingDependencyError(
            f"{who} needs TensorFlow, which is not installed", INSTALL
        ) from error
    return tf


def cuda_devices() -> list[str]:
    """The GPUs that TensorFlow sees: `cuda:0` and so on."""
    tf = import_tensorflow("The tensorflow engine")
    return [f"cuda:{n}" for n in range(len(tf.config.list_physical_devices("GPU")))]


def _import_graph(tf: Any, card: DetectorCard, graph: bytes, device: str) -> Callable[..., Any]:
    place = "/CPU:0" if device == "cpu" else f"/GPU:{device.removeprefix('cuda:')}"
    definition = tf.compat.v1.GraphDef()
    try:
        definition.ParseFromString(graph)
        with tf.Graph().as_default() as own, tf.device(place):
            tf.compat.v1.import_graph_def(definition, name="")
    # For a graph that it does not like TensorFlow raises ValueError, DecodeError or OpError.
    except Exception as error:
        cause = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise PluginError(f"{card.id}: TensorFlow cannot load the graph: {cause}") from error
    picture, outputs = _ends(own, card.id)
    if picture.dtype != tf.uint8 or picture.shape.rank not in (None, 4):
        raise PluginError(
            f"{card.id}: {INPUT} must be uint8 of rank 4, it is {picture.dtype.name} "
            f"{picture.shape}"
        )
    session = tf.compat.v1.Session(graph=own, config=_config(tf))
    call: Callable[..., Any] = session.make_callable(outputs, feed_list=[picture])
    return call


def _config(tf: Any) -> Any:
    """The workers are the parallelism: a run stays in the thread that calls it (-1)."""
    return tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=1,
        inter_op_parallelism_threads=-1,
        # Ops without a kernel for the GPU go to the CPU.
        allow_soft_placement=True,
        gpu_options=tf.compat.v1.GPUOptions(allow_growth=True),
    )


def _ends(graph: Any, who: str) -> tuple[Any, list[Any]]:
    try:
        picture = graph.get_tensor_by_name(f"{INPUT}:0")
    except (KeyError, ValueError) as error:
        raise PluginError(f"{who}: the graph lacks the input {INPUT}") from error
    outputs = []
    for name in OUTPUTS:
        try:
            outputs.append(graph.get_tensor_by_name(f"{name}:0"))
        except (KeyError, ValueError) as error:
            raise PluginError(f"{who}: the graph lacks the output {name}") from error
    return picture, outputs

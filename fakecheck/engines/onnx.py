"""The default engine: ONNX Runtime over the bundle's `model.onnx`."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck.card import DetectorCard
from fakecheck.engines.base import INPUT, OUTPUTS, RawBoxes, check_batch, checked_boxes
from fakecheck.engines.runtime import import_onnxruntime, plain, session_options
from fakecheck.errors import MissingDependencyError, PluginError

CUDA_ADVICE = (
    "it needs an NVIDIA driver, CUDA, and onnxruntime-gpu in place of onnxruntime: "
    "pip uninstall onnxruntime, then pip install onnxruntime-gpu"
)

_ARENA = threading.Lock()
_arena_shared = False


class OnnxEngine:
    """One session, shared by all threads: ONNX Runtime's `run` may be called from many at once."""

    name = "onnx"

    def __init__(self, card: DetectorCard, model: bytes, device: str = "cpu") -> None:
        """`model` has been checked (`fakecheck.graph.read_checked`). `device`: cpu or cuda:N."""
        self.device = device
        self._who = card.id
        self._classes = len(card.classes)
        self._session = _open_session(card, model, device)
        self._input, self._outputs = _ends(self._session, card.id)

    def run(self, batch: NDArray[np.uint8]) -> RawBoxes:
        """See `Engine.run`."""
        check_batch(batch)
        if len(batch) == 0:
            return RawBoxes.empty()
        try:
            outputs = self._session.run(self._outputs, {self._input: batch})
        # ONNX Runtime's exceptions share no base but Exception.
        except Exception as error:
            raise PluginError(f"{self._who}: ONNX Runtime failed: {_first_line(error)}") from error
        return checked_boxes(outputs, len(batch), self._classes, self._who)


def cuda_is_built_in() -> bool:
    """Whether the installed ONNX Runtime can use CUDA at all."""
    return "CUDAExecutionProvider" in import_onnxruntime().get_available_providers()


def _open_session(card: DetectorCard, model: bytes, device: str) -> Any:
    runtime = import_onnxruntime()
    providers: list[Any] = ["CPUExecutionProvider"]
    if device != "cpu":
        if not cuda_is_built_in():
            raise MissingDependencyError(
                f"The installed ONNX Runtime cannot use {device}", CUDA_ADVICE
            )
        number = device.removeprefix("cuda:")
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": number}))
    # The workers are the parallelism: one thread a session, which sleeps when it has no work.
    options = session_options(runtime)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    _share_arena(runtime)
    options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        session = runtime.InferenceSession(model, options, providers=providers)
    except Exception as error:
        raise PluginError(
            f"{card.id}: ONNX Runtime cannot load the model: {_first_line(error)}"
        ) from error
    # Where CUDA's libraries cannot be loaded it goes on with the CPU and only logs it.
    if device != "cpu" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise MissingDependencyError(f"ONNX Runtime could not open {device}", CUDA_ADVICE)
    return session


def _share_arena(runtime: Any) -> None:
    """All sessions of the process take memory from one arena: one that sleeps needs none.

    With seven detectors this takes 90 MiB off the peak and no time.
    """
    global _arena_shared
    with _ARENA:
        if _arena_shared:
            return
        place = runtime.OrtMemoryInfo(
            "Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT
        )
        # Where the program around this one has registered its own, some versions refuse another.
        with suppress(Exception):
            runtime.create_and_register_allocator(place, None)
        _arena_shared = True


def _ends(session: Any, who: str) -> tuple[str, list[str]]:
    """Names of the input and the four outputs."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or plain(inputs[0].name) != INPUT:
        names = ", ".join(end.name for end in inputs) or "none"
        raise PluginError(f"{who}: the model must have the one input {INPUT}, it has {names}")
    if inputs[0].type != "tensor(uint8)" or len(inputs[0].shape) != 4:
        raise PluginError(
            f"{who}: {INPUT} must be uint8 of rank 4, it is {inputs[0].type} {inputs[0].shape}"
        )
    there = {plain(end.name): end.name for end in session.get_outputs()}
    missing = [name for name in OUTPUTS if name not in there]
    if missing:
        names = ", ".join(there)
        raise PluginError(f"{who}: the model lacks the output {missing[0]}, it has {names}")
    return inputs[0].name, [there[name] for name in OUTPUTS]


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]

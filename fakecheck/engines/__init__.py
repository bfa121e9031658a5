"""Engines make a detector's graph callable. Each is imported only when it runs something."""

from __future__ import annotations

import ctypes
import re
import sys
from typing import Literal

from fakecheck.card import GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE, DetectorCard
from fakecheck.engines.base import Engine, RawBoxes
from fakecheck.errors import MissingDependencyError, UsageError
from fakecheck.graph import read_checked

__all__ = ["ENGINES", "Engine", "EngineName", "RawBoxes", "open_engine", "resolve_devices"]

EngineName = Literal["auto", "onnx", "tensorflow"]
ENGINES: tuple[EngineName, ...] = ("auto", "onnx", "tensorflow")


def open_engine(card: DetectorCard, engine: str = "auto", device: str = "auto") -> Engine:
    """The card's graph, checked (sha256, ops, label map) and loaded.

    `engine` auto is onnx where the bundle has a `model.onnx`, else tensorflow. `device` is auto
    (the first of `resolve_devices`), cpu or cuda:N.

    Raises UsageError for other words, GraphRefusedError or CardError for files that fail a check,
    MissingDependencyError where the engine or the device is not installed, and PluginError for a
    graph that cannot be loaded or has other ends than the contract's.
    """
    _check_engine(engine)
    place = device if device != "auto" else resolve_devices(device, engine)[0]
    _check_device(place)
    read_checked(card, LABEL_MAP_FILE)
    if engine == "onnx" and card.onnx is None:
        raise MissingDependencyError(
            f"Detector {card.id} has no {ONNX_FILE} for the onnx engine",
            f"fakecheck detectors optimize {card.id} makes it; or use --engine tensorflow",
        )
    if engine != "tensorflow" and card.onnx is not None:
        from fakecheck.engines.onnx import OnnxEngine

        return OnnxEngine(card, read_checked(card, ONNX_FILE), place)
    from fakecheck.engines.tensorflow import INSTALL, TensorFlowEngine

    graph = read_checked(card, GRAPH_FILE)
    try:
        return TensorFlowEngine(card, graph, place)
    except MissingDependencyError as error:
        if card.onnx is not None or error.advice != INSTALL:
            raise
        raise MissingDependencyError(
            f"Detector {card.id} has only a TensorFlow graph, and TensorFlow is not installed",
            f"{INSTALL}; with it, fakecheck detectors optimize {card.id} makes a model that runs "
            "without",
        ) from error


def resolve_devices(device: str = "auto", engine: str = "auto") -> list[str]:
    """The devices for the worker pool: `["cpu"]`, or one `cuda:N` or more.

    auto is every GPU that the engine can use, else the CPU. Whether a GPU that the caller names can
    be used shows when an engine is opened on it. Raises UsageError for other words.
    """
    _check_engine(engine)
    if device != "auto":
        _check_device(device)
        return [device]
    if engine == "tensorflow":
        from fakecheck.engines.tensorflow import cuda_devices

        return cuda_devices() or ["cpu"]
    # The driver first: where there is none, which is the rule, nothing is imported.
    gpus = _count_gpus()
    if gpus:
        from fakecheck.engines.onnx import cuda_is_built_in

        if cuda_is_built_in():
            return [f"cuda:{n}" for n in range(gpus)]
    return ["cpu"]


def _check_engine(engine: str) -> None:
    if engine not in ENGINES:
        raise UsageError(f"Unknown engine {engine!r}", f"known are {', '.join(ENGINES)}")


def _check_device(device: str) -> None:
    if device != "cpu" and not re.fullmatch(r"cuda:\d{1,3}", device):
        raise UsageError(f"Unknown device {device!r}", "known are auto, cpu and cuda:N (cuda:0)")


def _count_gpus() -> int:
    """How many GPUs the CUDA driver offers; 0 without a driver. ONNX Runtime has no call for it."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int()
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value

"""Reads the weights of a PyTorch state dict (the format before 1.6) into numpy, without PyTorch.

The file is a run of pickles: magic number, protocol, system information, the dict with tensors as
references, the order of the storages; after them every storage, an int64 length and its raw values.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES: dict[str, np.dtype] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor(tuple[Any, ...]):
    """(storage reference, offset, shape, stride, ...) as PyTorch pickles a tensor."""


class _StateDictUnpickler(pickle.Unpickler):
    """Knows only what a state dict needs; every other global is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *arguments: _Tensor(arguments)
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a state dict")

    def persistent_load(self, reference: Any) -> Any:
        return reference


def read_state_dict(path: Path) -> dict[str, NDArray]:
    """Name → array, in PyTorch's own layout (convolutions: out, in, height, width)."""
    with path.open("rb") as file:
        if _StateDictUnpickler(file).load() != MAGIC:
            raise ValueError(f"{path} is no PyTorch state dict of the legacy format")
        for _ in range(2):
            _StateDictUnpickler(file).load()
        tensors: dict[str, _Tensor] = _StateDictUnpickler(file).load()
        order: list[str] = _StateDictUnpickler(file).load()
        kinds = {tensor[0][2]: tensor[0][1] for tensor in tensors.values()}
        storages = {key: _read_storage(file, _DTYPES[kinds[key]]) for key in order}
    return {name: _view(tensor, storages) for name, tensor in tensors.items()}


def _read_storage(file: BinaryIO, dtype: np.dtype) -> NDArray:
    (count,) = np.frombuffer(file.read(8), "<i8")
    return np.frombuffer(file.read(int(count) * dtype.itemsize), dtype)


def _view(tensor: _Tensor, storages: dict[str, NDArray]) -> NDArray:
    reference, offset, shape, stride = tensor[:4]
    flat = storages[reference[2]]
    strides = [step * flat.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(flat[offset:], shape, strides).copy()

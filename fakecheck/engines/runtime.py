"""ONNX Runtime, imported and configured in one place."""

from __future__ import annotations

import os
from typing import Any

from fakecheck.errors import MissingDependencyError

# From 1.29 on the official builds report to Microsoft how they are used, with an identifier of the
# machine (the package's Privacy.md). Set before the import this keeps all of it away.
NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"


def import_onnxruntime() -> Any:
    """The module, which sends nothing anywhere. Raises MissingDependencyError where there is none.

    Where the program around fakecheck has imported it before and left its telemetry on, some of
    that goes on.
    """
    os.environ.setdefault(NO_TELEMETRY, "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            "The onnx engine needs ONNX Runtime, which is not installed", "pip install onnxruntime"
        ) from error
    onnxruntime.disable_telemetry_events()
    return onnxruntime


def session_options(runtime: Any) -> Any:
    """Of a session that runs on the thread that calls it, loads ONNX alone, and logs nothing."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Not by looking at the bytes: only this format has been checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Errors come as exceptions, and warnings about a graph's inside help no user.
    options.log_severity_level = 4
    return options


def plain(name: str) -> str:
    """The name of an input or output; tf2onnx keeps TensorFlow's `:0` behind it."""
    return name.removesuffix(":0")

"""TensorFlow, Keras 2 and the Object Detection API, made to work together again.

Every module of this package that needs TensorFlow takes it from here, never by `import tensorflow`,
so that the mends below are in place before anything of `object_detection` is imported:

* Keras 2 (`tf_keras`) instead of Keras 3, for which the API was not written;
* the API's `_pb2` modules, made by a protoc that today's protobuf refuses, are built again from the
  serialized descriptor that each of them holds (the package ships no `.proto` files);
* `tf.estimator`, which TensorFlow dropped in 2.16, as a stub with the names that the TF2 scripts
  touch when they are imported;
* `case` and `cond` of `control_flow_ops`, which tf_slim's example decoder wants, from
  `tf.compat.v1`.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
import warnings
from collections.abc import Sequence
from pathlib import Path

PROTO_PACKAGE = "object_detection.protos"


class _ProtoFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads `object_detection.protos.*_pb2` from the descriptors embedded in their sources."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not (name.startswith(PROTO_PACKAGE + ".") and name.endswith("_pb2")) or not path:
            return None
        source = Path(next(iter(path))) / (name.rpartition(".")[2] + ".py")
        if not source.exists():
            return None
        return importlib.util.spec_from_file_location(name, source, loader=self)

    def exec_module(self, module: types.ModuleType) -> None:
        from google.protobuf import descriptor_pb2, descriptor_pool
        from google.protobuf.internal import builder

        serialized = _embedded_descriptor(Path(module.__file__ or ""))
        proto = descriptor_pb2.FileDescriptorProto.FromString(serialized)
        for needed in proto.dependency:
            importlib.import_module(needed.removesuffix(".proto").replace("/", ".") + "_pb2")
        descriptor = descriptor_pool.Default().AddSerializedFile(serialized)
        module.DESCRIPTOR = descriptor  # type: ignore[attr-defined]
        builder.BuildMessageAndEnumDescriptors(descriptor, module.__dict__)
        builder.BuildTopDescriptorsAndMessages(descriptor, module.__name__, module.__dict__)


def _embedded_descriptor(source: Path) -> bytes:
    """The `serialized_pb` argument of the FileDescriptor call in a generated module."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            for argument in node.keywords:
                if argument.arg == "serialized_pb" and isinstance(argument.value, ast.Constant):
                    value = argument.value.value
                    if isinstance(value, bytes):
                        return value
    raise ImportError(f"{source} embeds no serialized descriptor")


class _Gone:
    """Stands for every name of tf.estimator: may be named and subclassed, never used."""

    def __init__(self, *_: object, **__: object) -> None:
        raise NotImplementedError("tf.estimator is gone; only the TF2 scripts work")


class _EstimatorStub(types.ModuleType):
    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _EstimatorStub(name) if name.islower() else _Gone


def _mend_tensorflow() -> types.ModuleType:
    import tensorflow
    import tensorflow.compat.v1 as v1
    from tensorflow.python.ops import control_flow_ops

    v1.estimator = _EstimatorStub("estimator")
    for name in ("case", "cond"):
        if not hasattr(control_flow_ops, name):
            setattr(control_flow_ops, name, getattr(v1, name))
    tensorflow.get_logger().setLevel("ERROR")
    return tensorflow


os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
warnings.filterwarnings("ignore", category=DeprecationWarning, module="(tensorflow|tf_keras).*")
sys.meta_path.insert(0, _ProtoFinder())

tf = _mend_tensorflow()
if not tf.keras.Model.__module__.startswith("tf_keras"):
    raise ImportError("tf.keras was used before fakecheck_training.compat was imported")
keras = importlib.import_module("tf_keras")

"""A good package of a tiny drawn detector, and some that are broken in one way each.

Each broken one says what a contributor is told: the check that fails, and its sentence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from fakecheck.card import CARD_FILE, GRAPH_FILE
from tests.bundles import card_fields, message, onnx_model, write_bundle

MODULE = "fakecheck_bright"
PYPROJECT = f"""
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "fakecheck-bright"
version = "1.0.0"

[project.entry-points.fakecheck]
bright = "{MODULE}"

[tool.setuptools.package-data]
{MODULE} = ["*.yaml", "*.pb", "*.pbtxt", "*.onnx"]
"""
CODE = """
from pathlib import Path

from fakecheck.hookspecs import hookimpl


@hookimpl
def fakecheck_detectors():
    return [Path(__file__).parent]
"""
UINT8, FLOAT = 4, 1


def frozen_graph(
    outputs: tuple[str, ...] = (
        "detection_boxes",
        "detection_scores",
        "detection_classes",
        "num_detections",
    ),
    *,
    dtype: int = UINT8,
    extra: tuple[str, ...] = (),
) -> bytes:
    """A GraphDef with the ends of the contract, or others. It is read, and never run.

    `dtype` is that of its input, by the numbers of TensorFlow's types.proto; `extra` are ops.
    """
    free = message((2, message((1, (1 << 64) - 1))))
    shape = free * 3 + message((2, message((1, 3))))
    attributes = [
        (5, message((1, "dtype"), (2, message((6, dtype))))),
        (5, message((1, "shape"), (2, message((7, shape))))),
    ]
    nodes = [message((1, "image_tensor"), (2, "Placeholder"), *attributes)]
    of_floats = (5, message((1, "T"), (2, message((6, FLOAT)))))
    nodes += [
        message((1, name), (2, "Identity"), (3, "image_tensor"), of_floats) for name in outputs
    ]
    nodes += [message((1, f"extra{n}"), (2, op)) for n, op in enumerate(extra)]
    return message(*((1, node) for node in nodes))


def model_with(name: str, value: Any) -> bytes:
    """The model of tests.bundles with another constant: `boxes`, (1, k, 4)."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(onnx_model())
    for constant in model.graph.initializer:
        if constant.name == name:
            constant.CopyFrom(numpy_helper.from_array(np.asarray(value, np.float32), name))
    data: bytes = model.SerializeToString()
    return data


def good_bundle(folder: Path, **changes: Any) -> Path:
    """A bundle that passes every check; see `write_bundle`. Needs the package `onnx`."""
    parts = {"graph": frozen_graph(), "onnx": onnx_model(), **changes}
    return write_bundle(folder, **parts)


def good_package(folder: Path, **changes: Any) -> Path:
    """A package's folder that passes every check, with the bundle in its module's folder."""
    module = folder / MODULE
    good_bundle(module, **changes)
    (module / "__init__.py").write_text(CODE, encoding="utf-8")
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (folder / "LICENSE").write_text("Apache License, Version 2.0\n", encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Broken:
    """One way to break a package.

    `build` makes it in a folder; `check` fails and says `sentence`, in which {folder} is the
    package's and {module} its module's. `load`: it shows only when the detector is run.
    `installed`: the package has to be installed to show it, and is asked for by its id.
    """

    name: str
    build: Callable[[Path], object]
    check: str
    sentence: str
    load: bool = False
    installed: bool = False


def _bad_yaml(folder: Path) -> None:
    card = good_package(folder) / MODULE / CARD_FILE
    card.write_text("id: bright\nclasses: [1\nfamily: stargan\n", encoding="utf-8")


def _hole_in_ids(folder: Path) -> None:
    classes = card_fields()["classes"]
    good_package(folder, classes=[classes[0], {**classes[1], "id": 3}])


def _hole_in_label_map(folder: Path) -> None:
    text = "item { id: 1 name: 'face_synthesis' }\nitem { id: 3 name: 'mouth_partswap' }\n"
    good_package(folder, labels=text)


def _wrong_sha256(folder: Path) -> None:
    graph = good_package(folder) / MODULE / GRAPH_FILE
    graph.write_bytes(frozen_graph(extra=("NoOp",)))


def _unknown_class(folder: Path) -> None:
    first, second = card_fields()["classes"]
    labels = "item { id: 1 name: 'ear_glow' }\nitem { id: 2 name: 'mouth_partswap' }\n"
    good_package(folder, classes=[{**first, "name": "ear_glow"}, second], labels=labels)


def _import_error(folder: Path) -> None:
    module = good_package(folder) / MODULE / "__init__.py"
    module.write_text(f"import a_package_that_is_not_there\n{CODE}", encoding="utf-8")


def _no_licence(folder: Path) -> None:
    (good_package(folder) / "LICENSE").unlink()


def _unwritten_licence(folder: Path) -> None:
    (good_package(folder) / "LICENSE").write_text("TODO the text of CC-BY-4.0\n", encoding="utf-8")


BROKEN = (
    Broken(
        "bad YAML",
        _bad_yaml,
        "card.schema",
        "{module}/detector.yaml: no valid YAML in line 3: did not find expected ',' or ']'",
    ),
    Broken(
        "unknown class",
        _unknown_class,
        "words.classes",
        "class 'ear_glow' is no <region>_<artifact> of the registry's artifacts.yaml",
    ),
    Broken(
        "hole in ids",
        _hole_in_ids,
        "card.schema",
        "{module}/detector.yaml: classes: ids must count from 1 without holes, got [1, 3]",
    ),
    Broken(
        "hole in the label map",
        _hole_in_label_map,
        "label_map",
        "class 2 is mouth_partswap on the card and missing in label_map.pbtxt",
    ),
    Broken(
        "wrong sha256",
        _wrong_sha256,
        "files.sha256",
        "the sha256 of frozen_inference_graph.pb differs from the one on the card",
    ),
    Broken(
        "forbidden op",
        lambda folder: good_package(folder, graph=frozen_graph(extra=("WriteFile",))),
        "graph.ops",
        "frozen_inference_graph.pb holds the forbidden op WriteFile",
    ),
    Broken(
        "wrong tensor names",
        lambda folder: good_package(folder, graph=frozen_graph(("boxes", "scores"))),
        "graph.ends",
        "frozen_inference_graph.pb lacks the output detection_boxes, it has boxes, scores",
    ),
    Broken(
        "float input",
        lambda folder: good_package(folder, graph=frozen_graph(dtype=FLOAT)),
        "graph.ends",
        "frozen_inference_graph.pb: image_tensor must be uint8, it is float32",
    ),
    Broken(
        "boxes out of range",
        lambda folder: good_package(
            folder, onnx=model_with("boxes", [[[0.1, 0.2, 32, 32], [0, 0, 1, 1], [0, 0, 0, 0]]])
        ),
        "run.boxes",
        "detection_boxes must lie in 0..1, got 0.1, 0.2, 32, 32",
        load=True,
    ),
    Broken(
        "NaN scores",
        lambda folder: good_package(folder, onnx=onnx_model(scores=float("nan"))),
        "run.outputs",
        "detection_boxes or detection_scores hold NaN or infinity",
        load=True,
    ),
    Broken(
        "import error",
        _import_error,
        "plugin.hook",
        "the installed plug-in fakecheck-bright 1.0 cannot be used: importing fakecheck_bright "
        "raised ModuleNotFoundError: No module named 'a_package_that_is_not_there'",
        load=True,
        installed=True,
    ),
    Broken(
        "duplicate id",
        lambda folder: good_package(folder, id="stargan"),
        "card.id",
        "the id stargan is also that of a detector in fakecheck "
        f"{metadata.version('fakecheck')}, which is installed",
    ),
    Broken(
        "licence missing",
        _no_licence,
        "package.licence",
        "{folder} holds no licence: a file LICENSE, LICENCE or COPYING with its text",
    ),
    Broken(
        "licence still to be written",
        _unwritten_licence,
        "package.licence",
        "{folder}/LICENSE still has a TODO in it",
    ),
)


def sha256(folder: Path) -> dict[str, str]:
    """Name → sha256 of the files in `folder`, to see that nothing was written."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file()
    }

"""What validation reads without running anything: packages' folders, and the ends of graphs."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from fakecheck.card import load_card
from fakecheck.errors import InputError, MissingDependencyError, PluginError
from fakecheck.graph_ends import End, check_ends, onnx_ends, tensorflow_ends
from fakecheck.validate.alone import run_alone
from fakecheck.validate.drawn import HUGE, TINY, drawn_scene, own_batch
from fakecheck.validate.findings import Check, Examination, apart, counted
from fakecheck.validate.package_checks import PACKAGE_CHECKS
from fakecheck.validate.project import project_around, read_project
from fakecheck.validate.target import find_target
from tests.broken_packages import MODULE, frozen_graph, good_bundle, good_package
from tests.bundles import make_card, message, onnx_model, write_bundle

RESOURCES = Path(__file__).parent / "resources"


@pytest.fixture
def package(tmp_path):
    pytest.importorskip("onnx", reason="the models of these tests are made with onnx")
    return good_package(tmp_path / "package")


def findings(package):
    project = read_project(package)
    assert project is not None
    return {one.check: one for one in Examination(project, PACKAGE_CHECKS).findings()}


def rewrite(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "check", "sentence"),
    [
        (
            "fakecheck]\nbright",
            "other]\nbright",
            "entry_point",
            "names an entry point in the group",
        ),
        (f'= "{MODULE}"', '= "nowhere"', "entry_point", "the module nowhere, which is not in"),
        (f'= "{MODULE}"', '= "a b"', "entry_point", "is 'a b', which is no module"),
        ('"*.pb", ', "", "data_files", f"will lack {MODULE}/frozen_inference_graph.pb"),
        ('"*.yaml", ', "", "data_files", f"will lack {MODULE}/detector.yaml"),
        (
            "[tool.setuptools.package-data]",
            "[tool.setuptools]\npackages = []\n[tool.setuptools.package-data]",
            "data_files",
            f"will lack {MODULE}: packages does not name it",
        ),
        (
            "[tool.setuptools.package-data]",
            '[tool.setuptools.exclude-package-data]\n"*" = ["*.pb"]\n'
            "[tool.setuptools.package-data]",
            "data_files",
            f"will lack {MODULE}/frozen_inference_graph.pb",
        ),
    ],
)
def test_what_pyproject_lacks(package, old, new, check, sentence):
    rewrite(package / "pyproject.toml", old, new)
    found = findings(package)[f"package.{check}"]
    assert found.status == "failed"
    assert sentence in found.message


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("def (", "line 1: invalid syntax"),
        ("x = 1", "defines no fakecheck_detectors"),
        ("def fakecheck_detectors(): ...", "fakecheck_detectors has no @hookimpl over it"),
    ],
)
def test_a_module_without_a_hook(package, code, sentence):
    (package / MODULE / "__init__.py").write_text(code, encoding="utf-8")
    found = findings(package)["package.hook"]
    assert found.status == "failed"
    assert sentence in found.message


@pytest.mark.parametrize(
    "code",
    ["from .a import fakecheck_detectors", "fakecheck_detectors = print", "from .a import *"],
)
def test_other_ways_to_have_a_hook(package, code):
    (package / MODULE / "__init__.py").write_text(code, encoding="utf-8")
    assert findings(package)["package.hook"].status == "ok"


def test_a_bundle_beside_the_package_is_in_no_wheel(package):
    good_bundle(package / "data")
    found = findings(package)["package.data_files"]
    assert found.status == "failed"
    assert "will lack data, which lies in none of its packages" in found.message


def test_data_of_a_package_within_the_package(package):
    inner = package / MODULE / "inner"
    good_bundle(inner)
    assert findings(package)["package.data_files"].status == "failed"
    (inner / "__init__.py").touch()
    with (package / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(f'"{MODULE}.inner" = ["*.yaml", "*.pb", "*.pbtxt", "*.onnx"]\n')
    assert findings(package)["package.data_files"].status == "ok"


def test_setup_cfg_and_a_src_folder_will_do(package):
    (package / "pyproject.toml").unlink()
    (package / "src").mkdir()
    (package / MODULE).rename(package / "src" / MODULE)
    (package / "setup.cfg").write_text(
        "[metadata]\nname = My_Bright\n[options]\npackage_dir =\n    = src\n"
        f"[options.entry_points]\nfakecheck =\n    bright = {MODULE}\n"
        "[options.package_data]\n* = *.yaml, *.pb, *.pbtxt, *.onnx\n",
        encoding="utf-8",
    )
    assert {one.status for one in findings(package).values()} == {"ok"}
    target = find_target(str(package))
    assert [one.folder for one in target.bundles] == [package / "src" / MODULE]
    assert target.bundles[0].distribution == "My_Bright"


def test_other_backends_take_all_files(package):
    rewrite(package / "pyproject.toml", "setuptools.build_meta", "hatchling.build")
    rewrite(package / "pyproject.toml", '"*.yaml", "*.pb", "*.pbtxt", "*.onnx"', "")
    assert findings(package)["package.data_files"].status == "skipped"


def test_a_package_without_a_detector(package):
    (package / MODULE / "detector.yaml").unlink()
    assert findings(package)["package.bundles"].status == "failed"


def test_bundles_of_other_packages_and_of_tests_are_not_its_own(package):
    good_package(package / "other")
    good_bundle(package / "tests" / "broken")
    good_bundle(package / ".hidden" / "one")
    project = read_project(package)
    assert project is not None
    assert project.bundles == (package / MODULE,)
    around = project_around(package / MODULE)
    assert around is not None
    assert around.folder == package.resolve()
    assert project_around(package / "tests" / "broken") is None


def test_a_project_file_that_cannot_be_parsed(package):
    (package / "pyproject.toml").write_text("[project\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"pyproject.toml: cannot be read: "):
        find_target(str(package))
    (package / "pyproject.toml").write_text("a = " + "[" * 3000, encoding="utf-8")
    with pytest.raises(InputError, match=r"pyproject.toml: cannot be read: "):
        find_target(str(package))
    # A bundle inside of it can still be looked at.
    assert find_target(str(package / MODULE)).bundles[0].distribution is None


def test_the_settings_of_tools_make_no_package(tmp_path):
    (tmp_path / "setup.cfg").write_text("[flake8]\nmax-line-length = 100\n", encoding="utf-8")
    assert read_project(tmp_path) is None


def test_ends_of_a_tensorflow_graph(tmp_path):
    ends = tensorflow_ends(frozen_graph())
    assert ends.inputs == (End("image_tensor", "uint8", (None, None, None, 3)),)
    assert ends.outputs["detection_boxes"] == End("detection_boxes", "float32", None)
    assert "uint8 in, 4 out" in check_ends(ends, make_card(tmp_path), "it")


def test_ends_of_an_onnx_model(tmp_path):
    pytest.importorskip("onnx")
    ends = onnx_ends(onnx_model())
    assert ends.inputs == (End("image_tensor", "uint8", (None, None, None, 3)),)
    assert ends.outputs["detection_boxes"] == End("detection_boxes", "float32", (None, 3, 4))
    with pytest.raises(PluginError, match="it lacks the output detection_boxes, it has num_det"):
        check_ends(onnx_ends(onnx_model(keep=("num_detections",))), make_card(tmp_path), "it")
    with pytest.raises(PluginError, match="image_tensor must be uint8, it is float32"):
        check_ends(onnx_ends(onnx_model(dtype="FLOAT")), make_card(tmp_path), "it")


def _placeholder(name: str, *sizes: int) -> bytes:
    dims = b"".join(message((2, message((1, size % (1 << 64))))) for size in sizes)
    return message(
        (1, name),
        (2, "Placeholder"),
        (5, message((1, "dtype"), (2, message((6, 4))))),
        (5, message((1, "shape"), (2, message((7, dims))))),
    )


@pytest.mark.parametrize(
    ("nodes", "sentence"),
    [
        ([("picture", -1, 32, 32, 3)], "must have the one input image_tensor, it has picture"),
        ([("image_tensor", 1, 32, 32, 3)], r"takes batches of 1 only, \(1, 32, 32, 3\)"),
        ([("image_tensor", -1, 64, 32, 3)], r"is \(\?, 64, 32, 3\), and the card feeds it \(n, 32"),
        ([("image_tensor", 32, 32, 3)], r"must be \(n, h, w, 3\), it is \(32, 32, 3\)"),
        ([("image_tensor", -1, -1, -1, 3), ("mode", 1)], "it has image_tensor, mode"),
    ],
)
def test_ends_that_break_the_contract(tmp_path, nodes, sentence):
    graph = message(*((1, _placeholder(name, *sizes)) for name, *sizes in nodes))
    with pytest.raises(PluginError, match=sentence):
        check_ends(tensorflow_ends(graph), make_card(tmp_path), "it")


@pytest.mark.parametrize("cut", range(1, 200, 13))
def test_cut_off_graphs_raise_nothing_else(cut):
    for read, data in ((tensorflow_ends, frozen_graph()), (onnx_ends, frozen_graph())):
        with suppress(PluginError):
            read(data[:cut])


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(-11, "ended its process by SIGSEGV"), (7, "ended its process with code 7")],
)
def test_a_graph_that_takes_its_process_down(tmp_path, monkeypatch, code, sentence):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], code))
    with pytest.raises(PluginError, match=sentence):
        run_alone(make_card(tmp_path))


def test_a_graph_that_never_ends(tmp_path, monkeypatch):
    def forever(*_, **__):
        raise subprocess.TimeoutExpired("x", 1)

    monkeypatch.setattr(subprocess, "run", forever)
    with pytest.raises(PluginError, match="took more than 300 s, and was ended"):
        run_alone(make_card(tmp_path))


def test_a_detector_for_tensorflow_without_tensorflow(tmp_path, monkeypatch):
    # The process imports from there before anything that is installed.
    stand_in = tmp_path / "path" / "tensorflow.py"
    stand_in.parent.mkdir()
    stand_in.write_text("raise ImportError", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(stand_in.parent))
    with pytest.raises(MissingDependencyError, match="needs TensorFlow, which is not installed"):
        run_alone(load_card(write_bundle(tmp_path / "bundle")))


def test_drawn_faces_are_where_they_are_said_to_be():
    for size in (TINY, 120.0, HUGE):
        (face,) = drawn_scene(size).faces
        assert face.size == pytest.approx(size, abs=2)
        assert (face.landmarks >= face.xyxy[:2]).all()
        assert (face.landmarks <= face.xyxy[2:]).all()
    cut = drawn_scene(120, left_out=0.6)
    assert cut.faces[0].xyxy[0] == 0
    assert drawn_scene(120, 1).image.tolist() == drawn_scene(120, 1).image.tolist()


def test_faces_of_ones_own(tmp_path):
    batch = own_batch(make_card(tmp_path / "bundle"), RESOURCES)
    assert batch.shape[1:] == (32, 32, 3)
    assert len(batch) >= 2
    with pytest.raises(InputError, match="holds no picture in which a face is found"):
        own_batch(make_card(tmp_path / "bundle"), tmp_path)


def test_a_check_is_made_once_and_what_it_blocks_is_skipped():
    made = []

    def fail(subject):
        made.append(subject)
        raise PluginError("broken", "mend it")

    checks = [
        Check("c", lambda _: "fine", ("b",)),
        Check("b", lambda _: "fine", ("a",)),
        Check("a", fail),
    ]
    found = Examination("subject", checks).findings()
    assert made == ["subject"]
    assert [one.status for one in found] == ["skipped", "skipped", "failed"]
    assert found[0].message == "needs b, which has not passed"
    assert found[2].advice == "mend it"


def test_words_for_numbers():
    assert [counted(1, "class"), counted(2, "class"), counted(3, "box")] == [
        "1 class",
        "2 classes",
        "3 boxes",
    ]
    assert [apart(0.0), apart(2.3e-7)] == ["equal", "within 2e-07"]


def test_finding_a_target_imports_nothing_of_it(package):
    before = set(sys.modules)
    find_target(str(package))
    assert MODULE not in set(sys.modules) - before

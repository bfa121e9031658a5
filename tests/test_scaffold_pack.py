"""`fakecheck detectors pack`: what a graph tells, and the card that it fills."""

from __future__ import annotations

import hashlib
import shutil
import struct
from pathlib import Path

import pytest
import yaml

import fakecheck_detectors
from fakecheck.card import (
    CARD_FILE,
    GRAPH_FILE,
    LABEL_MAP_FILE,
    ONNX_FILE,
    DetectorCard,
    load_card,
)
from fakecheck.card_text import open_fields, open_paths, replace_fields
from fakecheck.cli.main import run
from fakecheck.engines.convert import Agreement
from fakecheck.engines.optimize import record_sha256
from fakecheck.errors import (
    CardError,
    FakecheckError,
    GraphRefusedError,
    InputError,
    MissingDependencyError,
    PluginError,
    UsageError,
)
from fakecheck.graph import check_bundle
from fakecheck.scaffold import pack as module
from fakecheck.scaffold.graph_facts import read_graph_facts
from fakecheck.scaffold.names import Names
from fakecheck.scaffold.pack import find_bundle, find_package, pack_bundle
from fakecheck.scaffold.render import NewPackage, render_package
from tests.bundles import label_map, message

BUNDLED = Path(fakecheck_detectors.__file__).parent
OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")


def node(name: str, op: str, *sources: str, **attributes: bytes) -> bytes:
    """A NodeDef."""
    entries = [(5, message((1, key), (2, value))) for key, value in attributes.items()]
    return message((1, name), (2, op), *((3, source) for source in sources), *entries)


def shape(*sizes: int) -> bytes:
    """An AttrValue with a shape; -1 is a free size."""
    dims = [(2, message((1, size if size >= 0 else (1 << 64) - 1))) for size in sizes]
    return message((7, message(*dims)))


def int32(*values: int, packed: bool = False) -> bytes:
    """An AttrValue with a tensor of int32, in either way of writing it."""
    content = (7, bytes(values)) if packed else (4, struct.pack(f"<{len(values)}i", *values))
    return message((8, message((1, 3), content)))


def graph(
    *nodes: bytes, sizes: tuple[int, ...] = (-1, -1, -1, 3), dtype: int = 4, missing: str = ""
) -> bytes:
    """A GraphDef with the classic ends and `nodes` between them."""
    given = node("image_tensor", "Placeholder", dtype=message((6, dtype)), shape=shape(*sizes))
    ends = [node(name, "Identity", "image_tensor") for name in OUTPUTS if name != missing]
    return message(*((1, one) for one in (given, *nodes, *ends)))


RESIZE = (
    node("Cast", "Cast", "image_tensor:0"),
    node("scaled", "Mul", "Cast", "factor"),
    node("resize", "ResizeBilinear", "scaled", "size"),
)


@pytest.fixture
def package(tmp_path) -> Path:
    folder = tmp_path / "fakecheck-mygan"
    render_package(NewPackage(Names.of("mygan"), "mygan", "synthesis", ["face"]), folder)
    return folder / "fakecheck_mygan"


@pytest.fixture(autouse=True)
def converter(monkeypatch):
    """A converter that makes three bytes, or raises what the test puts into the list."""
    failures: list[FakecheckError] = []

    def optimize_bundle(card: DetectorCard) -> Agreement:
        if failures:
            raise failures[0]
        (card.folder / ONNX_FILE).write_bytes(b"abc")
        path = card.folder / CARD_FILE
        digest = hashlib.sha256(b"abc").hexdigest()
        path.write_text(record_sha256(path.read_text(), ONNX_FILE, digest))
        return Agreement(12, 1e-7, 1e-7)

    monkeypatch.setattr(module, "optimize_bundle", optimize_bundle)
    return failures


def files(
    folder: Path, data: bytes, labels: str = label_map(("face_synthesis",))
) -> tuple[Path, Path]:
    paths = folder / "graph.pb", folder / "labels.pbtxt"
    paths[0].write_bytes(data)
    paths[1].write_text(labels)
    return paths


@pytest.mark.parametrize(
    "card", sorted(BUNDLED.glob(f"*/{CARD_FILE}")), ids=lambda p: p.parent.name
)
def test_bundled_graphs_tell_their_size(card):
    wanted = load_card(card.parent).input
    facts = read_graph_facts((card.parent / GRAPH_FILE).read_bytes(), GRAPH_FILE)
    if facts.resized is not None:
        assert facts.resized == (wanted.width, wanted.height)
    assert facts.nodes > 500
    assert "image_tensor" in [end.name for end in facts.ends.inputs]


@pytest.mark.parametrize("packed", [False, True])
def test_a_graph_that_resizes(packed):
    data = graph(*RESIZE, node("size", "Const", value=int32(96, 112, packed=packed)))
    facts = read_graph_facts(data, "it")
    assert facts.fixed is None
    assert facts.resized == (112, 96)


def test_one_value_stands_for_both():
    data = graph(*RESIZE, node("size", "Const", value=int32(96, packed=True)))
    assert read_graph_facts(data, "it").resized == (96, 96)


def test_sizes_that_are_not_plain():
    for size in (
        node("size", "Shape", "image_tensor"),
        node("size", "Const", value=int32(1, 2, 3)),
    ):
        assert read_graph_facts(graph(*RESIZE, size), "it").resized is None
    assert read_graph_facts(graph(), "it").resized is None


def test_a_graph_of_fixed_size():
    assert read_graph_facts(graph(sizes=(-1, 80, 96, 3)), "it").fixed == (96, 80)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "holds no op"),
        (b"item { id: 1 }", "damaged or no graph"),
        (graph(node("v", "VarHandleOp")), "holds variables: it is not frozen"),
        (graph(node("f", "ReadFile")), "forbidden op ReadFile"),
    ],
)
def test_graphs_that_are_refused(data, cause):
    with pytest.raises(GraphRefusedError, match=f"^it .*{cause}|^it {cause}"):
        read_graph_facts(data, "it")


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"missing": "num_detections"}, "lacks the output num_detections"),
        ({"dtype": 1}, "image_tensor must be uint8"),
        ({"sizes": (1, -1, -1, 3)}, "batches of 1 only"),
        ({"sizes": (-1, 160, 160)}, r"image_tensor must be \(n, h, w, 3\)"),
    ],
)
def test_wrong_ends_write_nothing(package, tmp_path, given, cause):
    before = {path.name: path.read_bytes() for path in package.iterdir()}
    with pytest.raises(PluginError, match=cause):
        pack_bundle(package, *files(tmp_path, graph(**given)))
    assert {path.name: path.read_bytes() for path in package.iterdir()} == before


@pytest.mark.parametrize(
    ("labels", "cause"),
    [
        ("", "holds no item"),
        ("item { id: 2 name: 'face_blur' }", "ids must count from 1"),
        ("item { id: 1 name: 'Face Blur' }", r"classes\.0\.name"),
        ("nonsense", "expected item"),
    ],
)
def test_wrong_label_maps_write_nothing(package, tmp_path, labels, cause):
    with pytest.raises(PluginError, match=cause):
        pack_bundle(package, *files(tmp_path, graph(), labels))
    assert not (package / GRAPH_FILE).exists()


def test_binary_label_map_and_saved_model(package, tmp_path):
    data, labels = files(tmp_path, graph())
    with pytest.raises(CardError, match="is no label map: it is not text"):
        pack_bundle(package, data, BUNDLED / "stargan" / GRAPH_FILE)
    saved = tmp_path / "saved_model.pb"
    saved.write_bytes(b"")
    with pytest.raises(GraphRefusedError, match="is a SavedModel"):
        pack_bundle(package, saved, labels)
    with pytest.raises(InputError, match="cannot be read"):
        pack_bundle(package, tmp_path / "none.pb", labels)


def test_pack_fills_the_card(package, tmp_path):
    data = graph(*RESIZE, node("size", "Const", value=int32(96, 96)))
    paths = files(tmp_path, data, label_map(("face_blur", "face_dotnoise")))
    packed = pack_bundle(package, *paths, color="rgb")
    card = load_card(package)
    assert packed.card == card
    assert (card.input.width, card.input.height, card.input.color) == (96, 96, "rgb")
    assert [(spec.id, spec.name) for spec in card.classes] == [
        (1, "face_blur"),
        (2, "face_dotnoise"),
    ]
    assert all(spec.calibration.max_llr == 0 for spec in card.classes)
    assert card.files[GRAPH_FILE] == hashlib.sha256(data).hexdigest()
    assert (package / GRAPH_FILE).read_bytes() == data
    assert card.files[ONNX_FILE] == hashlib.sha256(b"abc").hexdigest()
    assert packed.agreement is not None
    assert packed.is_new
    assert packed.is_silent
    # What only the contributor knows is still marked, and comments are still there.
    assert list(packed.left) == open_fields((package / CARD_FILE).read_text())
    assert packed.left[1].startswith("summary")
    assert not any("input" in field for field in packed.left)
    assert "# The form of this file." in (package / CARD_FILE).read_text()


def test_a_label_map_with_a_byte_order_mark(package, tmp_path):
    labels = "\ufeff" + label_map(("face_blur",))
    card = pack_bundle(package, *files(tmp_path, graph(), labels)).card
    assert [spec.name for spec in card.classes] == ["face_blur"]


def test_without_a_converter_the_bundle_is_whole(package, tmp_path, converter):
    converter.append(MissingDependencyError("no tensorflow", "pip install it"))
    packed = pack_bundle(package, *files(tmp_path, graph()))
    assert packed.problem is converter[0]
    assert packed.card.onnx is None
    check_bundle(packed.card)


def test_packing_the_same_again_keeps_what_was_fitted(package, tmp_path):
    paths = files(tmp_path, graph())
    pack_bundle(package, *paths)
    text = (package / CARD_FILE).read_text()
    classes = yaml.safe_load(text)["classes"]
    classes[0]["calibration"] = {"slope": 2.0, "intercept": 1.0, "min_llr": -3.0, "max_llr": 3.0}
    (package / CARD_FILE).write_text(replace_fields(text, {"classes": classes}))
    again = pack_bundle(package, *paths)
    assert not again.is_new
    assert not again.is_silent
    assert again.agreement is None
    assert again.card.files[ONNX_FILE] == hashlib.sha256(b"abc").hexdigest()

    other = pack_bundle(package, *files(tmp_path, graph(node("more", "Const"))))
    assert other.is_new
    assert other.is_silent


def test_another_graph_takes_the_old_model_away(package, tmp_path, converter):
    pack_bundle(package, *files(tmp_path, graph()))
    assert (package / ONNX_FILE).exists()
    converter.append(MissingDependencyError("no tensorflow"))
    packed = pack_bundle(package, *files(tmp_path, graph(node("more", "Const"))))
    assert packed.card.onnx is None
    assert not (package / ONNX_FILE).exists()


def test_size_and_colour(package, tmp_path):
    free = files(tmp_path, graph())
    assert pack_bundle(package, *free).card.input.width == 160
    card = pack_bundle(package, *free, side=200, color="bgr").card
    assert (card.input.width, card.input.height, card.input.color) == (200, 200, "bgr")
    assert pack_bundle(package, *free).card.input.width == 200
    fixed = files(tmp_path, graph(sizes=(-1, 80, 96, 3)))
    assert pack_bundle(package, *fixed).card.input.height == 80
    with pytest.raises(UsageError, match="96 x 80 pixels only"):
        pack_bundle(package, *fixed, side=96)


def open_input(folder: Path) -> list[str]:
    return [path for path in open_paths((folder / CARD_FILE).read_text()) if "input" in path]


def test_a_size_and_an_order_that_nobody_said_stay_marked(package, tmp_path):
    free = files(tmp_path, graph())
    left = pack_bundle(package, *free).left
    assert [one.split(" ")[0] for one in left if "input" in one] == [
        "input.width",
        "input.height",
        "input.color",
    ]
    # Not on any other account: another graph, or one thing said.
    pack_bundle(package, *files(tmp_path, graph(node("more", "Const"))), color="bgr")
    assert open_input(package) == ["input.width", "input.height"]
    assert load_card(package).input.color == "bgr"
    pack_bundle(package, *free, side=160)
    assert open_input(package) == []
    # What the contributor has chosen by hand is not marked again.
    assert pack_bundle(package, *free).card.input.width == 160
    assert open_input(package) == []


@pytest.mark.parametrize(
    "data",
    [
        graph(sizes=(-1, 96, 96, 3)),
        graph(*RESIZE, node("size", "Const", value=int32(160, 160))),
    ],
    ids=["fixed", "resized"],
)
def test_a_size_that_the_graph_tells_is_not_marked(package, tmp_path, data):
    pack_bundle(package, *files(tmp_path, data))
    assert open_input(package) == ["input.color"]


def test_packages_are_found(package, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for where in ("mygan", "fakecheck-mygan", "./fakecheck-mygan", str(package)):
        assert find_bundle(find_package(where)).resolve() == package
    with pytest.raises(UsageError, match="no folder fakecheck-other"):
        find_package("other")
    with pytest.raises(UsageError, match="no folder some/where"):
        find_package("some/where")
    second = shutil.copytree(package, package.parent / "second")
    with pytest.raises(UsageError, match=r"holds 2 detectors .*name the folder of one"):
        find_bundle(find_package("mygan"))
    shutil.rmtree(second)
    (package / CARD_FILE).unlink()
    with pytest.raises(UsageError, match=r"holds no detector\.yaml"):
        find_bundle(find_package("mygan"))


def test_command(package, tmp_path, capsys, converter):
    graph_path, labels = (str(path) for path in files(tmp_path, graph()))
    assert run(["detectors", "pack", graph_path, labels, str(package.parent)]) == 0
    said = capsys.readouterr()
    assert "classes      1 face_synthesis\n" in said.out
    assert "to fill in   architecture (line " in said.out
    assert "160 x 160 rgb pixels, a guess: the graph takes any, so say --side\n" in said.out
    assert "--calibrate" in said.err
    assert run(["detectors", "pack", labels, graph_path, str(package.parent)]) == 1
    assert run(["detectors", "pack", "none.pb", labels, str(package.parent)]) == 2
    converter.append(PluginError("tf2onnx cannot convert it"))
    Path(graph_path).write_bytes(graph(node("more", "Const")))
    assert run(["detectors", "pack", graph_path, labels, str(package.parent)]) == 1
    assert "model.onnx   not made: tf2onnx cannot convert it" in capsys.readouterr().out


def test_another_size_or_colour_is_another_detector(package, tmp_path):
    paths = files(tmp_path, graph())
    pack_bundle(package, *paths, side=160)
    path = package / CARD_FILE
    path.write_text(path.read_text().replace("threshold: 1.0", "threshold: 0.25"))
    assert not pack_bundle(package, *paths, side=160).is_new
    assert load_card(package).classes[0].threshold == 0.25
    for change in ({"side": 200}, {"color": "bgr"}):
        packed = pack_bundle(package, *paths, **change)
        assert packed.is_new
        assert packed.card.classes[0].threshold == 1.0


def test_a_model_that_is_gone_is_made_again(package, tmp_path):
    paths = files(tmp_path, graph())
    pack_bundle(package, *paths)
    # Also of the bundle's own files, as `validate` advises.
    for graph_path, labels in (paths, (package / GRAPH_FILE, package / LABEL_MAP_FILE)):
        (package / ONNX_FILE).unlink()
        packed = pack_bundle(package, graph_path, labels)
        assert packed.agreement is not None
        assert not packed.is_new
        assert (package / ONNX_FILE).exists()


@pytest.mark.parametrize("text", ["files: [x]", "input: 160", "a: &x [*x]"])
def test_a_card_of_another_form_is_one_error(package, tmp_path, text):
    path = package / CARD_FILE
    key = text.split(":")[0]
    lines = [line for line in path.read_text().splitlines() if not line.startswith((key, " "))]
    path.write_text("\n".join([*lines, text]) + "\n")
    with pytest.raises(CardError, match=CARD_FILE):
        pack_bundle(package, *files(tmp_path, graph()))

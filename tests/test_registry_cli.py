"""`fakecheck registry`, run within this process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from fakecheck.card import CARD_FILE, GRAPH_FILE
from fakecheck.cli.main import run
from fakecheck.errors import ExitCode
from fakecheck.index import FAMILIES_FILE, INDEX_FILE, Registry, read_registry
from fakecheck.index_files import CARDS, PAGE_FILE, artifacts_of
from fakecheck.installed import InstalledDetector, Origin
from fakecheck.plugins import PluginHost
from tests.bundles import card_fields, graph_def, make_card, write_bundle
from tests.index_samples import entry

REGISTRY = Path(__file__).parents[1] / "registry"


@pytest.fixture
def fakecheck(capsys, monkeypatch):
    """Runs a command line at 80 columns and gives its exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*args):
        code = run(["registry", *(str(arg) for arg in args)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def known(tmp_path, monkeypatch):
    """An index of two detectors, which the commands find."""
    real = read_registry(REGISTRY)
    low = entry(
        write_bundle(tmp_path / "low", id="lowgan", family="lowres_gan", kind="synthesis"),
        "fc-lowgan",
    )
    edits = entry(write_bundle(tmp_path / "edits", id="edits"), "fc-edits", source="contrib/edits")
    registry = Registry(real.families, real.artifacts, (edits, low))
    monkeypatch.setattr("fakecheck.cli.registry.registry", lambda: registry)
    return registry


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A checkout's `registry/` with its words, an empty index and no card."""
    folder = tmp_path / "checkout" / "registry"
    (folder / CARDS).mkdir(parents=True)
    for name in ("artifacts.yaml", FAMILIES_FILE):
        shutil.copyfile(REGISTRY / name, folder / name)
    return folder


def project(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    return folder


def test_list(fakecheck, known):
    code, out, _ = fakecheck("list")
    assert code == ExitCode.OK
    assert out.index("edits") < out.index("lowgan")
    for part in ("lowres_gan", "synthesis (face)", "0.900 drawn", "fc-edits"):
        assert part in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (100, ["detector", "family", "finds", "ROC", "AUC", "from"]),
        (60, ["detector", "family", "finds", "from"]),
        (46, ["detector", "family", "finds"]),
    ],
)
def test_list_leaves_out_columns_before_it_folds_words(fakecheck, monkeypatch, width, titles):
    real = read_registry(REGISTRY)
    monkeypatch.setattr("fakecheck.cli.registry.registry", lambda: real)
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = fakecheck("list")
    assert code == ExitCode.OK
    lines = out.splitlines()
    assert lines[0].split() == titles
    assert max(map(len, lines)) <= width
    for word in ("synthesis", "gridnoise,", "lowres_gan", "attribute edit"):
        assert word in out
    assert ("fakecheck-" in out) == ("from" in titles)


def test_list_as_json(fakecheck, known):
    content = json.loads(fakecheck("list", "--format", "json")[1])
    assert [one["id"] for one in content["detectors"]] == ["edits", "lowgan"]
    assert content["detectors"][0]["files"] == known.entries[0].files
    assert content["detectors"][0]["accuracy"][0]["auc"] == 0.9


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["LOWGAN"], ["lowgan"]),
        (["dcgan"], ["lowgan"]),
        (["wasserstein"], ["lowgan"]),
        (["attribute", "edit"], ["edits"]),
        (["attribute", "lowgan"], []),
        (["partswap"], ["edits", "lowgan"]),
        (["mouth_partswap"], ["edits", "lowgan"]),
        (["bright"], ["edits", "lowgan"]),
    ],
    ids=" ".join,
)
def test_search(fakecheck, known, words, found):
    content = json.loads(fakecheck("search", *words, "--format", "json")[1])
    assert [one["id"] for one in content["detectors"]] == found


def test_search_that_finds_nothing_helps_on(fakecheck, known):
    code, out, _ = fakecheck("search", "began")
    assert code == ExitCode.OK
    assert "Boundary Equilibrium GAN (BEGAN)) has no detector yet" in out
    assert "Close to 'lowgen': lowgan" in fakecheck("search", "lowgen")[1]


def test_show(fakecheck, known):
    code, out, _ = fakecheck("show", "lowgan")
    assert code == ExitCode.OK
    words = " ".join(out.split())
    for part in (
        "Finds bright pictures.",
        "Early GANs of 64-pixel faces",
        "Deep Convolutional GAN (DCGAN), Least Squares GAN (LSGAN), Wasserstein GAN (WGAN)",
        "fc-lowgan, from https://example.org/detector",
        known.entries[1].files[GRAPH_FILE],
        "0.900 0.50 10 10 drawn",
    ):
        assert part in words
    assert max(map(len, out.splitlines())) <= 80
    content = json.loads(fakecheck("show", "lowgan", "--format", "json")[1])
    assert content["licence"]["graph"] == "Apache-2.0"
    assert "pip install contrib/edits" in fakecheck("show", "edits")[1]


def test_show_suggests_an_id(fakecheck, known):
    code, _, err = fakecheck("show", "edit")
    assert code == ExitCode.USAGE
    assert err == "Error: No known detector is called 'edit' (did you mean edits?)\n"
    assert "known are edits, lowgan" in fakecheck("show", "xyz")[2]


def test_check(fakecheck, known, tmp_path, monkeypatch):
    found = [
        make_card(tmp_path / "edits", id="edits", version="1.0.0"),
        make_card(tmp_path / "new", id="new"),
        make_card(tmp_path / "low", id="lowgan", version="0.9.0"),
    ]
    host = PluginHost()
    host._found += [
        InstalledDetector(card, Origin("x", name, "1.0"))
        for card, name in zip(found, ("fc-edits", "fc-new", "fc-lowgan"), strict=True)
    ]
    monkeypatch.setattr(PluginHost, "discover", lambda **given: host)
    code, out, _ = fakecheck("check")
    assert code == ExitCode.OK
    assert max(map(len, out.splitlines())) <= 80
    content = json.loads(fakecheck("check", "--format", "json")[1])
    states = {one["id"]: one["state"] for one in content["detectors"]}
    assert states == {"edits": "known", "new": "unknown", "lowgan": "older"}

    (tmp_path / "edits" / GRAPH_FILE).write_bytes(graph_def("Add"))
    code, out, _ = fakecheck("check")
    assert code == ExitCode.OTHER
    assert "changed" in out
    assert "install fc-edits again" in " ".join(out.split())


def test_add_writes_card_and_index(fakecheck, checkout, tmp_path, monkeypatch):
    package = project(checkout.parent / "contrib" / "mygan", "fakecheck-mygan")
    write_bundle(package / "fakecheck_mygan" / "one", id="one")
    write_bundle(package / "build" / "lib" / "one", id="one")
    monkeypatch.chdir(checkout.parent)
    code, out, err = fakecheck("add", "contrib/mygan")
    assert (code, err) == (ExitCode.OK, "")
    names = {CARDS + "/one.yaml", INDEX_FILE, PAGE_FILE}
    written = {line.removeprefix("wrote ") for line in out.splitlines()}
    assert written == {str(checkout / name) for name in names}
    one = read_registry(checkout).entry("one")
    assert one is not None
    assert (one.distribution, one.source) == ("fakecheck-mygan", "contrib/mygan")
    assert "| `one` 1.0.0 | StarGAN (attribute edit) |" in (checkout / PAGE_FILE).read_text("utf-8")
    assert fakecheck("add", "contrib/mygan")[1] == "The index is up to date.\n"


def test_add_takes_bundled_ones_together_and_notes_a_changed_file(fakecheck, checkout):
    detectors = checkout.parent / "detectors"
    for name in ("b", "a"):
        write_bundle(detectors / name, id=name)
    assert fakecheck("add", detectors, "--registry", checkout)[0] == ExitCode.OK
    entries = read_registry(checkout).entries
    assert [(one.id, one.distribution, one.source) for one in entries] == [
        ("a", "fakecheck", "bundled"),
        ("b", "fakecheck", "bundled"),
    ]
    write_bundle(detectors / "a", id="a", graph=graph_def("Add"))
    _, out, err = fakecheck("add", detectors / "a", "--registry", checkout)
    assert "a 1.0.0 had other files in the index" in err
    assert len(out.splitlines()) == 2
    write_bundle(detectors / "a", id="a", version="1.1.0", graph=graph_def("Sub"))
    assert fakecheck("add", detectors / "a", "--registry", checkout)[2] == ""


def test_add_without_a_folder_makes_the_index_again(fakecheck, checkout):
    write_bundle(checkout.parent / "detectors" / "a", id="a")
    fakecheck("add", checkout.parent / "detectors", "--registry", checkout)
    (checkout / CARDS / "a.yaml").unlink()
    (checkout / INDEX_FILE).write_text("<<<<<<< a merge that failed")
    assert fakecheck("add", "--registry", checkout)[0] == ExitCode.OK
    assert read_registry(checkout).entries == ()


def test_accuracy_is_the_lowest_of_the_detector_alone(fakecheck, checkout):
    row = {
        "set": "s",
        "split": "val",
        "degradation": "none",
        "positives": 5,
        "negatives": 5,
        "negatives_from": "own reals",
    }
    rows = [
        {**row, "auc": 0.9},
        {**row, "auc": 0.8, "negatives_from": "others"},
        {**row, "auc": 0.7, "degradation": "jpeg50"},
        {**row, "auc": 0.6, "of": "verdict"},
        {**row, "auc": 0.95, "set": "t"},
    ]
    write_bundle(checkout.parent / "detectors" / "a", id="a", metrics=rows)
    fakecheck("add", checkout.parent / "detectors", "--registry", checkout)
    one = read_registry(checkout).entries[0]
    assert [(metric.set, metric.auc) for metric in one.accuracy] == [("s", 0.8), ("t", 0.95)]


def test_figures_that_are_not_held_back_are_marked(fakecheck, checkout, monkeypatch):
    row = card_fields()["metrics"][0]
    rows = [row, {**row, "auc": 0.99, "set": "mine", "split": "calib"}]
    write_bundle(checkout.parent / "detectors" / "a", id="a", metrics=rows)
    fakecheck("add", checkout.parent / "detectors", "--registry", checkout)
    page = (checkout / PAGE_FILE).read_text("utf-8")
    fitted = "mine 0.990, 0.50 (not held back: its calibration was fitted to these)"
    assert f"| drawn 0.900, 0.50; {fitted} |" in page
    known = read_registry(checkout)
    monkeypatch.setattr("fakecheck.cli.registry.registry", lambda: known)
    for command in (["list"], ["show", "a"]):
        out = fakecheck(*command)[1]
        assert "mine (calib)" in out
        assert "drawn (" not in out
        assert out.endswith(
            "(calib): not held back; the detector's calibration was fitted to these.\n"
        )


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"family": "unheard_of"}, "family 'unheard_of' is not in the registry's families.yaml"),
        (
            {"kind": "swap"},
            "families.yaml calls stargan attribute_edit",
        ),
        ({"id": "taken"}, "this id is that of a detector of fc-other"),
        ({"graph": graph_def("WriteFile")}, "forbidden op WriteFile"),
    ],
)
def test_add_refuses(fakecheck, checkout, tmp_path, changes, cause):
    taken = write_bundle(project(tmp_path / "other", "fc-other") / "taken", id="taken")
    source = ("--source", "https://example.org/x", "--registry", checkout)
    assert fakecheck("add", taken, *source)[0] == ExitCode.OK
    before = {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()}
    mine = write_bundle(project(tmp_path / "mine", "fc-mine") / "mine", **changes)
    code, _, err = fakecheck("add", mine, *source)
    assert code != ExitCode.OK
    assert cause in err
    assert err.count("\n") == 1
    assert {path: path.read_bytes() for path in checkout.rglob("*") if path.is_file()} == before


def test_add_asks_for_what_it_cannot_know(fakecheck, checkout, tmp_path):
    bundle = write_bundle(tmp_path / "alone")
    registry = ("--registry", checkout)
    url = ("--source", "https://example.org/x")
    assert "--source https://... says so" in fakecheck("add", bundle, *registry)[2]
    code, _, err = fakecheck("add", bundle, *registry, *url)
    assert code == ExitCode.USAGE
    assert "--distribution NAME" in err
    code, _, err = fakecheck("add", bundle, *registry, *url, "--distribution", "fc-alone")
    assert (code, err) == (ExitCode.OK, "")
    odd = ("--source", "here", "--distribution", "fc-alone")
    assert "source: String should match" in fakecheck("add", bundle, *registry, *odd)[2]
    assert fakecheck("add", tmp_path / "none", *registry)[0] == ExitCode.USAGE
    assert f"holds no {CARD_FILE}" in fakecheck("add", checkout, *registry)[2]


def test_add_wants_a_checkout(fakecheck, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fakecheck.cli.registry_add.installed_folder", lambda: tmp_path)
    code, _, err = fakecheck("add")
    assert code == ExitCode.USAGE
    assert "--registry DIR" in err


def test_add_refuses_two_of_one_id(fakecheck, checkout):
    for name in ("x", "y"):
        write_bundle(checkout.parent / "detectors" / name, id="same")
    _, _, err = fakecheck("add", checkout.parent / "detectors", "--registry", checkout)
    assert "same: two of the folders hold this id" in err


def test_artifacts_are_told_in_few_words():
    classes = ["eyes_blur", "nose_blur", "eyes_dotnoise", "nose_dotnoise", "face_synthesis"]
    assert artifacts_of(classes) == "blur, dotnoise (eyes, nose); synthesis (face)"

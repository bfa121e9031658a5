"""Trust: what the index vouches for runs, all else is refused, and no plug-in's code is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

import pytest

import fakecheck
from fakecheck.card import CARD_FILE, GRAPH_FILE, ONNX_FILE, load_card
from fakecheck.errors import PluginError, UsageError
from fakecheck.index import Registry, read_registry
from fakecheck.loading import load_detectors
from fakecheck.plugins import NO_AUTOLOAD, TRUSTED_ONLY, PluginHost
from fakecheck.trust import bundles_of, sha256_of, standing
from fakecheck.validate.target import installed_bundles
from tests.bundles import graph_def, make_card, onnx_model, write_bundle
from tests.index_samples import entry, install_recorded, write_record
from tests.plugin_folder import install

CHECKOUT = Path(__file__).parents[1]
REAL_FACE = Path(__file__).parent / "resources" / "real_face.jpg"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """An empty folder that is the whole world of installed distributions."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    world = partial(metadata.distributions, path=[str(folder)])
    monkeypatch.setattr("fakecheck.installed.metadata.distributions", world)
    for variable in (NO_AUTOLOAD, TRUSTED_ONLY):
        monkeypatch.delenv(variable, raising=False)
    yield folder
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def index(monkeypatch):
    """Sets the entries of the index that fakecheck finds."""
    real = read_registry(CHECKOUT / "registry")

    def set_entries(*entries):
        known = Registry(real.families, real.artifacts, entries)
        monkeypatch.setattr("fakecheck.plugins.registry", lambda: known)

    set_entries()
    return set_entries


def causes(host):
    assert all(problem.refused for problem in host.problems)
    return {problem.detector: problem.cause for problem in host.problems}


def test_standing(tmp_path):
    card = make_card(tmp_path, version="1.10.0")
    known = entry(tmp_path, "My_Detectors")
    assert standing(card, "my-detectors", [known]).state == "known"
    assert str(standing(card, "my-detectors", [known])) == ""

    def state(distribution="my-detectors", **changes):
        return standing(card, distribution, [known.model_copy(update=changes)])

    assert state(id="other").state == "unknown"
    assert state("evil-detectors").state == "unknown"
    assert "knows it from My_Detectors, not from evil-detectors" in str(state("evil-detectors"))
    assert state(None).state == "unknown"
    # As numbers: 1.9 comes before 1.10.
    assert state(version="1.9.9").state == "newer"
    assert state(version="1.11.0").state == "older"
    assert "upgrade My_Detectors" in str(state(version="1.11.0"))


@pytest.mark.parametrize("name", [CARD_FILE, GRAPH_FILE])
def test_one_changed_byte_is_told(tmp_path, name):
    card, known = make_card(tmp_path), entry(write_bundle(tmp_path), "d")
    with (tmp_path / name).open("ab") as file:
        file.write(b"\n")
    place = standing(card, "d", [known])
    assert place.state == "changed"
    assert f"the sha256 of {name} differs from the index" in place.cause
    assert "install d again" in place.advice


def test_a_file_that_is_gone_or_that_the_index_lacks_is_a_change(tmp_path):
    known = entry(write_bundle(tmp_path), "d")
    more = standing(make_card(tmp_path, onnx=b"x"), "d", [known])
    assert f"{CARD_FILE}, {ONNX_FILE} differs" in more.cause
    card = make_card(tmp_path)
    (tmp_path / GRAPH_FILE).unlink()
    assert f"of {GRAPH_FILE} differs" in standing(card, "d", [known]).cause


def test_sha256_of_what_is_no_plain_file(tmp_path, monkeypatch):
    assert sha256_of(tmp_path) is None
    assert sha256_of(tmp_path / "none") is None
    (tmp_path / "empty").touch()
    assert (sha256_of(tmp_path / "empty") or "").startswith("e3b0c442")
    (tmp_path / "large").write_bytes(b"1234")
    monkeypatch.setattr("fakecheck.trust.MAX_BYTES", 3)
    assert sha256_of(tmp_path / "large") is None


def test_bundles_are_found_by_the_list_of_files(site):
    package = install_recorded(site, "fc-two", a={"id": "a"}, b={"id": "b"})
    found = bundles_of(metadata.PathDistribution(site / "fc_two-1.0.dist-info"))
    assert [path.resolve() for path in found] == [package / "a", package / "b"]


def test_a_distribution_without_a_list_of_files(site):
    install(site, "fc-bare", a={"id": "a"})
    with pytest.raises(PluginError, match="has no list of its files"):
        bundles_of(metadata.PathDistribution(site / "fc_bare-1.0.dist-info"))


def test_the_untrusted_is_not_imported(site, tmp_path, index):
    marker = tmp_path / "imported"
    install_recorded(site, "fc-evil", marker, mine={"id": "mine"})
    host = PluginHost.discover(trusted_only=True)
    assert not marker.exists()
    assert host.detectors == {}
    assert "not in the index of known detectors" in causes(host)["mine"]
    with pytest.raises(UsageError, match=r"Detector mine cannot be used: refused"):
        host.select(only=["mine"])
    # The same package, so that the test would see an import.
    assert list(PluginHost.discover(trusted_only=False).detectors) == ["mine"]
    assert marker.exists()


def test_the_trusted_runs_without_being_imported_either(site, tmp_path, index):
    marker = tmp_path / "imported"
    package = install_recorded(site, "fc-good", marker, mine={"id": "mine"}, more={"id": "more"})
    index(entry(package / "mine", "fc-good"))
    host = PluginHost.discover(trusted_only=True)
    assert not marker.exists()
    assert list(host.detectors) == ["mine"]
    assert host.detectors["mine"].origin.distribution == "fc-good"
    assert host.detectors["mine"].card == load_card(package / "mine")
    assert set(causes(host)) == {"more"}


def test_a_changed_graph_is_refused(site, tmp_path, index):
    marker = tmp_path / "imported"
    package = install_recorded(site, "fc-good", marker, mine={"id": "mine"})
    index(entry(package / "mine", "fc-good"))
    # Card and graph agree with each other, as an attacker would make them.
    write_bundle(package / "mine", id="mine", graph=graph_def("Const", "Add"))
    host = PluginHost.discover(trusted_only=True)
    assert host.detectors == {}
    assert f"the sha256 of {CARD_FILE}, {GRAPH_FILE} differs" in causes(host)["mine"]
    assert not marker.exists()


def test_the_name_of_a_known_detector_does_not_help_another_distribution(site, tmp_path, index):
    package = install_recorded(site, "fc-good", mine={"id": "mine"})
    index(entry(package / "mine", "fc-good"))
    marker = tmp_path / "imported"
    install_recorded(site, "fc-thief", marker, mine={"id": "mine"})
    host = PluginHost.discover(trusted_only=True)
    assert host.detectors["mine"].origin.distribution == "fc-good"
    assert "knows it from fc-good, not from fc-thief" in causes(host)["mine"]
    assert not marker.exists()


def test_an_editable_install_is_refused_and_told_why(site, tmp_path, index):
    marker = tmp_path / "imported"
    package = install_recorded(site, "fc-editable", marker, mine={"id": "mine"})
    index(entry(package / "mine", "fc-editable"))
    record = write_record(site, "fc_editable")
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(line for line in lines if "dist-info" in line))
    host = PluginHost.discover(trusted_only=True)
    assert host.detectors == {}
    assert "install it without -e" in causes(host)[None]
    assert not marker.exists()


def test_a_damaged_list_of_files_or_card_is_a_problem_of_its_own(site, index):
    install_recorded(site, "fc-binary", a={"id": "a"})
    (site / "fc_binary-1.0.dist-info" / "RECORD").write_bytes(b"\xff\xfe")
    package = install_recorded(site, "fc-card", b={"id": "b"})
    (package / "b" / CARD_FILE).write_text("schema: [")
    good = install_recorded(site, "fc-good", mine={"id": "mine"})
    index(entry(good / "mine", "fc-good"))
    host = PluginHost.discover(trusted_only=True)
    assert list(host.detectors) == ["mine"]
    said = {problem.origin.distribution: problem.cause for problem in host.problems}
    assert "list of files cannot be read" in said["fc-binary"]
    assert "no valid YAML" in said["fc-card"]


def test_a_path_that_cannot_be_is_a_problem_of_its_own(site, index):
    install_recorded(site, "fc-null")
    record = site / "fc_null-1.0.dist-info" / "RECORD"
    record.write_text(f"x\0/{CARD_FILE},,\n", encoding="utf-8")
    good = install_recorded(site, "fc-good", mine={"id": "mine"})
    index(entry(good / "mine", "fc-good"))
    host = PluginHost.discover(trusted_only=True)
    assert list(host.detectors) == ["mine"]
    assert [problem.origin.distribution for problem in host.problems] == ["fc-null"]
    assert [one.name for one in installed_bundles()] == ["mine"]


def test_the_library_loads_trusted_ones_and_tells_no_refused_one(site, index, monkeypatch):
    pytest.importorskip("onnx", reason="the models of these tests are made with onnx")
    model = onnx_model()
    good = install_recorded(site, "fc-good", mine={"id": "mine", "onnx": model})
    install_recorded(site, "fc-other", other={"id": "other", "onnx": model})
    index(entry(good / "mine", "fc-good"))
    trusted = load_detectors(trusted_only=True)
    assert ([card.id for card in trusted.cards], trusted.errors) == (["mine"], ())
    assert [card.id for card in load_detectors().cards] == ["mine", "other"]
    monkeypatch.setenv(TRUSTED_ONLY, "1")
    assert [card.id for card in load_detectors().cards] == ["mine"]
    assert [card.id for card in load_detectors(trusted_only=False).cards] == ["mine", "other"]
    for wanted in (True, False):
        with pytest.raises(UsageError, match="host and trusted_only exclude each other"):
            load_detectors(host=PluginHost.discover(), trusted_only=wanted)


def test_the_bundled_ones_are_compared_too(site, index):
    install(site, "fakecheck", entry="bundled = own_detectors")
    own = install(site, "own-detectors", entry="", bright={"id": "bright"}, other={"id": "other"})
    index(entry(own / "bright", "fakecheck", source="bundled"))
    host = PluginHost.discover(trusted_only=True)
    assert list(host.detectors) == ["bright"]
    assert "not in the index" in causes(host)["other"]


def test_a_distribution_with_several_entry_points_is_looked_at_once(site, index):
    package = install_recorded(site, "fc-good", mine={"id": "mine"})
    points = site / "fc_good-1.0.dist-info" / "entry_points.txt"
    points.write_text("[fakecheck]\na = fc_good\nb = fc_good\n")
    index(entry(package / "mine", "fc-good"))
    host = PluginHost.discover(trusted_only=True)
    assert list(host.detectors) == ["mine"]
    assert host.problems == ()


@pytest.mark.parametrize(("value", "refused"), [("1", True), ("0", False), ("", False)])
def test_the_environment_is_asked(site, index, monkeypatch, value, refused):
    install_recorded(site, "fc-x", mine={"id": "mine"})
    monkeypatch.setenv(TRUSTED_ONLY, value)
    assert (list(PluginHost.discover().detectors) == []) is refused
    assert list(PluginHost.discover(trusted_only=False).detectors) == ["mine"]


# What pip writes as `fakecheck` into bin/.
CONSOLE_SCRIPT = ("-c", "import sys; from fakecheck.cli.main import main; sys.exit(main())")
AS_MODULE = ("-m", "fakecheck")


def command(
    site: Path, *arguments: str, start: Sequence[str] = AS_MODULE, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`fakecheck` in a process of its own that has the plug-ins in `site` installed."""
    path = os.pathsep.join([str(site), str(Path(fakecheck.__file__).parents[1])])
    unset = (NO_AUTOLOAD, "PYDANTIC_DISABLE_PLUGINS")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    environment = {**inherited, "PYTHONPATH": path, "COLUMNS": "300", **variables}
    return subprocess.run(
        [sys.executable, *start, *arguments],
        env=environment,
        cwd=site,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_the_commands_leave_the_untrusted_alone(tmp_path):
    site, marker = tmp_path / "site", tmp_path / "imported"
    install_recorded(site, "fc-evil", marker, mine={"id": "mine"})
    shown = command(site, "detectors", "list", "--trusted-only", "--format", "json")
    content = json.loads(shown.stdout)
    assert "stargan" in {one["id"] for one in content["detectors"]}
    said = {one["distribution"]: one["cause"] for one in content["problems"]}
    assert "not in the index of known detectors" in said["fc-evil"]

    for arguments, variables in ((["--trusted-only"], {}), ([], {TRUSTED_ONLY: "1"})):
        done = command(site, "detect", str(REAL_FACE), "--format", "json", *arguments, **variables)
        assert done.returncode == 0, done.stderr
        assert "1 detector or plug-in is not trusted and left out" in done.stderr
        assert "mine" not in done.stdout
    assert not marker.exists()

    command(site, "detectors", "list")
    assert marker.exists()


@pytest.mark.parametrize("start", [AS_MODULE, CONSOLE_SCRIPT], ids=["module", "script"])
def test_plugins_of_pydantic_are_not_imported(tmp_path, start):
    site, marker = tmp_path / "site", tmp_path / "imported"
    install_recorded(site, "fc-evil", marker, mine={"id": "mine"})
    points = site / "fc_evil-1.0.dist-info" / "entry_points.txt"
    points.write_text("[pydantic]\nevil = fc_evil\n", encoding="utf-8")
    for arguments in (
        ("detectors", "list", "--trusted-only"),
        ("detectors", "validate", "stargan"),
        ("registry", "list"),
        ("detect", str(REAL_FACE), "--trusted-only"),
    ):
        done = command(site, *arguments, start=start)
        assert done.returncode == 0, done.stderr
        assert not marker.exists(), arguments


def test_a_library_leaves_the_plugins_of_pydantic_to_its_host(tmp_path):
    site, marker = tmp_path / "site", tmp_path / "imported"
    package = install_recorded(site, "fc-watch", marker, mine={"id": "mine"})
    with (package / "__init__.py").open("a", encoding="utf-8") as module:
        module.write("\ndef new_schema_validator(*_):\n    return None, None, None\n")
    points = site / "fc_watch-1.0.dist-info" / "entry_points.txt"
    points.write_text("[pydantic]\nwatch = fc_watch\n", encoding="utf-8")
    code = (
        "import os, fakecheck; fakecheck.load_detectors(only='alae'); "
        "print(os.environ.get('PYDANTIC_DISABLE_PLUGINS'))"
    )
    # Its own word holds, and so does its silence.
    for variables, said, imported in (
        ({"PYDANTIC_DISABLE_PLUGINS": "__all__"}, "__all__\n", False),
        ({}, "None\n", True),
    ):
        done = command(site, start=("-c", code), **variables)
        assert (done.stdout, done.returncode) == (said, 0), done.stderr
        assert marker.exists() is imported


@pytest.mark.parametrize("content", [b"[fakecheck]\nfoo\n", b"[pydantic]\n\xff = \xfe\n"])
def test_damaged_entry_points_of_any_distribution_end_no_command(tmp_path, content):
    site = tmp_path / "site"
    install(site, "fc-damaged")
    (site / "fc_damaged-1.0.dist-info" / "entry_points.txt").write_bytes(content)
    done = command(site, "detectors", "list", "--format", "json")
    assert done.returncode == 0, done.stderr
    problems = [one["distribution"] for one in json.loads(done.stdout)["problems"]]
    # Nobody can tell whom entry points are for that are not text.
    assert problems == (["fc-damaged"] if b"[fakecheck]" in content else [])

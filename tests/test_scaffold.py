"""`fakecheck detectors new`: names, and the package that is rendered."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import yaml

from fakecheck.card import load_card
from fakecheck.card_text import open_fields
from fakecheck.cli.main import run
from fakecheck.errors import CardError, OutputError, UsageError
from fakecheck.index import registry
from fakecheck.plugins import PluginHost
from fakecheck.scaffold.names import Names, check_free, kind_of
from fakecheck.scaffold.render import NewPackage, check_author, render_package, spdx
from fakecheck.validate.project import read_project
from tests.bundles import write_bundle
from tests.test_plugins import plugin

FILES = {
    ".github/workflows/test.yml",
    ".gitignore",
    "LICENSE",
    "README.md",
    "fakecheck_my_gan/__init__.py",
    "fakecheck_my_gan/detector.yaml",
    "pyproject.toml",
    "tests/test_detector.py",
}


def make(folder: Path, **changes: object) -> Path:
    fields = {"family": "mygan", "kind": "synthesis", "regions": ["eyes", "mouth"], **changes}
    render_package(NewPackage(Names.of("my-gan"), **fields), folder)
    return folder


def test_names():
    names = Names.of("my-gan_2.x")
    assert names.distribution == "fakecheck-my-gan-2-x"
    assert names.module == "fakecheck_my_gan_2_x"
    assert names.test_class == "TestMyGan2X"


@pytest.mark.parametrize("name", ["", "Mygan", "2gan", "my--gan", "gan-", "g an", "ü", "a" * 65])
def test_names_that_cannot_be(name):
    with pytest.raises(UsageError, match="cannot be a detector's name"):
        Names.of(name)


def test_names_that_are_taken(tmp_path):
    host = PluginHost()
    host.register(plugin(write_bundle(tmp_path / "one", id="one")), "mine")
    with pytest.raises(UsageError, match="one is taken by a detector of plug-in mine"):
        check_free(Names.of("one"), host, registry())
    # The index knows the bundled detectors, whichever are installed.
    with pytest.raises(UsageError, match="stargan is taken by a known detector"):
        check_free(Names.of("stargan"), host, registry())
    # fakecheck_registry is a package of fakecheck's own.
    with pytest.raises(UsageError, match="a package fakecheck_registry is installed already"):
        check_free(Names.of("registry"), host, registry())
    check_free(Names.of("two"), host, registry())


def test_a_broken_detector_keeps_its_name(tmp_path):
    host = PluginHost()
    host.register(plugin(tmp_path / "gone"), "mine")
    with pytest.raises(UsageError, match="gone is taken by a detector of plug-in mine"):
        check_free(Names.of("gone"), host, registry())


def test_kinds():
    assert kind_of("stargan", None, registry()) == "attribute_edit"
    assert kind_of("mygan", "swap", registry()) == "swap"
    with pytest.raises(UsageError, match="stargan is of the kind attribute_edit, not swap"):
        kind_of("stargan", "swap", registry())
    with pytest.raises(UsageError, match=r"mygan is not among the known ones.*say its --kind"):
        kind_of("mygan", None, registry())
    with pytest.raises(UsageError, match="'My GAN' cannot be a family's name"):
        kind_of("My GAN", "swap", registry())


@pytest.mark.parametrize("author", ["\udcff", "a\x7f", "a\nb"])
def test_an_author_that_no_file_can_hold(author):
    with pytest.raises(UsageError, match="holds a character that no name can hold"):
        check_author(author)


def test_the_package_is_complete(tmp_path):
    folder = make(tmp_path / "out" / "package", author='Ada "A" Löve')
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == FILES
    project = read_project(folder)
    assert project is not None
    assert project.name == "fakecheck-my-gan"
    assert project.entry_points == {"my-gan": "fakecheck_my_gan"}
    assert project.pyproject["project"]["authors"] == [{"name": 'Ada "A" Löve'}]
    assert [path.name for path in project.bundles] == ["fakecheck_my_gan"]
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"))
    assert yaml.safe_load((folder / ".github/workflows/test.yml").read_text())["jobs"]
    assert "{{" not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    # Nothing is left of the temporary folder in which it was made.
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["package"]


def test_the_hook_gives_the_card_s_folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(make(tmp_path / "package"))
    import fakecheck_my_gan

    assert fakecheck_my_gan.fakecheck_detectors() == [tmp_path / "package/fakecheck_my_gan"]
    del sys.modules["fakecheck_my_gan"]


def test_the_workflow_has_a_line_for_a_fakecheck_that_is_on_no_index(tmp_path):
    text = (make(tmp_path / "package") / ".github/workflows/test.yml").read_text()

    def runs(workflow: str) -> list[str]:
        steps = yaml.safe_load(workflow)["jobs"]["test"]["steps"]
        return [step["run"] for step in steps if "run" in step]

    assert runs(text)[0] == 'pip install -e ".[test]"'
    switched = runs(text.replace("# - run:", "- run:"))
    assert switched[0] == 'pip install "fakecheck @ git+https://example.org/fakecheck.git"'
    assert switched[1:] == runs(text)


def test_type_checkers_find_every_type(tmp_path):
    """What mypy --strict asks of a package's code."""
    for path in make(tmp_path / "package").rglob("*.py"):
        for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(one, ast.FunctionDef):
                assert one.returns is not None, path
                assert all(argument.annotation for argument in one.args.args), path


def test_the_card_says_what_is_known_and_marks_the_rest(tmp_path):
    folder = make(tmp_path / "package") / "fakecheck_my_gan"
    text = (folder / "detector.yaml").read_text()
    values = yaml.safe_load(text)
    assert values["id"] == "my-gan"
    assert (values["family"], values["kind"]) == ("mygan", "synthesis")
    assert values["crop"]["regions"] == ["eyes", "mouth"]
    marked = [field.split(" ")[0] for field in open_fields(text)]
    assert marked == [
        "architecture",
        "summary",
        "input.width",
        "input.height",
        "input.color",
        "training.data.0.set",
        "training.data.0.pictures",
        "training.data.0.terms",
        "training.command",
        "training.seed",
        "training.steps",
        "licence.data",
        "limits.0",
    ]
    # It cannot be mistaken for a detector's before there is a graph.
    with pytest.raises(CardError):
        load_card(folder)


def test_words_that_yaml_would_read_as_something_else(tmp_path):
    folder = tmp_path / "package"
    render_package(NewPackage(Names.of("no"), "on", "swap", ["face"]), folder)
    values = yaml.safe_load((folder / "fakecheck_no/detector.yaml").read_text())
    assert (values["id"], values["family"]) == ("no", "on")


@pytest.mark.parametrize(
    ("licence", "words"),
    [
        ("Apache-2.0", "Apache License"),
        ("MIT", "Permission is hereby granted"),
        ("CC-BY-4.0", "TODO the text of CC-BY-4.0"),
    ],
)
def test_licences(tmp_path, licence, words):
    folder = make(tmp_path / "package", licence=licence)
    assert words in (folder / "LICENSE").read_text()
    assert yaml.safe_load((folder / "fakecheck_my_gan/detector.yaml").read_text())["licence"][
        "graph"
    ] == (licence)


def test_licences_are_those_of_spdx():
    assert spdx("LicenseRef-Mine") == "LicenseRef-Mine"
    assert spdx("apache-2.0") == "Apache-2.0"
    for words in ("do what you want", "Proprietary", ""):
        with pytest.raises(UsageError, match="no SPDX identifier"):
            spdx(words)


def test_nothing_is_overwritten(tmp_path):
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        make(folder)
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def fail(self, *given, **more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(OutputError, match="No space left on device"):
        make(tmp_path / "package")
    assert list(tmp_path.iterdir()) == []


def test_command(tmp_path, capsys):
    arguments = ["detectors", "new", "my-gan", "--family", "mygan", "--out", str(tmp_path)]
    assert run(arguments) == 2
    assert run([*arguments, "--kind", "synthesis"]) == 0
    said = capsys.readouterr()
    listed = {Path(line).relative_to(tmp_path / "fakecheck-my-gan") for line in said.out.split()}
    assert {path.as_posix() for path in listed} == FILES
    assert "mygan:\n    name: ...\n    kind: synthesis" in said.err
    assert "catalogues/en.yaml,\n  mygan:\n    name: ...\n    text: ..." in said.err
    assert "ko.yaml" in said.err
    assert run([*arguments, "--kind", "synthesis"]) == 6
    assert run([*arguments, "--kind", "swap", "--region", "frame", "--region", "eyes"]) == 2

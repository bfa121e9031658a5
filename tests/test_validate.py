"""`fakecheck detectors validate`: what a contributor is told of a good and of a broken package."""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from importlib import metadata
from pathlib import Path

import pytest

from fakecheck.card import CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE
from fakecheck.cli.main import run
from fakecheck.errors import ExitCode
from fakecheck.index import registry
from fakecheck.plugins import NO_AUTOLOAD, TRUSTED_ONLY
from fakecheck.validate.examine import Options, validate
from tests.broken_packages import BROKEN, MODULE, Broken, good_bundle, good_package, sha256
from tests.bundles import card_fields, onnx_model, tensorflow_graph
from tests.index_samples import install_recorded

pytest.importorskip("onnx", reason="the models of these tests are made with onnx")


@pytest.fixture
def no_tensorflow(monkeypatch):
    """As on a machine without TensorFlow: the drawn graphs are only read, and ONNX is run."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)


@pytest.fixture
def call(capsys):
    """Runs `fakecheck detectors validate` and gives its exit code, stdout and stderr."""

    def validate(*args):
        code = run(["detectors", "validate", *map(str, args)])
        return code, *capsys.readouterr()

    return validate


def squeezed(text: str) -> str:
    """Without the gaps and breaks that a table puts between and into words."""
    return "".join(text.split())


def failed_checks(text: str) -> list[str]:
    return re.findall(r"^ *✗ +(\S+)", text, re.MULTILINE)


def install(package: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `site` the whole world of installed distributions, and `package` the only one there."""
    registry()  # found while fakecheck is still installed
    site.mkdir()
    (package / MODULE).rename(site / MODULE)
    info = site / "fakecheck_bright-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fakecheck-bright\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[fakecheck]\nbright = {MODULE}\n", encoding="utf-8")
    files = [path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in files), encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    world = partial(metadata.distributions, path=[str(site)])
    monkeypatch.setattr("fakecheck.installed.metadata.distributions", world)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda one: one.name.replace(" ", "_"))
def test_a_broken_package_is_told_what_is_wrong(
    tmp_path, call, monkeypatch, no_tensorflow, broken: Broken
):
    package = tmp_path / "package"
    broken.build(package)
    asked = str(package)
    if broken.installed:
        install(package, tmp_path / "site", monkeypatch)
        asked = "bright"
    code, out, err = call(asked, *(["--load"] if broken.load else []))
    sentence = broken.sentence.format(folder=package, module=package / MODULE)
    assert failed_checks(out) == [broken.check]
    assert squeezed(sentence) in squeezed(out)
    assert code == ExitCode.OTHER
    assert "Traceback" not in out + err
    assert MODULE not in sys.modules


def test_without_load_an_import_error_does_not_show(tmp_path, call, monkeypatch):
    good_package(tmp_path / "package")
    code = tmp_path / "package" / MODULE / "__init__.py"
    code.write_text(code.read_text() + "\nraise SystemExit('imported')\n", encoding="utf-8")
    install(tmp_path / "package", tmp_path / "site", monkeypatch)
    assert call("bright")[0] == ExitCode.OK


def test_load_imports_no_other_plugin(tmp_path, call, monkeypatch, no_tensorflow):
    good_package(tmp_path / "package")
    install(tmp_path / "package", tmp_path / "site", monkeypatch)
    marker = tmp_path / "imported"
    install_recorded(tmp_path / "site", "fc-other", marker, other={"id": "other"})
    code, out, _ = call("bright", "--load")
    del sys.modules[MODULE]
    assert code == ExitCode.OK
    assert "isimportedandgivesbright" in squeezed(out)
    assert not marker.exists()


@pytest.mark.parametrize("variable", [NO_AUTOLOAD, TRUSTED_ONLY])
def test_load_imports_nothing_that_the_environment_forbids(
    tmp_path, call, monkeypatch, no_tensorflow, variable
):
    good_package(tmp_path / "package")
    install(tmp_path / "package", tmp_path / "site", monkeypatch)
    monkeypatch.setenv(variable, "1")
    code, out, _ = call("bright", "--load")
    assert code == ExitCode.OK
    assert squeezed(f"{variable} is set, so fakecheck-bright 1.0 was not imported") in squeezed(out)
    assert MODULE not in sys.modules


def test_a_card_of_nested_aliases_ends(tmp_path, call):
    package = good_package(tmp_path / "package")
    lines = ["a0: &a0 [1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    (package / MODULE / CARD_FILE).write_text("\n".join(lines), encoding="utf-8")
    code, out, _ = call(package)
    assert code == ExitCode.OTHER
    assert failed_checks(out) == ["card.schema"]


def test_a_new_family_is_asked_for_in_a_checkout_only(tmp_path, call):
    package = good_package(tmp_path / "contrib" / "mygan", family="mygan")
    said = squeezed("family 'mygan' is not in the registry's families.yaml")
    code, out, _ = call(package)
    assert (code, failed_checks(out)) == (ExitCode.OK, [])
    assert f"–words.family{said}" in squeezed(out)
    assert squeezed("left out, since") in squeezed(out)
    assert squeezed("lies in no checkout of fakecheck, where the entry would") in squeezed(out)
    (tmp_path / "registry" / "cards").mkdir(parents=True)
    (tmp_path / "registry" / "families.yaml").touch()
    code, out, _ = call(package)
    assert (code, failed_checks(out)) == (ExitCode.OTHER, ["words.family"])
    assert said in squeezed(out)
    for place in ("registry/families.yaml", "fakecheck/report/catalogues/en.yaml", "ko.yaml"):
        assert place in squeezed(out)


def test_who_makes_a_missing_model_is_told_as_it_works(tmp_path, call, monkeypatch):
    package = good_package(tmp_path / "package", onnx=None)
    folder = package / MODULE
    files = f"{folder / GRAPH_FILE} {folder / LABEL_MAP_FILE}"
    said = squeezed(call(package)[1])
    assert squeezed(f"fakecheck detectors pack {files} {folder} makes it") in said
    assert "optimize" not in said
    install(package, tmp_path / "site", monkeypatch)
    assert squeezed("fakecheck detectors optimize bright makes it") in squeezed(call("bright")[1])


def test_a_family_of_another_kind_fails_anywhere(tmp_path, call):
    package = good_package(tmp_path / "package", kind="swap")
    assert failed_checks(call(package)[1]) == ["words.family"]


def test_a_good_package_passes_everything(tmp_path, call, no_tensorflow):
    package = good_package(tmp_path / "package")
    before = sha256(package / MODULE)
    code, out, err = call(package, "--load", "--format", "json")
    assert (code, err) == (ExitCode.OK, "")
    record = json.loads(out)
    assert record["schema"] == "fakecheck.validation/1"
    assert record["passed"] is True
    (detector,) = record["detectors"]
    skipped = {one["check"] for one in detector["checks"] if one["status"] == "skipped"}
    assert skipped == {"plugin.hook", "run.engines"}
    assert {one["status"] for one in record["package"]} == {"ok"}
    assert {one["status"] for one in detector["checks"]} == {"ok", "skipped"}
    assert detector["id"] == "bright"
    assert detector["speed"]["milliseconds"] > 0
    assert sha256(package / MODULE) == before


def test_markdown_is_a_page_with_the_tables(tmp_path, call):
    limits = ["Misses | pipes, and\n# headings"]
    summary = "- `x` [y](z) \\| <b>"
    package = good_package(tmp_path / "package", limits=limits, summary=summary)
    code, out, _ = call(package, "--format", "markdown")
    lines = out.splitlines()
    assert code == ExitCode.OK
    assert lines[0] == f"## `{package}` passes validation"
    assert "| family | stargan (attribute edit) |" in lines
    assert "| ✓ | `package.licence` | LICENSE |" in lines
    assert "| ✓ | `graph.ops` | only ops that are allowed |" in lines
    assert r"| misses | Misses \| pipes, and \# headings |" in lines
    assert r"Summary: - \`x\` \[y\](z) \\\| \<b\>" in lines
    for line in lines:
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 4)


def test_a_bundle_alone_and_its_card_are_taken(tmp_path, call):
    bundle = good_bundle(tmp_path / "bundle")
    assert call(bundle)[0] == ExitCode.OK
    assert call(bundle / "detector.yaml")[0] == ExitCode.OK


def test_the_bundled_detectors_pass_by_id_and_by_folder(call):
    import fakecheck_detectors

    folder = Path(fakecheck_detectors.__file__).parent
    for asked in ("stargan", folder / "stargan"):
        code, out, _ = call(asked)
        assert failed_checks(out) == []
        assert code == ExitCode.OK


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        (["nobody"], ExitCode.USAGE, "No installed detector is called 'nobody'"),
        (["./nobody"], ExitCode.INPUT_FILE, "./nobody does not exist"),
        (["{empty}"], ExitCode.INPUT_FILE, "holds neither detector.yaml nor pyproject.toml"),
        (["{empty}/file"], ExitCode.INPUT_FILE, "is no folder"),
        (["stargan", "--calibrate"], ExitCode.USAGE, "--calibrate needs --data DIR"),
        (["stargan", "--faces", "{empty}"], ExitCode.USAGE, "--faces is for --load"),
        (["stargan", "--load", "--faces", "{empty}/x"], ExitCode.INPUT_FILE, "x is no folder"),
        (["stargan", "--data", "{empty}"], ExitCode.INPUT_FILE, "holds no folder 'real'"),
        (["stargan", "--format", "pdf"], ExitCode.USAGE, "'pdf' is not one of"),
    ],
)
def test_what_cannot_be_looked_at(tmp_path, call, args, code, sentence):
    (tmp_path / "file").write_text("no folder")
    got, _, err = call(*(arg.format(empty=tmp_path) for arg in args))
    assert got == code
    assert sentence in err
    assert "Traceback" not in err


def test_a_check_that_needs_another_is_skipped(tmp_path):
    (tmp_path / "detector.yaml").write_text("id: [", encoding="utf-8")
    findings = {one.check: one for one in validate(str(tmp_path), Options(load=True)).findings}
    assert findings["card.schema"].status == "failed"
    for name in ("files.sha256", "onnx.ends", "load.open", "run.speed"):
        assert findings[name].status == "skipped"
        assert re.fullmatch(r"needs [\w.]+, which has not passed", findings[name].message)


def test_an_error_that_nobody_thought_of_is_a_finding(tmp_path, monkeypatch):
    def explode(*_):
        raise RuntimeError("no\nluck")

    monkeypatch.setattr("fakecheck.validate.static_checks.tensorflow_ends", explode)
    findings = {one.check: one for one in validate(str(good_bundle(tmp_path))).findings}
    assert findings["graph.ends"].message == "the check ended with RuntimeError: no luck"
    assert findings["onnx.ends"].status == "ok"


def test_the_todo_marks_of_a_template_are_named(tmp_path):
    bundle = good_bundle(tmp_path, summary="TODO", architecture="TODO")
    findings = {one.check: one for one in validate(str(bundle)).findings}
    assert "summary (line" in findings["card.todo"].message
    assert findings["card.todo"].status == "failed"


def test_a_card_that_says_nothing_is_not_calibrated(tmp_path):
    silent = {"slope": 1.0, "intercept": 0.0, "min_llr": 0.0, "max_llr": 0.0}
    classes = [{**spec, "calibration": silent} for spec in card_fields()["classes"]]
    findings = {
        one.check: one for one in validate(str(good_bundle(tmp_path, classes=classes))).findings
    }
    assert findings["card.calibration"].status == "failed"
    assert "is not calibrated" in findings["card.calibration"].message
    assert "--calibrate" in (findings["card.calibration"].advice or "")


def test_a_graph_over_100_mb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("fakecheck.validate.static_checks.MAX_FILE_BYTES", 100)
    findings = {one.check: one for one in validate(str(good_bundle(tmp_path))).findings}
    assert findings["files.sizes"].status == "failed"
    assert findings["files.sha256"].status == "skipped"


def test_the_two_graphs_are_run_and_compared(tmp_path):
    pytest.importorskip("tensorflow", reason="needs TensorFlow (pip install fakecheck[tensorflow])")
    graph = tensorflow_graph()
    same = validate(str(good_bundle(tmp_path / "same", graph=graph)), Options(load=True))
    (report,) = same.bundles
    assert same.passed
    assert report.agreement is not None
    assert report.agreement.boxes == 16
    assert report.agreement.score < 1e-5
    other = good_bundle(tmp_path / "other", graph=graph, onnx=onnx_model(scores=0.9))
    findings = {one.check: one for one in validate(str(other), Options(load=True)).findings}
    assert findings["run.engines"].status == "failed"
    assert findings["run.engines"].message.startswith("tensorflow and onnx disagree: scores by")

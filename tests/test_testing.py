"""`fakecheck.testing`, as the tests of a plug-in use it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from fakecheck import check_image, load_detectors
from fakecheck.testing import DetectorContract, isolated_host
from tests.broken_packages import frozen_graph, good_bundle
from tests.bundles import write_bundle

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]


class TestBundledDetector(DetectorContract):
    folder = ROOT / "detectors" / "stargan"
    load = False


def test_an_isolated_host_has_these_detectors_alone(tmp_path):
    pytest.importorskip("onnx", reason="the models of these tests are made with onnx")
    host = isolated_host(good_bundle(tmp_path / "good"), tmp_path / "gone")
    assert list(host.detectors) == ["bright"]
    assert [one.detector for one in host.problems] == ["gone"]
    report = check_image(ROOT / "tests/resources/real_face.jpg", load_detectors(host=host))
    assert report.detector_versions == {"bright": "1.0.0"}


@pytest.fixture
def run_contract(pytester, monkeypatch):
    """Runs the contract on a folder → the outcomes by check, and pytest's output."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)

    def run(folder: Path, load: bool):
        pytester.makepyfile(
            test_mine=f"""
            from pathlib import Path
            from fakecheck.testing import DetectorContract

            class TestMine(DetectorContract):
                folder = Path({str(folder)!r})
                load = {load}
            """
        )
        result = pytester.runpytest_inprocess("-v", "-p", "no:cacheprovider")
        output = result.stdout.str()
        lines = re.findall(r"::test_contract\[(.+)\] (PASSED|FAILED|SKIPPED) ", output)
        return dict(lines), output

    return run


def test_each_check_is_a_test_of_its_own(tmp_path, run_contract):
    pytest.importorskip("onnx", reason="the models of these tests are made with onnx")
    outcomes, _ = run_contract(good_bundle(tmp_path / "good"), load=True)
    assert {name for name, outcome in outcomes.items() if outcome != "PASSED"} == {
        "plugin.hook",
        "run.engines",
    }
    assert outcomes["run.engines"] == "SKIPPED"
    assert outcomes["run.threads"] == outcomes["card.schema"] == "PASSED"


def test_a_failure_says_what_the_check_says_and_no_more(tmp_path, run_contract):
    folder = write_bundle(tmp_path / "bad", graph=frozen_graph(extra=("WriteFile",)))
    outcomes, output = run_contract(folder, load=False)
    assert [name for name, outcome in outcomes.items() if outcome == "FAILED"] == ["graph.ops"]
    assert outcomes["graph.ends"] == "SKIPPED"
    assert "frozen_inference_graph.pb holds the forbidden op WriteFile (fakecheck/gr" in output
    assert "Traceback" not in output
    assert "fakecheck/testing.py" not in output

"""Broken plug-ins installed all at once, in a process of their own, and what commands print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fakecheck
from fakecheck.card import CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE
from tests.bundles import graph_def, onnx_model
from tests.plugin_folder import install

pytest.importorskip("onnx", reason="the models of these tests are made with onnx")

LIST = "from fakecheck.cli.detectors import detectors; detectors()"
MAIN = "from fakecheck.cli.main import main; main()"
REAL_FACE = Path(__file__).parent / "resources" / "real_face.jpg"
# What is left is run, so that it is seen to work beside the broken ones.
RUN = """
import json, sys
import numpy as np
from fakecheck.engines import open_engine
from fakecheck.errors import FakecheckError
from fakecheck.plugins import PluginHost
ran, failed = {}, {}
for card in PluginHost.discover().select():
    try:
        size = card.input.height, card.input.width
        raw = open_engine(card).run(np.full((2, *size, 3), 255, np.uint8))
        ran[card.id] = raw.scores[:, 0].tolist()
    except FakecheckError as error:
        failed[card.id] = str(error)
print(json.dumps([ran, failed]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    model = onnx_model()
    install(folder, "fc-import", "import a_package_that_is_not_there")
    changed = install(folder, "fc-sha", changed={"id": "changed", "onnx": model})
    (changed / "changed" / LABEL_MAP_FILE).write_text("item { id: 1 name: 'other' }")
    install(folder, "fc-op", evil={"id": "evil", "graph": graph_def("Const", "WriteFile")})
    install(folder, "fc-one", version="1.1", twin={"id": "twin", "onnx": model})
    install(folder, "fc-two", version="2.2", twin={"id": "twin", "onnx": model})
    card = install(folder, "fc-card", broken={"id": "broken"}) / "broken" / CARD_FILE
    card.write_text("schema: [fakecheck.detector/1\n", encoding="utf-8")
    install(folder, "fc-good", good={"id": "good", "onnx": model})
    return folder


def run(site: Path, code: str, *arguments: str) -> str:
    done = finished(site, code, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def finished(site: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The package may be installed or lie in a working tree: wherever this process has it from.
    path = os.pathsep.join([str(site), str(Path(fakecheck.__file__).parents[1])])
    inherited = os.environ.get("PYTHONPATH")
    environment = {
        **os.environ,
        "PYTHONPATH": f"{path}{os.pathsep}{inherited}" if inherited else path,
        "COLUMNS": "200",
    }
    environment.pop("FAKECHECK_DISABLE_PLUGIN_AUTOLOAD", None)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=site,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_list_names_each_cause_and_the_rest(site):
    content = json.loads(run(site, LIST, "list", "--format", "json"))
    good = {one["id"]: one for one in content["detectors"]}
    assert "good" in good
    assert good["good"]["distribution"] == "fc-good"
    assert not {"changed", "evil", "twin", "broken"} & set(good)
    said = {one["distribution"]: one for one in content["problems"]}
    assert "No module named 'a_package_that_is_not_there'" in said["fc-import"]["cause"]
    assert f"the sha256 of {LABEL_MAP_FILE} differs" in said["fc-sha"]["cause"]
    assert said["fc-sha"]["detector"] == "changed"
    assert f"{GRAPH_FILE} holds the forbidden op WriteFile" in said["fc-op"]["cause"]
    assert "fc-two 2.2" in said["fc-one"]["cause"]
    assert "fc-one 1.1" in said["fc-two"]["cause"]
    assert "no valid YAML in line 2" in said["fc-card"]["cause"]
    assert "fc-good" not in said


def test_list_as_text(site):
    text = run(site, LIST, "list")
    assert "good" in text
    assert "6 problems" in text
    for cause in ("forbidden op WriteFile", "sha256 of label_map.pbtxt differs", "fc-two 2.2"):
        assert cause in " ".join(text.split())


def test_the_rest_runs(site):
    ran, failed = json.loads(run(site, RUN))
    assert ran["good"] == [1.0, 1.0]
    assert set(failed) == {"changed", "evil"}
    assert "forbidden op" in failed["evil"]
    assert "sha256" in failed["changed"]


def test_show(site):
    text = run(site, LIST, "show", "good")
    for part in ("Finds bright pictures.", "face_synthesis, mouth_partswap", "fc-good 1.0"):
        assert part in text
    content = json.loads(run(site, LIST, "show", "good", "--format", "json"))
    assert content["schema"] == "fakecheck.detector/1"
    assert content["from"] == "fc-good 1.0"
    assert "folder" not in content


def test_a_scan_says_that_something_cannot_be_used(site):
    arguments = ["detect", str(REAL_FACE), "--only", "stargan", "--format", "json"]
    done = finished(site, MAIN, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Warning: 4 detectors or plug-ins cannot be used and are left out" in done.stderr
    # Once for the run, with the two that cannot be loaded; a report holds all of them.
    assert done.stderr.count("Warning") == 3
    assert "fc-import" not in done.stderr
    errors = json.loads(done.stdout)["errors"]
    said = sorted((error["stage"], error["detector"] or "") for error in errors)
    loads = [("load", "changed"), ("load", "evil")]
    assert said == [*loads, ("plugin", ""), ("plugin", "twin"), ("plugin", "twin")]
    assert "No module named 'a_package_that_is_not_there'" in errors[0]["message"]


def test_a_text_report_leaves_it_to_the_warning(site):
    done = finished(site, MAIN, "detect", str(REAL_FACE), "--only", "stargan")
    assert done.returncode == 0, done.stderr
    assert "fc-import" not in done.stdout
    assert "error (load, evil)" in done.stdout
    assert "error (plugin" not in done.stdout

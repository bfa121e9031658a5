"""Environments as a user has them: fresh, with the base install of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What pip builds fakecheck of.
SOURCES = ("fakecheck", "detectors", "registry", "training", "contrib")
PROJECT = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
# Of one command, in seconds; on two cores each takes under a minute.
TIMEOUT = 1800


@dataclass(frozen=True)
class Shell:
    """Runs commands of the environment in `scripts`, in the folder `home`."""

    scripts: Path
    home: Path

    def __call__(self, *command: str, cwd: Path | None = None, expect: int = 0) -> str:
        program = str(self.scripts / command[0])
        done = subprocess.run(
            [program, *command[1:]],
            cwd=cwd or self.home,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == expect, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def environment() -> dict[str, str]:
    """The user's: nothing that would bring this checkout or its settings along."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FAKECHECK_", "PYTHON"))}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def fresh_environment(home: Path) -> Shell:
    """A new environment in `home`; the test is skipped where pip reaches no package registry."""
    scripts = home / "venv" / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
    shell = Shell(scripts, home)
    reached = subprocess.run(
        [scripts / "pip", "download", "--no-deps", "--quiet", "--dest", home / "probe", "pluggy"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if reached.returncode:
        said = reached.stderr.strip().splitlines() or ["it said nothing"]
        pytest.skip(f"pip reaches no package registry: {said[-1]}")
    # A copy: pip builds in the folder that it installs.
    copy, waste = home / "fakecheck", shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=waste)
    for name in PROJECT:
        shutil.copy(ROOT / name, copy / name)
    shell("pip", "install", "--quiet", str(copy))
    shutil.rmtree(copy)
    return shell

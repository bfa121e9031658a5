"""The Object Detection API's own scripts take our pipeline.config, and ours their arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from drawn import drawn_recipe

from fakecheck_training.api import main
from fakecheck_training.networks import ssd
from fakecheck_training.pipeline import write_pipeline

# As somebody's script who knows the API alone.
SCRIPT = """
import sys
from object_detection.builders import model_builder
from object_detection.utils import config_util

if __name__ == "__main__":
    configs = config_util.get_configs_from_pipeline_file(sys.argv[-1])
    model = model_builder.build(configs["model"], is_training=False)
    print(sys.argv[1:-1], type(model.feature_extractor).__name__)
"""


def test_a_script_builds_our_network_and_gets_its_options(tmp_path: Path) -> None:
    config = write_pipeline(drawn_recipe("toy", "toygan", 96, 4, 4), tmp_path, None)
    assert ssd.TYPES["lite0"] in config.read_text()
    (tmp_path / "script.py").write_text(SCRIPT)
    script = [str(tmp_path / "script.py"), "--help", "-x", str(config)]
    command = [sys.executable, "-m", "fakecheck_training.api", *script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "['--help', '-x'] Lite0FpnFeatureExtractor" in done.stdout


@pytest.mark.parametrize("name", ["model_main_tf2", "object_detection.model_main_tf2"])
def test_a_module_of_the_api_is_found_by_its_name(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr("runpy.run_module", lambda *names, **_: ran.extend([*names, *sys.argv]))
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
    module = "object_detection.model_main_tf2"
    assert ran == [module, module, "--help"]


@pytest.mark.parametrize("name", ["no_such_script", "no_such.script", "model_main_tf2.no", "no.py"])
def test_another_name_is_one_sentence(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 2
    assert f"there is no script '{name}'" in result.output

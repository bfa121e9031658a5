"""`python -m fakecheck_training.api SCRIPT ...`: a script of the Object Detection API, made to run.

Before it starts, the API is mended (`compat.py`) and our feature extractors are registered, so that
it takes every pipeline.config that `train` writes.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path

import click

PACKAGE = "object_detection"


def run_script(script: str, arguments: tuple[str, ...]) -> None:
    """Runs a module of the API, or a file that imports it, as `python` would, in this process."""
    path, module = Path(script), f"{PACKAGE}.{script.removeprefix(f'{PACKAGE}.')}"
    is_file = path.suffix == ".py" and path.is_file()
    if not is_file and not _is_module(module):
        raise click.UsageError(f"there is no script {script!r}, of {PACKAGE} or as a file")
    # Importing it mends the API and registers all extractors.
    import fakecheck_training.pipeline  # noqa: F401

    if is_file:
        sys.argv = [script, *arguments]
        sys.path.insert(0, str(path.resolve().parent))
        runpy.run_path(script, run_name="__main__")
    else:
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # a package before its last dot is missing, or is none
        return False


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def main(script: str, arguments: tuple[str, ...]) -> None:
    """Run SCRIPT of the Object Detection API with ARGUMENTS, those of its own.

    SCRIPT is a module of object_detection, or a file:

    \b
      model_main_tf2 --pipeline_config_path FILE --model_dir DIR
      exporter_main_v2 --pipeline_config_path FILE --trained_checkpoint_dir DIR
                       --output_directory DIR

    SCRIPT --help tells all that it takes.
    """
    run_script(script, arguments)


if __name__ == "__main__":
    main()

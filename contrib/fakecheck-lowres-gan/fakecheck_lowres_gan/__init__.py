"""The detector lowres_gan, a plug-in of fakecheck."""

from pathlib import Path

from fakecheck.hookspecs import hookimpl


@hookimpl
def fakecheck_detectors() -> list[Path]:
    return [Path(__file__).parent]

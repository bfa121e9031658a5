"""The bundled detectors as a whole."""

from __future__ import annotations

from pathlib import Path

import fakecheck_detectors

# The package index takes no larger file; graphs hardly compress.
LARGEST_WHEEL = 100e6


def test_all_bundles_fit_into_one_wheel() -> None:
    folder = Path(fakecheck_detectors.__file__).parent
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.suffix == ".pb" for path in files) >= 7
    assert sum(path.stat().st_size for path in files) < 0.95 * LARGEST_WHEEL

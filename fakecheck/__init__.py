"""fakecheck finds the artifacts that face forgeries leave, box by box, and names their family.

>>> from fakecheck import check_image, load_detectors
>>> detectors = load_detectors()
>>> report = check_image("photo.jpg", detectors)   # doctest: +SKIP
>>> report.verdict.label                           # doctest: +SKIP
'real'
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# pydantic imports what any installed package names as a plug-in of pydantic, when the first record
# is declared: code of packages that nobody trusts. It asks this variable first.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

if TYPE_CHECKING:
    from fakecheck.api import check_image, check_video
    from fakecheck.errors import FakecheckError, MediaError, NoDetectorsError
    from fakecheck.loading import DetectorSet, load_detectors
    from fakecheck.media import Limits, Sampling
    from fakecheck.report.record import to_record
    from fakecheck.types import Report

_HOMES = {
    "DetectorSet": "fakecheck.loading",
    "FakecheckError": "fakecheck.errors",
    "Limits": "fakecheck.media",
    "MediaError": "fakecheck.errors",
    "NoDetectorsError": "fakecheck.errors",
    "Report": "fakecheck.types",
    "Sampling": "fakecheck.media",
    "check_image": "fakecheck.api",
    "check_video": "fakecheck.api",
    "load_detectors": "fakecheck.loading",
    "to_record": "fakecheck.report.record",
}

__all__ = [
    "DetectorSet",
    "FakecheckError",
    "Limits",
    "MediaError",
    "NoDetectorsError",
    "Report",
    "Sampling",
    "check_image",
    "check_video",
    "load_detectors",
    "to_record",
]


# Lazily, so that `import fakecheck.card` in a plug-in loads neither OpenCV's video code nor PyAV.
# Type checkers see the imports above: by this they would take every name for one of fakecheck's.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module 'fakecheck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

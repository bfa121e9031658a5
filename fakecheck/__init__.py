"""fakecheck finds the artifacts that face forgeries leave, box by box, and names their family.

>>> from fakecheck import check_image, load_detectors
>>> detectors = load_detectors()
>>> report = check_image("photo.jpg", detectors)   # doctest: +SKIP
>>> report.verdict.label                           # doctest: +SKIP
'real'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fakecheck.api import check_files, check_image, check_video
    from fakecheck.errors import (
        FakecheckError,
        MediaError,
        MissingDependencyError,
        NoDetectorsError,
        PluginError,
        UsageError,
    )
    from fakecheck.loading import DetectorSet, load_detectors
    from fakecheck.media import Limits, Sampling
    from fakecheck.pipeline import Outcome
    from fakecheck.report.record import to_record
    from fakecheck.types import (
        DetectionRow,
        FaceRow,
        FaceVerdict,
        FamilyScore,
        LookedAt,
        MediaInfo,
        Moment,
        Report,
        Span,
        StageError,
        Verdict,
    )

_HOMES = {
    "DetectionRow": "fakecheck.types",
    "DetectorSet": "fakecheck.loading",
    "FaceRow": "fakecheck.types",
    "FaceVerdict": "fakecheck.types",
    "FakecheckError": "fakecheck.errors",
    "FamilyScore": "fakecheck.types",
    "Limits": "fakecheck.media",
    "LookedAt": "fakecheck.types",
    "MediaError": "fakecheck.errors",
    "MediaInfo": "fakecheck.types",
    "MissingDependencyError": "fakecheck.errors",
    "Moment": "fakecheck.types",
    "NoDetectorsError": "fakecheck.errors",
    "Outcome": "fakecheck.pipeline",
    "PluginError": "fakecheck.errors",
    "Report": "fakecheck.types",
    "Sampling": "fakecheck.media",
    "Span": "fakecheck.types",
    "StageError": "fakecheck.types",
    "UsageError": "fakecheck.errors",
    "Verdict": "fakecheck.types",
    "check_files": "fakecheck.api",
    "check_image": "fakecheck.api",
    "check_video": "fakecheck.api",
    "load_detectors": "fakecheck.loading",
    "to_record": "fakecheck.report.record",
}

__all__ = [
    "DetectionRow",
    "DetectorSet",
    "FaceRow",
    "FaceVerdict",
    "FakecheckError",
    "FamilyScore",
    "Limits",
    "LookedAt",
    "MediaError",
    "MediaInfo",
    "MissingDependencyError",
    "Moment",
    "NoDetectorsError",
    "Outcome",
    "PluginError",
    "Report",
    "Sampling",
    "Span",
    "StageError",
    "UsageError",
    "Verdict",
    "check_files",
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
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})

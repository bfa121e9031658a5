"""Calibration and accuracy figures from scores, as `fakecheck detectors validate` has them too."""

from __future__ import annotations

from fakecheck.calibration import auc, detector_llr, exceeded_by, fit_calibration, recall_at

__all__ = ["auc", "detector_llr", "exceeded_by", "fit_calibration", "recall_at"]

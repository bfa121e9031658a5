"""A baseline to compare with: the power spectrum of a face, and a logistic regression on it.

After Durall, Keuper and Keuper, "Watch your Up-Convolution: CNN Based Generative Deep Neural
Networks are Failing to Reproduce Spectral Distributions", CVPR 2020: the azimuthal average of the
log power spectrum, from the mean brightness to the finest detail, and the simplest classifier.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from fakecheck.files import atomic_path
from fakecheck.regions import crop_regions
from fakecheck.types import Face, Floats, Image
from fakecheck_training.augment import FIXED
from fakecheck_training.data import Sample, pick
from fakecheck_training.draws.views import move_face
from fakecheck_training.faces import finder_key, read_image
from fakecheck_training.options import progress
from fakecheck_training.scoring import Readings

NAME = "spectrum"
KEY = "spectrum-1"  # counts up when what is computed changes
SIDE = 128
MARGIN = 0.3
# Radii from 0 to the corner of the spectrum, as whole numbers.
RADII = int(np.hypot(SIDE / 2, SIDE / 2)) + 1


def azimuthal_spectrum(grey: np.ndarray) -> Floats:
    """(SIDE, SIDE) brightness → (RADII,) float32: log power at each radius over that at radius 0.

    Radius r holds the frequencies of r cycles a picture, in any direction.
    """
    if grey.shape != (SIDE, SIDE):
        raise ValueError(f"a face must be ({SIDE}, {SIDE}), got {grey.shape}")
    power = np.abs(np.fft.fftshift(np.fft.fft2(grey.astype(np.float64)))) ** 2
    y, x = np.indices(power.shape) - SIDE // 2
    radius = np.hypot(x, y).astype(np.int64)
    total = np.bincount(radius.ravel(), power.ravel(), RADII)
    count = np.bincount(radius.ravel(), minlength=RADII)
    mean = np.log(total[:RADII] / np.maximum(count[:RADII], 1) + 1e-8)
    return (mean - mean[0]).astype(np.float32)


class SpectrumProbe:
    """Reads the spectrum of every face."""

    name = NAME
    key = KEY

    def read(self, images: Sequence[Image], faces: Sequence[Sequence[Face]]) -> Readings:
        """`images` (height, width, 3) uint8 BGR with the faces found in each."""
        rows = [
            azimuthal_spectrum(cv2.cvtColor(crop.image, cv2.COLOR_BGR2GRAY))
            for image, found in zip(images, faces, strict=True)
            for crop in crop_regions(image, found, ("face",), (SIDE, SIDE), MARGIN)
        ]
        return Readings(np.array(rows, np.float32).reshape(-1, RADII))


def fit_spectra(
    data: Path, work: Path, samples: Sequence[Sample], faces: dict[str, Face]
) -> tuple[Floats, np.ndarray]:
    """Spectra (n, RADII) of the `fit` split, and which are of fakes, (n,) bool; kept in WORK.

    Each picture is in one of the states of `FIXED`, drawn by its name, so that the probe has seen
    what it is held against, as the detectors have.
    """
    path = work / "measured" / finder_key() / f"{KEY}-fit.npz"
    chosen = [sample for sample in pick(samples, "fit") if sample.key in faces]
    if not path.exists():
        probe = SpectrumProbe()
        rows = []
        for sample in progress(chosen, len(chosen), "spectra of the fit split"):
            image = read_image(data / sample.key)
            state = tuple(FIXED.values())[zlib.crc32(sample.key.encode()) % len(FIXED)]
            shown = state(image)
            scale = (shown.shape[1] / image.shape[1], shown.shape[0] / image.shape[0])
            rows.append(probe.read([shown], [[move_face(faces[sample.key], *scale)]]).values[0])
        fake = np.array([sample.fake for sample in chosen])
        with atomic_path(path) as temporary:
            np.savez(temporary, values=np.stack(rows), fake=fake)
    with np.load(path) as kept:
        return kept["values"], kept["fake"]


def fit_probe(spectra: Floats, fake: np.ndarray) -> Pipeline:
    """A logistic regression of fake against real, both weighing the same."""
    model = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
    )
    return model.fit(spectra, fake)


def fake_logits(model: Pipeline, spectra: Floats) -> Floats:
    """Spectra (n, RADII) → (n,) float32, the higher the likelier fake."""
    if not len(spectra):
        return np.zeros(0, np.float32)
    return np.asarray(model.decision_function(spectra), np.float32)

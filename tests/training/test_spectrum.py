"""The spectrum of a face shows what it is made of."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from drawn import drawn_face

from fakecheck_training.baselines.spectrum import (
    RADII,
    SIDE,
    SpectrumProbe,
    azimuthal_spectrum,
    fake_logits,
    fit_probe,
)


@pytest.mark.parametrize("cycles", [5, 20, 60])
def test_a_wave_peaks_at_its_frequency(cycles: int) -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    for along in (x, y):
        wave = 128 + 100 * np.cos(2 * np.pi * cycles * along / SIDE)
        spectrum = azimuthal_spectrum(wave)
        assert spectrum.shape == (RADII,)
        assert spectrum[0] == 0
        assert int(spectrum[1:].argmax()) + 1 == cycles


def test_a_checkerboard_of_pixels_peaks_in_the_corner() -> None:
    y, x = np.mgrid[:SIDE, :SIDE]
    spectrum = azimuthal_spectrum(128.0 + 50 * (-1.0) ** (x + y))
    assert int(spectrum[1:].argmax()) + 1 == RADII - 1


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="must be"):
        azimuthal_spectrum(np.zeros((64, 64)))


def test_a_row_a_face_and_none_without() -> None:
    image, face = drawn_face(1)
    values = SpectrumProbe().read([image, image], [[face, face], [face]]).values
    assert values.shape == (3, RADII)
    np.testing.assert_array_equal(values[0], values[2])
    assert SpectrumProbe().read([image], [[]]).values.shape == (0, RADII)


def test_faces_enlarged_from_few_pixels_are_told_from_others() -> None:
    probe, rows, fake = SpectrumProbe(), [], []
    for seed in range(40):
        image, face = drawn_face(seed)
        if seed % 2:
            small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            image = cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        rows.append(probe.read([image], [[face]]).values[0])
        fake.append(bool(seed % 2))
    spectra, truth = np.stack(rows), np.array(fake)
    model = fit_probe(spectra[:20], truth[:20])
    logits = fake_logits(model, spectra[20:])
    assert ((logits > 0) == truth[20:]).mean() > 0.9
    assert len(fake_logits(model, spectra[:0])) == 0

"""The spectrum probe on videos: what a bare logistic regression on spectra reaches there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fakecheck.files import atomic_path
from fakecheck.types import Floats
from fakecheck_training.baselines.spectrum import KEY, SpectrumProbe, fake_logits, fit_probe
from fakecheck_training.data import pick
from fakecheck_training.faces import finder_key, read_image
from fakecheck_training.sequence.corpus import FFPP, FOLDER
from fakecheck_training.sequence.data import Labelled
from fakecheck_training.sequence.metrics import probability
from fakecheck_training.sources import known_samples


def spectrum_scores(sequences: Sequence[Labelled], data: Path, work: Path) -> Floats:
    """(n,) probabilities of videos of `val`: the mean logit of their frames.

    The probe is fitted on frames of the same set's `fit` and `calib` videos, undegraded: the most
    favourable case for it.
    """
    spectra = _spectra(data, work)
    samples = [s for s in known_samples(data, work)[0] if s.dataset == FFPP]
    train = [s for s in (*pick(samples, "fit"), *pick(samples, "calib")) if s.key in spectra]
    model = fit_probe(np.stack([spectra[s.key] for s in train]), np.array([s.fake for s in train]))
    values = []
    for one in sequences:
        keys = [str(Path(path).relative_to(data)) for path in one.item.files]
        rows = [spectra[key] for key in keys if key in spectra]
        values.append(float(np.mean(fake_logits(model, np.stack(rows)))) if rows else 0.0)
    return probability(np.array(values))


def _spectra(data: Path, work: Path) -> dict[str, Floats]:
    """Key → spectrum of the main face of every frame of the set; kept in WORK."""
    path = work / FOLDER / f"{KEY}-{FFPP}-{finder_key()}.npz"
    if not path.exists():
        samples, faces = known_samples(data, work)
        keys = [s.key for s in samples if s.dataset == FFPP]
        probe = SpectrumProbe()
        rows = [probe.read([read_image(data / key)], [[faces[key]]]).values[0] for key in keys]
        with atomic_path(path) as temporary:
            np.savez(temporary, keys=np.array(keys), values=np.stack(rows))
    with np.load(path) as kept:
        return dict(zip(kept["keys"].tolist(), kept["values"], strict=True))

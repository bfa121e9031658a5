"""`python -m fakecheck_training.calibrate RECIPE`: held-back scores → likelihood ratios.

Fitted on the `calib` split under all degradations mixed: the family's fakes against the reals of
all sets. Classes of parts are fitted on the fakes that have this part replaced, simulated artifacts
on those that have this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from fakecheck.calibration import (
    FIRING_RATE,
    detector_llr,
    exceeded_by,
    false_alarm_table,
    fit_calibration,
)
from fakecheck_training.cards import read_card, write_card
from fakecheck_training.data import Sample
from fakecheck_training.draws.held_back import held_back
from fakecheck_training.draws.parts import part_label
from fakecheck_training.options import (
    cli,
    data_option,
    out_option,
    recipe_argument,
    work_option,
)
from fakecheck_training.recipe import load_detector_recipe
from fakecheck_training.scoring import MIXED, Scorer, Scores
from fakecheck_training.sources import known_samples


def positives_of(samples: Sequence[Sample], label: str) -> np.ndarray:
    """(n,) bool: which fakes have what `label` names; all of them where that is not known."""

    def known(sample: Sample) -> set[str]:
        return set(sample.labels) or {part_label(part) for part in sample.parts}

    return np.array(
        [sample.fake and (not known(sample) or label in known(sample)) for sample in samples]
    )


def calibrate_card(card: dict, scores: Scores) -> None:
    """Fits classes, thresholds and the table of false alarms of `card` in place."""
    samples = scores.samples
    real = np.array([not sample.fake for sample in samples])
    groups = np.array([f"{sample.dataset}/{sample.kin}" for sample in samples])
    witnesses = len(np.unique(groups[real]))
    fitted = []
    for index, spec in enumerate(card["classes"]):
        fake = positives_of(samples, spec["name"])
        values = scores.values[:, :, index]
        calibration = fit_calibration(
            values[fake].ravel(),
            values[real].ravel(),
            len(np.unique(groups[fake])),
            witnesses,
        )
        fitted.append(calibration)
        spec["calibration"] = calibration.model_dump()
        spec["threshold"] = round(exceeded_by(values[real].ravel(), FIRING_RATE), 6)
    classes = scores.values.shape[2]
    llr = detector_llr(scores.values[real].reshape(-1, classes), fitted)
    card["false_alarm_llr"] = false_alarm_table(llr, witnesses)


@cli
@recipe_argument
@data_option
@work_option
@out_option
def main(recipe: Path, data: Path, work: Path, out: Path) -> None:
    """Calibrate the exported bundle of RECIPE on held-back pictures and write its card anew."""
    spec = load_detector_recipe(recipe)
    samples, faces = known_samples(data, work, spec)
    chosen = held_back(spec, samples, data, faces, "calib")
    folder = out / spec.name
    card = read_card(folder)
    calibrate_card(card, Scorer(folder, data, faces).score(chosen, MIXED))
    write_card(folder, card)
    for item in card["classes"]:
        click.echo(f"{item['name']}: {item['calibration']}, fires at {item['threshold']}", err=True)
    click.echo(f"exceeded by a share of real faces: {card['false_alarm_llr']}", err=True)


if __name__ == "__main__":
    main()

"""`python -m fakecheck_training.evaluate RECIPE`: one detector's accuracy on held-back pictures.

What models are picked by. The figures of `val`, on pages and cards, come from
`fakecheck_training.measure` and `accuracy`.

The score of a picture is its detector's log-likelihood ratio, as the runtime's verdict uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from fakecheck.calibration import auc, detector_llr, recall_at
from fakecheck.card import Calibration
from fakecheck_training.augment import FIXED
from fakecheck_training.cards import OWN, POOLED
from fakecheck_training.draws.held_back import held_back
from fakecheck_training.options import (
    cli,
    data_option,
    out_option,
    recipe_argument,
    work_option,
)
from fakecheck_training.recipe import load_detector_recipe
from fakecheck_training.scoring import Scorer, Scores
from fakecheck_training.sources import known_samples


def measure(
    scores: Scores, calibrations: Sequence[Calibration], split: str
) -> list[dict[str, Any]]:
    """A row for every set of fakes, degradation and kind of negatives.

    `recall_at_fpr01` always holds at the value that 1 % of the reals of all sets exceed: a set's
    own reals are too few to say what one in a hundred of them does.
    """
    sets = np.array([sample.dataset for sample in scores.samples])
    fake = np.array([sample.fake for sample in scores.samples])
    rows = []
    for name in sorted(set(sets[fake])):
        for index, degradation in enumerate(scores.degradations):
            llr = detector_llr(scores.values[:, index], calibrations)
            positives = llr[fake & (sets == name)]
            recall = recall_at(positives, llr[~fake])
            for source, mask in ((OWN, ~fake & (sets == name)), (POOLED, ~fake)):
                if not mask.any():
                    continue
                rows.append(
                    {
                        "set": str(name),
                        "split": split,
                        "degradation": degradation,
                        "auc": round(auc(positives, llr[mask]), 4),
                        "recall_at_fpr01": round(recall, 4),
                        "positives": len(positives),
                        "negatives": int(mask.sum()),
                        "negatives_from": source,
                    }
                )
    return rows


@cli
@recipe_argument
@data_option
@work_option
@out_option
def main(recipe: Path, data: Path, work: Path, out: Path) -> None:
    """Show how accurate the calibrated bundle of RECIPE is on held-back training pictures."""
    spec = load_detector_recipe(recipe)
    samples, faces = known_samples(data, work, spec)
    chosen = held_back(spec, samples, data, faces, "calib")
    scorer = Scorer(out / spec.name, data, faces)
    calibrations = [item.calibration for item in scorer.card.classes]
    for row in measure(scorer.score(chosen, tuple(FIXED)), calibrations, "calib"):
        click.echo(
            f"{row['set']}, {row['degradation']}, against {row['negatives_from']}: AUC "
            f"{row['auc']:.3f}, recall at 1 % FPR {row['recall_at_fpr01']:.3f}"
        )


if __name__ == "__main__":
    main()

"""A detector of drawn forgeries: trained in little time, and what it must have learned by then.

Training is not deterministic: threads decide the order of pictures and of sums. So what is asked
for are medians and shares over several batches and pictures, with room.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn import ToySource
from imagenet import imagenet_start

from fakecheck.calibration import auc
from fakecheck.card import ONNX_FILE, load_card
from fakecheck.engines.convert import Agreement
from fakecheck.engines.onnx import OnnxEngine
from fakecheck.geometry import iou_matrix
from fakecheck.graph import check_bundle, read_checked
from fakecheck_training import train
from fakecheck_training.export import export_detector, stages
from fakecheck_training.pipeline import run_folders
from fakecheck_training.recipe import DetectorRecipe
from fakecheck_training.records import make_draws, write_records
from tests.bundles import suppressing_loops

SIDE = 96
PICTURES = 24
DATA = [{"set": "drawn", "split": "train", "use": "positives", "pictures": 48, "terms": "none"}]


def train_toy(
    recipe: DetectorRecipe, work: Path, steps_a_loop: int, from_nothing: bool = False
) -> None:
    """Trains, from ImageNet, in the folder `work`, with a line of log every so many steps."""
    wanted = recipe.records
    for folder, run in zip(run_folders(work, recipe), recipe.runs, strict=True):
        draws = make_draws(ToySource(SIDE), wanted.fakes, wanted.reals, run.seed)
        write_records(draws, folder, recipe.classes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "STEPS_A_LOOP", steps_a_loop)
        train.train_runs(recipe, work, None if from_nothing else imagenet_start(work / "start"))


def export_toy(recipe: DetectorRecipe, work: Path) -> tuple[Path, Agreement]:
    """The bundle's folder, and how well its two graphs agree, which exporting checks."""
    folder, agreement = export_detector(recipe, work, work / "out", DATA, stages(recipe, work))
    assert suppressing_loops(folder / ONNX_FILE) == []
    return folder, agreement


def check_loss(recipe: DetectorRecipe, work: Path, share: float, lines: int) -> None:
    """In each run the last `lines` of log have a median loss under this `share` of the first's.

    The median, since a batch that happens to hold no forgery has no boxes to divide its loss by.
    """
    for folder in run_folders(work, recipe):
        losses = [loss for _, loss in train.read_losses(folder / "checkpoints/train")]
        assert len(losses) >= 2 * lines
        assert np.median(losses[-lines:]) < share * np.median(losses[:lines]), losses


def check_found(bundle: Path) -> None:
    """The exported graph tells unseen forgeries from real faces, and boxes them."""
    card = load_card(bundle)
    check_bundle(card)
    source = ToySource(SIDE)
    draws = [source.draw(bool(i % 2), np.random.default_rng((9, i))) for i in range(PICTURES)]
    pictures = np.stack([draw.image[..., ::-1] for draw in draws])
    raw = OnnxEngine(card, read_checked(card, ONNX_FILE)).run(pictures)
    best = np.array([s[:n].max(initial=0) for s, n in zip(raw.scores, raw.counts, strict=True)])
    fake = np.array([draw.fake for draw in draws])
    assert auc(best[fake], best[~fake]) >= 0.95, best
    at = raw.scores.argmax(axis=1)
    boxes = raw.boxes[np.arange(PICTURES), at][:, [1, 0, 3, 2]] * SIDE
    overlaps = np.array(
        [
            iou_matrix(box[None], draw.xyxy)[0, 0]
            for box, draw in zip(boxes, draws, strict=True)
            if draw.fake
        ]
    )
    assert np.median(overlaps) > 0.5, overlaps
    assert np.mean(overlaps > 0.3) >= 0.75, overlaps
    # Of the forgeries' own class, which the label map puts first.
    assert np.mean(raw.classes[np.arange(PICTURES), at][fake] == 1) >= 0.9

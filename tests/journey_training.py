"""`python -m tests.journey_training OUT`: a small detector, trained for test_journey.

It stands for what contributors do by themselves with the training tool that they like: what comes
out is a frozen graph and a label map. An SSD of the Object Detection API learns in a few steps to
box the checkerboards of `tests/checkergan.py` on a speaker's face. In a process of its own, since
TensorFlow and what the API keeps globally would stay in that of the other tests.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from fakecheck.card import GRAPH_FILE, LABEL_MAP_FILE
from fakecheck.faces import FaceFinder
from fakecheck.regions import crop_regions
from fakecheck_training.draws.source import Draw
from fakecheck_training.freeze import freeze, load_model
from fakecheck_training.pipeline import detector_folder
from fakecheck_training.records import label_map_text, make_draws, write_records
from fakecheck_training.train import train_detector
from tests.checkergan import clip_frames, forge, varied
from tests.training.drawn import drawn_recipe
from tests.training.imagenet import imagenet_start

SIDE = 96
# So many that it is sure enough beside nine others, which share the false alarms with it.
STEPS = 280
PICTURES = 200
RECIPE = drawn_recipe("checkergan", "lsgan", SIDE, PICTURES, STEPS)


class ClipSource:
    """Faces of the sample clip, forged or not, of `side` pixels, as `records` draws them."""

    def __init__(self, side: int) -> None:
        self.families = [RECIPE.family]
        self.side = side
        self._frames = clip_frames("train")
        self._finder = FaceFinder()

    def draw(self, fake: bool, rng: np.random.Generator) -> Draw:
        """One picture, with the box of its face if it is `fake`."""
        image = varied(self._frames[rng.integers(len(self._frames))], rng)
        face = self._finder.find(image)[0]
        crop = crop_regions(
            forge(image, face) if fake else image, [face], size=(self.side, self.side)
        )[0]
        return Draw(
            image=crop.image,
            fake=fake,
            family=RECIPE.family if fake else "",
            xyxy=crop.to_crop(face.xyxy[None]) if fake else np.zeros((0, 4), np.float32),
            labels=tuple(RECIPE.classes) if fake else (),
            source="clip",
        )


def main(out: Path) -> None:
    """Trains and writes `frozen_inference_graph.pb` and `label_map.pbtxt` into the folder `out`."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder = detector_folder(work, RECIPE.name)
        draws = make_draws(ClipSource(SIDE), PICTURES, PICTURES, seed=1)
        write_records(draws, folder, RECIPE.classes)
        train_detector(RECIPE, folder, imagenet_start(work / "start"))
        model = load_model(folder / "pipeline.config", [folder / "checkpoints"])
        out.mkdir(parents=True, exist_ok=True)
        (out / GRAPH_FILE).write_bytes(freeze(*model))
        (out / LABEL_MAP_FILE).write_text(label_map_text(RECIPE.classes), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Shots, verdicts and results as the tests of the pages of accuracy want them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fakecheck.card import DetectorCard, load_card
from fakecheck.types import Face
from fakecheck_training.accuracy.judging import Judged
from fakecheck_training.accuracy.results import Results, compute
from fakecheck_training.data import Sample
from fakecheck_training.measured import STATES, Shot
from fakecheck_training.scoring import BOX
from fakecheck_training.simulation.parts import part_box

BUNDLES = Path(__file__).parents[2] / "detectors"
# Set, family, fakes (and as many reals), and how strongly its own detector sees it: None where
# there is no such detector. The first has groups enough for an interval, the others have not.
SETS = (
    ("stargan", "stargan", 24, 0.95),
    ("ciplab", "partswap", 16, 0.7),
    ("stylegan", "stylegan", 16, None),
)


def a_face(side: float = 100.0) -> Face:
    marks = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    box = np.array([20, 20, 20 + side, 20 + side], np.float32)
    return Face(box, (20 + side * marks).astype(np.float32), 0.9)


def a_sample(dataset: str, number: int, fake: bool, family: str = "") -> Sample:
    parts = ("nose",) if fake and family == "partswap" else ()
    group = f"g{number}"
    return Sample(
        f"{dataset}/{fake}{number}", dataset, "val", fake, family if fake else "", group, parts
    )


def boxes_of(rows: Sequence[tuple[int, float, np.ndarray]]) -> np.ndarray:
    return np.array([(0, number, score, tuple(xyxy)) for number, score, xyxy in rows], BOX)


def a_shot(sample: Sample, state: str, values: dict[str, np.ndarray], faces=None) -> Shot:
    nose = part_box(a_face(), "nose")
    found = {name: boxes_of([]) for name in values}
    if "partswap" in values and sample.fake and sample.parts:
        found["partswap"] = boxes_of([(2, 0.8, nose)])
    return Shot(sample, state, 160, 160, (a_face(),) if faces is None else faces, values, found)


def copied_cards(root: Path) -> list[DetectorCard]:
    """Two shipped cards, in folders that may be written to."""
    for name in ("partswap", "stargan"):
        shutil.copytree(BUNDLES / name, root / name)
    return [load_card(root / name) for name in ("partswap", "stargan")]


def made_results(cards: list[DetectorCard], flaws: int = 0) -> Results:
    """Figures of drawn scores: two families with a detector, one without, two baselines.

    `flaws` is the number of simulated flaws among them, which no detector sees.
    """
    rng = np.random.default_rng(5)
    shots = []
    sets = [(*one, (False, True)) for one in SETS]
    sets.append(("simulated", "attributes", flaws, None, (True,)))
    for dataset, family, count, strength, labels in sets:
        for number in range(count):
            for fake in labels:
                sample = a_sample(dataset, number, fake, family)
                for state in STATES:
                    low = {
                        card.id: rng.uniform(0.02, 0.25, (1, len(card.classes))).astype("f4")
                        for card in cards
                    }
                    mine = [card.id for card in cards if card.family == family]
                    if fake and mine:
                        low[mine[0]][:] = strength
                    shots.append(a_shot(sample, state, low))
    random = rng.uniform(size=len(shots)).astype(np.float32)
    # Blind where pictures are blurred, and right where they are not.
    sharp = [shot.degradation != "blur1" and shot.sample.fake for shot in shots]
    return compute(shots, cards, {"Meso4_DF": random, "spectrum": np.array(sharp, np.float32)})


def judged(number: int, fake: bool, label: str, families: tuple[str, ...], dataset="dcgan"):
    sample = a_sample(dataset, number, fake, "dcgan" if dataset == "dcgan" else "dfdc")
    return Judged(sample, label, 0.9, families, bool(families))


def section(page: str, title: str) -> str:
    """What stands under a heading."""
    return page.split(f"\n## {title}\n")[1].split("\n## ")[0]


def cells(text: str, start: str) -> list[list[str]]:
    """The cells of the rows that start so, without the first."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return [line.strip("| ").split(" | ")[1:] for line in lines]

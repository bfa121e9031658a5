"""Cards: what training writes, the runtime takes; the page shows what the card holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs scikit-learn (pip install fakecheck[train])")

from fakecheck.card import load_card
from fakecheck_training.augment import FIXED
from fakecheck_training.calibrate import calibrate_card, positives_of
from fakecheck_training.cards import new_card, read_card, training_commands, write_card
from fakecheck_training.data import Sample
from fakecheck_training.evaluate import OWN, POOLED, measure
from fakecheck_training.kept import keep_backbone
from fakecheck_training.recipe import load_backbone_recipe, load_detector_recipe
from fakecheck_training.records import label_map_text
from fakecheck_training.scoring import MIXED, Scores

DATA = [{"set": "ciplab", "split": "train", "use": "positives", "pictures": 3, "terms": "research"}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    recipe = load_detector_recipe(Path("partswap"))
    (tmp_path / "frozen_inference_graph.pb").write_bytes(b"graph")
    (tmp_path / "label_map.pbtxt").write_text(label_map_text(recipe.classes))
    write_card(tmp_path, new_card(recipe, tmp_path, DATA, [{"name": "ssd", "steps": 4}], tmp_path))
    return tmp_path


def _scores(degradations: tuple[str, ...], seed: int) -> Scores:
    rng = np.random.default_rng(seed)
    samples, values = [], []
    for index in range(300):
        fake = index % 2 == 0
        parts = ("nose",) if index % 4 == 0 else ("left_eye", "mouth")
        dataset = "ciplab" if index % 3 else "other"
        samples.append(
            Sample(
                f"{dataset}/{index}",
                dataset,
                "calib",
                fake,
                "partswap" if fake else "",
                f"g{index}",
                parts if fake else (),
            )
        )
        shown = [
            1.0 if fake and c in positive else -3.0
            for c, positive in enumerate(
                [{0} if "left_eye" in parts else set(), {1} if "nose" in parts else set(), set()]
            )
        ]
        logits = rng.normal([2.0 if s > 0 else s for s in shown], 1, (len(degradations), 3))
        if fake and "mouth" in parts:
            logits[:, 2] += 4
        values.append(1 / (1 + np.exp(-logits)))
    return Scores(tuple(samples), degradations, np.array(values, np.float32))


def test_a_new_card_is_taken_by_the_runtime_and_speaks_for_nothing(folder: Path) -> None:
    card = load_card(folder)
    assert card.input.width == 112
    assert [spec.name for spec in card.classes] == [
        "eyes_partswap",
        "nose_partswap",
        "mouth_partswap",
    ]
    assert all(spec.calibration.max_llr == 0 for spec in card.classes)


def test_calibration_and_figures_go_into_card_and_page(folder: Path) -> None:
    card = read_card(folder)
    calibrate_card(card, _scores(MIXED, 1))
    write_card(folder, card)
    calibrations = [spec.calibration for spec in load_card(folder).classes]
    rates = load_card(folder).false_alarm_llr
    # The 150 reals are groups of their own: they show one in a hundred, and nothing rarer.
    assert min(rates) == 0.01
    assert list(rates.values()) == sorted(rates.values())
    assert all(spec.slope > 0.5 for spec in calibrations)
    card["metrics"] = measure(_scores(tuple(FIXED), 2), calibrations, "val")
    write_card(folder, card)
    rows = load_card(folder).metrics
    assert {row.negatives_from for row in rows} == {OWN, POOLED}
    assert {row.degradation for row in rows} == set(FIXED)
    assert all(row.auc > 0.8 for row in rows)
    page = (folder / "CARD.md").read_text()
    assert f"{rows[0].auc:.3f}" in page
    assert "Parts of faces under 90 pixels" in page


def test_parts_are_positives_of_their_own_class_only() -> None:
    samples = _scores(("none",), 3).samples[:4]
    assert positives_of(samples, "nose_partswap").tolist() == [True, False, False, False]
    assert positives_of(samples, "eyes_partswap").tolist() == [False, False, True, False]


def test_annotated_labels_say_whose_positive_a_picture_is() -> None:
    samples = [
        Sample("a", "mine", "calib", True, "f", "a", labels=("face_swap",)),
        Sample("b", "mine", "calib", True, "f", "b", ("left_eye",), labels=("eyes_reenact",)),
        Sample("c", "mine", "calib", False, "", "c"),
    ]
    assert positives_of(samples, "face_swap").tolist() == [True, False, False]
    assert positives_of(samples, "eyes_reenact").tolist() == [False, True, False]


def test_the_command_trains_the_backbone_that_the_backbone_starts_from_first(
    tmp_path: Path,
) -> None:
    swaps = replace(load_backbone_recipe(Path("swaps")), network="lite0", start="stills")
    keep_backbone(swaps, tmp_path)
    command = training_commands(load_detector_recipe(Path("deepfakes")), tmp_path)
    steps = [line.removeprefix("python -m fakecheck_training.") for line in command.split(" && ")]
    assert steps[:4] == ["faces", "backbone stills", "backbone swaps", "prepare deepfakes"]

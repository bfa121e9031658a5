"""mAP@0.5 of a detector's boxes, where it is known which part or area was forged.

Boxes are matched by the Object Detection API's own evaluation, and those of one class that overlap
are merged as the report merges them. Real pictures take part: what is found on them lowers the
precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fakecheck.assemble import SAME_BOX_IOU
from fakecheck.card import DetectorCard
from fakecheck.types import Face, Floats
from fakecheck_training.curves import average_precision
from fakecheck_training.draws.held_back import SimulatedSample
from fakecheck_training.draws.parts import part_label
from fakecheck_training.draws.views import move_face
from fakecheck_training.faces import main_face
from fakecheck_training.measured import Shot
from fakecheck_training.simulation.parts import part_box

MATCH_IOU = 0.5
MOST_BOXES = 50
Truth = Sequence[tuple[str, Floats]]
"""The class and the box, (4,) xyxy in pixels of the degraded picture, of all that was forged."""


@dataclass(frozen=True)
class BoxAccuracy:
    """`by_class` maps a class to its average precision and to how many boxes were to be found."""

    dataset: str
    degradation: str
    pictures: int
    by_class: Mapping[str, tuple[float, int]]

    @property
    def mean(self) -> float:
        """mAP@0.5: the mean over classes."""
        return float(np.mean([precision for precision, _ in self.by_class.values()]))


def undegraded_faces(shots: Sequence[Shot]) -> dict[str, tuple[Face, int, int]]:
    """Key → the main face of each undegraded picture, and the picture's width and height."""
    found = {}
    for shot in shots:
        if shot.degradation == "none":
            face = main_face(shot.faces, shot.width, shot.height)
            if face is not None:
                found[shot.sample.key] = (face, shot.width, shot.height)
    return found


def truth(shot: Shot, faces: Mapping[str, tuple[Face, int, int]]) -> Truth | None:
    """What was forged: nothing in a real picture, else the replaced parts or simulated artifacts.

    Boxes of parts follow from the landmarks of the undegraded picture, as in training. None where
    no face was found there, so that nobody can say where the parts are.
    """
    sample = shot.sample
    if not sample.fake:
        return ()
    if sample.key not in faces:
        return None
    face, width, height = faces[sample.key]
    scale = (shot.width / width, shot.height / height)
    if isinstance(sample, SimulatedSample):
        boxes = np.array(sample.boxes, np.float32) * np.array([*scale, *scale], np.float32)
        return list(zip(sample.labels, boxes, strict=True))
    moved = move_face(face, *scale)
    return [(part_label(part), part_box(moved, part)) for part in sample.parts]


def box_accuracy(
    card: DetectorCard, shots: Sequence[Shot], truths: Sequence[Truth]
) -> BoxAccuracy | None:
    """Of shots of one set and state; None where nothing that the card names was forged."""
    from object_detection.utils import per_image_evaluation

    names = [spec.name for spec in card.classes]
    evaluation = per_image_evaluation.PerImageEvaluation(
        len(names), MATCH_IOU, SAME_BOX_IOU, MOST_BOXES
    )
    scores: list[list[Floats]] = [[] for _ in names]
    hits: list[list[np.ndarray]] = [[] for _ in names]
    wanted = np.zeros(len(names), int)
    for shot, truth in zip(shots, truths, strict=True):
        mine = [(names.index(name), box) for name, box in truth if name in names]
        numbers = np.array([number for number, _ in mine], int)
        np.add.at(wanted, numbers, 1)
        found = shot.boxes[card.id]
        per_class = evaluation.compute_object_detection_metrics(
            _corners(found["xyxy"]),
            found["score"].astype(float),
            found["class_id"] - 1,
            _corners(np.array([box for _, box in mine], np.float32).reshape(-1, 4)),
            numbers,
            np.zeros(len(mine), bool),
            np.zeros(len(mine), bool),
        )
        for index in range(len(names)):
            scores[index].append(per_class[0][index])
            hits[index].append(per_class[1][index])
    by_class = {}
    for index, name in enumerate(names):
        if wanted[index]:
            precision = average_precision(
                np.concatenate(scores[index]), np.concatenate(hits[index]), int(wanted[index])
            )
            by_class[name] = (precision, int(wanted[index]))
    if not by_class:
        return None
    return BoxAccuracy(shots[0].sample.dataset, shots[0].degradation, len(shots), by_class)


def _corners(xyxy: Floats) -> np.ndarray:
    """xyxy → ymin, xmin, ymax, xmax."""
    return xyxy[:, [1, 0, 3, 2]].astype(float)

"""Annotations that people bring: VOC, COCO and folders become samples, bad files are named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn import drawn_face

from fakecheck.errors import InputError, UsageError
from fakecheck.regions import crop_regions
from fakecheck.types import Face, Image
from fakecheck_training.augment import Degrader
from fakecheck_training.cards import training_data
from fakecheck_training.data import Sample, split_of
from fakecheck_training.draws.faces import FaceSource
from fakecheck_training.draws.parts import PartSource
from fakecheck_training.inputs import faces as input_faces
from fakecheck_training.inputs.faces import find_input_faces, marked_face, with_parts
from fakecheck_training.inputs.samples import InputSet, read_input
from fakecheck_training.recipe import InputSpec, Records, load_detector_recipe
from fakecheck_training.simulation.parts import part_box
from fakecheck_training.sources import detector_source, known_samples

CLASSES = ["eyes_partswap", "nose_partswap"]
SIDE = 128
VOC = """<annotation><folder>set</folder><filename>{file}</filename>
<size><width>{width}</width><height>{height}</height><depth>3</depth></size>{objects}</annotation>
"""
OBJECT = """<object><name>{name}</name><bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax>
<ymax>{3}</ymax></bndbox></object>
"""


def _picture(path: Path, seed: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), drawn_face(seed, SIDE)[0])


def _voc(folder: Path, name: str, objects: str = "", picture: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if picture:
        _picture(folder / f"{name}.png")
    text = VOC.format(file=f"{name}.png", width=SIDE, height=SIDE, objects=objects)
    (folder / f"{name}.xml").write_text(text)


def _read(root: Path, kind: str, **more: str) -> InputSet:
    spec = InputSpec(format=kind, path=str(root), name="mine", terms="my own", **more)
    return read_input(spec, Path("unused"), CLASSES, "myfamily")


NOSE = OBJECT.format(40, 50, 70, 80, name="nose_partswap")


def test_voc_boxes_become_fakes_and_pictures_without_one_reals(tmp_path: Path) -> None:
    _voc(tmp_path, "a_1", NOSE + OBJECT.format(20.5, 30, 50, 45, name="eyes_partswap"))
    _voc(tmp_path, "b_1")
    found = _read(tmp_path, "voc")
    assert found.problems == []
    fake, real = found.samples
    assert (fake.fake, fake.family, fake.dataset) == (True, "myfamily", "mine")
    assert fake.labels == ("nose_partswap", "eyes_partswap")
    assert fake.boxes == ((40, 50, 70, 80), (20.5, 30, 50, 45))
    assert (real.fake, real.family, real.labels, real.boxes) == (False, "", (), ())
    assert Path(real.key) == (tmp_path / "b_1.png").resolve()


def test_voc_pictures_may_lie_next_door_or_where_the_recipe_says(tmp_path: Path) -> None:
    for place, more in (("JPEGImages", {}), ("elsewhere", {"pictures": "../elsewhere"})):
        root = tmp_path / place[:4] / "Annotations"
        root.mkdir(parents=True)
        for name in ("a_1", "b_1"):
            _voc(root, name, NOSE, picture=False)
            _picture(root.parent / place / f"{name}.png")
        assert len(_read(root, "voc", **more).samples) == 2


BAD_VOC = [
    ("<annotation><object>", "it is no XML"),
    ("<?xml version='1.0' encoding='foo'?><annotation/>", "it is no XML"),
    ("<html></html>", "it is no Pascal VOC annotation with a filename"),
    (
        VOC.format(file="x.png", width=9, height=9, objects=NOSE),
        "for a picture of 9 x 9 pixels, but x.png has 128 x 128",
    ),
    (
        VOC.format(file="gone.png", width=0, height=0, objects=NOSE),
        "its picture gone.png is not there",
    ),
    (
        VOC.format(file="torn.png", width=0, height=0, objects=NOSE),
        "cannot be read as a picture",
    ),
    (
        VOC.format(file="x.png", width=0, height=0, objects=NOSE.replace("nose_", "tail_")),
        "unknown label 'tail_partswap', the recipe's are eyes_partswap, nose_partswap",
    ),
    (
        VOC.format(file="x.png", width=0, height=0, objects=NOSE.replace(">40<", ">big<")),
        "bndbox/xmin is no number but 'big'",
    ),
    (
        VOC.format(file="x.png", width=0, height=0, objects=NOSE.replace(">40<", ">70<")),
        "the box 70 50 70 80 covers nothing of its picture",
    ),
]


@pytest.mark.parametrize(("text", "cause"), BAD_VOC)
def test_a_bad_file_is_passed_over_with_its_name_and_cause(
    tmp_path: Path, text: str, cause: str
) -> None:
    _voc(tmp_path, "good_1", NOSE)
    _picture(tmp_path / "x.png")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG torn")
    (tmp_path / "x.xml").write_text(text)
    found = _read(tmp_path, "voc")
    assert [Path(sample.key).stem for sample in found.samples] == ["good_1"]
    (problem,) = found.problems
    assert cause in problem
    assert problem.startswith(str(tmp_path))
    assert "\n" not in problem


def test_boxes_are_cut_at_the_border(tmp_path: Path) -> None:
    _voc(tmp_path, "a_1", NOSE.replace(">70<", ">900<"))
    assert _read(tmp_path, "voc").samples[0].boxes == ((40, 50, SIDE, 80),)


def _coco(**change: object) -> dict[str, object]:
    return {
        "images": [
            {"id": 7, "file_name": "p_1.png", "width": SIDE, "height": SIDE, "video": "v1"},
            {"id": 8, "file_name": "p_2.png", "width": SIDE, "height": SIDE, "video": "v2"},
        ],
        "categories": [{"id": 3, "name": "nose_partswap"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [40, 50, 30, 25.5]}],
        **change,
    }


def _cvat(root: Path, content: object) -> None:
    for name in ("p_1.png", "p_2.png"):
        _picture(root / "images" / name)
    (root / "annotations").mkdir()
    text = content if isinstance(content, str) else json.dumps(content)
    (root / "annotations" / "instances_default.json").write_text(text)


def test_coco_as_cvat_exports_it(tmp_path: Path) -> None:
    _cvat(tmp_path, _coco())
    fake, real = _read(tmp_path, "coco", group="video").samples
    assert (fake.fake, real.fake) == (True, False)
    assert fake.boxes == ((40, 50, 70, 75.5),)
    assert (fake.group, real.group) == ("v1", "v2")
    one = tmp_path / "annotations" / "instances_default.json"
    assert len(_read(one, "coco", group="video").samples) == 2


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("{", "it is no COCO file"),
        (_coco(images=[{"id": 7}]), r"it is no COCO file: images\.0\.file_name Field required"),
        (_coco(categories=[]), "unknown label 'id 3'"),
    ],
)
def test_a_coco_file_without_anything_usable_is_one_error(
    tmp_path: Path, content: object, cause: str
) -> None:
    if isinstance(content, dict) and not content["categories"]:
        content["images"] = content["images"][:1]  # type: ignore[index]
    _cvat(tmp_path, content)
    with pytest.raises(InputError, match=f"input mine: nothing .* can be used: .*{cause}"):
        _read(tmp_path, "coco")


@pytest.mark.parametrize("what", ["images", "categories"])
def test_a_coco_file_with_an_id_twice_is_not_guessed_about(tmp_path: Path, what: str) -> None:
    content = _coco()
    (item, *_) = content[what]  # type: ignore[misc]
    content[what] = [item, item]
    _cvat(tmp_path, content)
    with pytest.raises(InputError, match=f"two of its {what} have the id {item['id']}"):
        _read(tmp_path, "coco")


def test_a_picture_that_is_annotated_twice_and_not_alike_is_passed_over(tmp_path: Path) -> None:
    content = _coco()
    first, other = content["images"]  # type: ignore[misc]
    content["images"] = [first, other, {**first, "id": 9}]
    _cvat(tmp_path, content)
    found = _read(tmp_path, "coco")
    assert [Path(sample.key).name for sample in found.samples] == ["p_2.png"]
    (problem,) = found.problems
    assert problem.endswith("p_1.png: it is annotated twice, and not alike")
    content["images"] = [first, other, {**other, "id": 9}]
    (tmp_path / "annotations" / "instances_default.json").write_text(json.dumps(content))
    found = _read(tmp_path, "coco", group="video")
    assert (len(found.samples), found.problems) == (3, [])


def test_a_truncated_picture_is_passed_over_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_faces, "FaceFinder", _Finder)
    for name in ("a_1", "b_1"):
        picture = tmp_path / "real" / f"{name}.jpg"
        _picture(picture)
    picture.write_bytes(picture.read_bytes()[:-400])
    known, (problem,) = find_input_faces(_read(tmp_path, "folder").samples, parts=False)
    assert [Path(sample.key).stem for sample in known.samples] == ["a_1"]
    assert problem.startswith(f"{picture.resolve()}: ")
    assert "truncated" in problem


def test_a_folder_of_a_class_labels_its_pictures_whole(tmp_path: Path) -> None:
    for name in ("nose_partswap/a_1.png", "nose_partswap/more/b_1.png", "real/c_1.png"):
        _picture(tmp_path / name)
    _picture(tmp_path / "ear_partswap" / "d_1.png")
    _picture(tmp_path / "stray.png")
    (tmp_path / "real" / "notes.txt").write_text("no picture")
    found = _read(tmp_path, "folder")
    assert [(Path(s.key).name, s.labels, s.fake) for s in found.samples] == [
        ("a_1.png", ("nose_partswap",), True),
        ("b_1.png", ("nose_partswap",), True),
        ("c_1.png", (), False),
    ]
    assert len(found.problems) == 2
    assert "unknown label 'ear_partswap'" in found.problems[0]
    assert "lies in no folder of a class" in found.problems[1]


def test_groups_stay_together_and_splits_are_the_same_everywhere(tmp_path: Path) -> None:
    for clip in range(40):
        for frame in range(2):
            _picture(tmp_path / "real" / f"clip{clip}_{frame}.png")
    samples = _read(tmp_path, "folder").samples
    assert {s.group for s in samples} == {f"clip{clip}" for clip in range(40)}
    assert all(s.split == split_of(s.group) for s in samples)
    assert {s.split for s in samples} == {"fit", "calib", "val"}
    assert {s.split for s in _read(tmp_path, "folder", split="val").samples} == {"val"}
    held = [split_of(f"group{i}") for i in range(4000)]
    assert 0.08 < held.count("val") / 4000 < 0.12
    assert 0.10 < held.count("calib") / 4000 < 0.14


def test_one_group_for_all_cannot_be_split(tmp_path: Path) -> None:
    for number in range(3):
        _picture(tmp_path / "real" / f"IMG_{number}.png")
    with pytest.raises(UsageError, match=r"all 3 pictures are of one group, 'IMG'.*stem"):
        _read(tmp_path, "folder")
    assert len({s.group for s in _read(tmp_path, "folder", group="stem").samples}) == 3


def test_fakes_of_one_group_cannot_be_split_either(tmp_path: Path) -> None:
    for number in range(3):
        _picture(tmp_path / "real" / f"real{number}_0.png")
        _picture(tmp_path / "nose_partswap" / f"IMG_{number}.png")
    with pytest.raises(UsageError, match=r"all 3 fakes are of one group, 'IMG'"):
        _read(tmp_path, "folder")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"kind": "yolo"}, "unknown format 'yolo', known are voc, coco, folder"),
        ({"kind": "voc", "split": "test"}, "unknown split 'test'"),
    ],
)
def test_wrong_keys_are_named(tmp_path: Path, more: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _read(tmp_path, **more)


def test_nothing_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        _read(tmp_path / "nosuch", "voc")
    with pytest.raises(InputError, match="it holds no annotated picture"):
        _read(tmp_path, "voc")


def test_recipes_take_inputs_and_count_their_fakes(tmp_path: Path) -> None:
    bundled = Path(load_detector_recipe.__globals__["RECIPES"]) / "stargan.yaml"
    recipe = tmp_path / "mine.yaml"
    item = "inputs: [{format: voc, path: /x, name: mine, terms: my own}]\n"
    recipe.write_text(bundled.read_text() + item)
    loaded = load_detector_recipe(recipe)
    assert loaded.inputs == [InputSpec("voc", "/x", "mine", "my own")]
    assert loaded.fake_sets == ["stargan", "mine"]
    recipe.write_text(bundled.read_text() + item.replace("terms: my own", "terms: 1"))
    with pytest.raises(UsageError, match=r"inputs\[0\]: terms must be str, got 1"):
        load_detector_recipe(recipe)
    recipe.write_text(bundled.read_text() + item.replace("name: mine", "name: stargan"))
    with pytest.raises(UsageError, match="two sets have one name"):
        load_detector_recipe(recipe)


def test_a_recipe_of_fakes_alone_is_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_faces, "FaceFinder", _Finder)
    for number in range(9):
        _voc(tmp_path / "mine", f"p{number}_1", NOSE)
    recipe = replace(
        load_detector_recipe(Path("partswap")),
        classes=CLASSES,
        fake_sets=["mine"],
        records=Records(4, 4),
        inputs=[InputSpec("voc", "mine", "mine", "my own")],
    )
    # No pack lies in the data folder, and none is needed.
    samples, faces = known_samples(tmp_path, tmp_path / "work", recipe)
    assert len(samples) == len(faces) == 9
    fit = sum(sample.split == "fit" for sample in samples)
    with pytest.raises(UsageError, match=f"there are {fit} fakes and 0 real pictures"):
        detector_source(recipe, tmp_path, samples, faces)
    (terms,) = {row["terms"] for row in training_data(recipe, samples)}
    assert terms == "my own"


class _Finder:
    """Finds what was drawn: two faces, or none in a black picture."""

    def find(self, image: Image) -> list[Face]:
        if not image.any():
            return []
        face = drawn_face(1, SIDE)[1]
        small = Face(np.array([0, 0, 20, 20], np.float32), face.landmarks / 10, 1.0)
        return [face, small]


def test_the_face_that_the_boxes_mark_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_faces, "FaceFinder", _Finder)
    _voc(tmp_path, "a_1", NOSE)
    _voc(tmp_path, "b_1")
    cv2.imwrite(str(tmp_path / "black.png"), np.zeros((SIDE, SIDE, 3), np.uint8))
    (tmp_path / "c_1.xml").write_text(
        VOC.format(file="black.png", width=SIDE, height=SIDE, objects=NOSE)
    )
    known, problems = find_input_faces(_read(tmp_path, "voc").samples, parts=True)
    assert [Path(sample.key).stem for sample in known.samples] == ["a_1", "b_1"]
    assert [sample.parts for sample in known.samples] == [("nose",), ()]
    assert known.faces[known.samples[0].key].xyxy[2] > 20
    assert len(problems) == 1
    assert "no face is found" in problems[0]
    cv2.imwrite(str(tmp_path / "d_1.png"), drawn_face(1, SIDE)[0])
    corner = Sample("x", "mine", "fit", True, "f", "g", labels=("a",), boxes=((2, 2, 18, 18),))
    face = marked_face(_Finder().find(np.ones((SIDE, SIDE, 3), np.uint8)), corner, SIDE, SIDE)
    assert face is not None
    assert face.xyxy[2] == 20


def test_labels_name_the_nearest_part() -> None:
    face = drawn_face(1, SIDE)[1]
    boxes = tuple(tuple(part_box(face, part).tolist()) for part in ("right_eye", "nose"))
    labels = ("eyes_partswap", "nose_partswap")
    sample = Sample("x", "mine", "fit", True, "f", "g", labels=labels, boxes=boxes)
    assert with_parts(sample, face).parts == ("right_eye", "nose")
    whole = Sample("x", "mine", "fit", True, "f", "g", labels=labels[:1])
    assert with_parts(whole, face).parts == ("left_eye", "right_eye")


MARK = (255, 0, 255)


def _annotated(tmp_path: Path) -> tuple[Sample, Face]:
    """A picture with one magenta rectangle, off the middle, and its annotation."""
    image, face = drawn_face(2, SIDE)
    left, top = (int(v) for v in face.landmarks[1])
    box = (left - 9, top - 6, left + 11, top + 7)
    cv2.rectangle(image, box[:2], (box[2] - 1, box[3] - 1), MARK, -1)
    cv2.imwrite(str(tmp_path / "marked.png"), image)
    key = str(tmp_path / "marked.png")
    labels = ("eyes_partswap",)
    boxes = (tuple(float(v) for v in box),)
    sample = Sample(key, "mine", "fit", True, "f", "g", ("right_eye",), labels, boxes)
    return sample, face


@pytest.mark.parametrize("kind", ["face", "parts"])
def test_annotated_boxes_follow_the_picture_into_every_draw(tmp_path: Path, kind: str) -> None:
    sample, face = _annotated(tmp_path)
    real = Sample(sample.key, "other", "fit", False, "", "h")
    faces = {sample.key: face}
    soft = Degrader((70, 120), untouched=0.3, blur=0, noise=0, colour=0, compress=0, grey=0)
    source = (
        FaceSource(tmp_path, faces, [sample], [real], soft, (96, 96), 0.3)
        if kind == "face"
        else PartSource(tmp_path, faces, [sample], [real], soft, 96, 0.3, simulated=0.0)
    )
    sides = set()
    for seed in range(12):
        draw = source.draw(True, np.random.default_rng(seed))
        assert draw.labels == ("eyes_partswap",)
        (box,) = draw.xyxy
        marked = np.abs(draw.image.astype(int) - MARK).sum(axis=2) < 60
        ys, xs = np.nonzero(marked)
        found = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        np.testing.assert_allclose(box, found, atol=3)
        sides.add(bool((box[0] + box[2]) / 2 < 48))
    if kind == "face":
        assert sides == {True, False}  # mirrored and not


def test_reals_of_an_input_have_no_box(tmp_path: Path) -> None:
    sample, face = _annotated(tmp_path)
    real = Sample(sample.key, "mine", "fit", False, "", "h")
    source = FaceSource(tmp_path, {sample.key: face}, [sample], [real], Degrader(), (96, 96), 0.3)
    assert source.draw(False, np.random.default_rng(1)).labels == ()


def test_a_class_without_boxes_lies_over_the_face(tmp_path: Path) -> None:
    sample, face = _annotated(tmp_path)
    whole = Sample(sample.key, "mine", "fit", True, "f", "g", labels=("nose_partswap",))
    source = FaceSource(
        tmp_path, {sample.key: face}, [whole], [whole], Degrader(untouched=1.0), (96, 96), 0.3
    )
    draw = source.draw(True, np.random.default_rng(1))
    (crop,) = crop_regions(cv2.imread(sample.key), [face], ("face",), (96, 96), 0.3)
    assert draw.labels == ("nose_partswap",)
    expected = np.diff(crop.to_crop(face.xyxy[None])[0].reshape(2, 2), axis=0)
    np.testing.assert_allclose(np.diff(draw.xyxy[0].reshape(2, 2), axis=0), expected, rtol=0.15)

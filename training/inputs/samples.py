"""Pictures that people have annotated themselves → samples for a detector recipe.

Three formats besides the pack's manifests: Pascal VOC XML as labelImg writes it, COCO JSON as CVAT
exports it, and a plain folder with a folder of pictures for each class. A file that cannot be used
is passed over and told with its cause; one picture with a label that the recipe does not know is
left out whole, since the rest of it would teach that the unknown thing is no forgery.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from PIL import Image, ImageOps, UnidentifiedImageError

from fakecheck.errors import InputError, UsageError
from fakecheck_training.data import SPLITS, Sample, split_of
from fakecheck_training.inputs.files import Annotated, BadFile, read_coco, read_voc
from fakecheck_training.recipe import InputSpec

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
REAL = "real"  # the folder of the untouched pictures; in VOC and COCO those without a box
READERS: dict[str, Callable[[Path], Iterator[Annotated | BadFile]]] = {
    "voc": read_voc,
    "coco": read_coco,
}
FORMATS = (*READERS, "folder")
# What comes last in `clip7_0042` or `clip7-frame42`: pictures that differ in it alone are kin.
LAST_PART = re.compile(r"[_-][^_-]*$")


@dataclass(frozen=True)
class InputSet:
    """The usable samples of one input, and a sentence for each file that is not."""

    samples: list[Sample]
    problems: list[str]


def read_input(spec: InputSpec, data: Path, classes: Sequence[str], family: str) -> InputSet:
    """The samples of `spec`, whose path is absolute or lies in `data`.

    A picture with a box, or in the folder of a class, is a fake of `family`; keys are absolute
    paths. Raises UsageError for a wrong `spec`, InputError where nothing at all can be used.
    """
    _check(spec)
    root = data / spec.path
    if not root.exists():
        raise InputError(f"input {spec.name}: {root} does not exist")
    found = _read_folder(root) if spec.format == "folder" else READERS[spec.format](root)
    samples, problems = [], []
    for item in found:
        try:
            if isinstance(item, BadFile):
                raise item
            samples.append(_sample(spec, root, item, classes, family))
        except BadFile as bad:
            problems.append(str(bad))
    samples, twice = _without_contradictions(samples)
    problems += twice
    if not samples:
        cause = problems[0] if problems else "it holds no annotated picture"
        raise InputError(f"input {spec.name}: nothing in {root} can be used: {cause}")
    if not spec.split:
        _check_groups(spec, samples)
    return InputSet(samples, problems)


def _without_contradictions(samples: Sequence[Sample]) -> tuple[list[Sample], list[str]]:
    """Without the pictures that are annotated twice and not alike, of which a sentence each.

    Which of the two is right is not known: a file that holds one mark may leave out another.
    """
    marks: dict[str, set[tuple[Any, ...]]] = {}
    for sample in samples:
        marks.setdefault(sample.key, set()).add((sample.labels, sample.boxes))
    doubtful = [key for key, found in marks.items() if len(found) > 1]
    kept = [sample for sample in samples if len(marks[sample.key]) == 1]
    return kept, [f"{key}: it is annotated twice, and not alike" for key in doubtful]


def _check_groups(spec: InputSpec, samples: Sequence[Sample]) -> None:
    """Of fakes of one group none can be held back; reals there are more of than this input's."""
    fakes = [sample for sample in samples if sample.fake]
    for what, members in (("pictures", samples), ("fakes", fakes)):
        if len(members) > 1 and len({sample.group for sample in members}) == 1:
            raise UsageError(
                f"input {spec.name}: all {len(members)} {what} are of one group, "
                f"{members[0].group!r}, so none can be held back",
                advice="give another group: stem, directory or a column of the annotations",
            )


def tell_problems(name: str, usable: int, problems: Sequence[str]) -> None:
    """A line on stderr for the input and for each of its files that is passed over."""
    click.echo(f"{name}: {usable} pictures, {len(problems)} passed over", err=True)
    for problem in problems:
        click.echo(f"  {problem}", err=True)


def _check(spec: InputSpec) -> None:
    if spec.format not in FORMATS:
        raise UsageError(
            f"input {spec.name}: unknown format {spec.format!r}, known are {', '.join(FORMATS)}"
        )
    if spec.split and spec.split not in SPLITS:
        raise UsageError(
            f"input {spec.name}: unknown split {spec.split!r}, known are {', '.join(SPLITS)}"
        )


def _sample(
    spec: InputSpec, root: Path, item: Annotated, classes: Sequence[str], family: str
) -> Sample:
    """Raises BadFile for a label, a picture or a box that cannot be used."""
    unknown = sorted(set(item.labels) - set(classes))
    if unknown:
        raise BadFile(
            item.origin, f"unknown label {unknown[0]!r}, the recipe's are {', '.join(classes)}"
        )
    picture = _find_picture(root, spec, item)
    boxes = _checked_boxes(item, _picture_size(item, picture))
    group = _group(spec, item, picture)
    return Sample(
        key=str(picture.resolve()),
        dataset=spec.name,
        split=spec.split or split_of(group),
        fake=bool(item.labels),
        family=family if item.labels else "",
        group=group,
        labels=item.labels,
        boxes=boxes,
    )


def _find_picture(root: Path, spec: InputSpec, item: Annotated) -> Path:
    """The picture where labelImg and CVAT leave it: beside the annotations or next door."""
    here = item.origin.parent
    places = [here, here / "images", here.parent / "images", here.parent / "JPEGImages"]
    if spec.pictures:
        # Joined to the input's folder, an absolute path stays as it is.
        places = [(root if root.is_dir() else here) / spec.pictures]
    for place in places:
        picture = place / item.picture
        if picture.is_file():
            return picture
    raise BadFile(item.origin, f"its picture {item.picture} is not there")


def _picture_size(item: Annotated, picture: Path) -> tuple[int, int]:
    """Width and height in pixels, turned as EXIF says, which is how pictures are read here."""
    try:
        with Image.open(picture) as image:
            width, height = ImageOps.exif_transpose(image).size if _turned(image) else image.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadFile(picture, "it cannot be read as a picture") from error
    if item.size not in (None, (width, height)):
        raise BadFile(
            item.origin,
            f"it is for a picture of {item.size[0]} x {item.size[1]} pixels, but "  # type: ignore[index]
            f"{picture.name} has {width} x {height}",
        )
    return width, height


def _turned(image: Image.Image) -> bool:
    return image.getexif().get(0x0112, 1) != 1  # the tag of the orientation


def _checked_boxes(item: Annotated, size: tuple[int, int]) -> tuple[tuple[float, ...], ...]:
    """The boxes cut at the picture's border."""
    width, height = size
    checked = []
    for left, top, right, bottom in item.boxes:
        box = (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
        if not (box[0] < box[2] and box[1] < box[3]):
            raise BadFile(
                item.origin,
                f"the box {left:g} {top:g} {right:g} {bottom:g} covers nothing of its picture of "
                f"{width} x {height} pixels",
            )
        checked.append(tuple(float(v) for v in box))
    return tuple(checked)


def _group(spec: InputSpec, item: Annotated, picture: Path) -> str:
    """What pictures share that must not be parted by a split."""
    if spec.group == "directory":
        return picture.parent.name
    if spec.group == "stem":
        return picture.stem
    if spec.group == "prefix":
        return LAST_PART.sub("", picture.stem)
    if spec.group not in item.columns:
        raise BadFile(item.origin, f"it has no {spec.group!r} to group {picture.name} by")
    return item.columns[spec.group]


def _read_folder(root: Path) -> Iterator[Annotated | BadFile]:
    """ROOT/CLASS/**/PICTURE: each is all of that class; those in ROOT/real are untouched."""
    if not root.is_dir():
        raise InputError(f"{root} is no folder")
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        label = path.relative_to(root).parts[0]
        if path.parent == root:
            yield BadFile(path, "it lies in no folder of a class")
        else:
            labels = () if label == REAL else (label,)
            yield Annotated(origin=path, picture=path.name, labels=labels)

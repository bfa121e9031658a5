"""Pascal VOC XML and COCO JSON, read file by file; what they say is checked in `samples`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fakecheck.errors import InputError

Box = tuple[float, float, float, float]


class BadFile(Exception):
    """A file that is passed over; its text is a sentence with the file and the cause."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(f"{path}: {cause}")


@dataclass(frozen=True)
class Annotated:
    """What is annotated of one picture.

    `origin` is the file that says so, `picture` the name that it gives. `boxes` are (left, top,
    right, bottom) in pixels, one for each of `labels`, or none where labels hold for the whole
    face. `size` is (width, height) where it is told, `columns` what else may be grouped by.
    """

    origin: Path
    picture: str
    labels: tuple[str, ...]
    boxes: tuple[Box, ...] = ()
    size: tuple[int, int] | None = None
    columns: dict[str, str] = field(default_factory=dict)


def read_voc(root: Path) -> Iterator[Annotated | BadFile]:
    """Every XML file in the folder `root`, or the one file that `root` is."""
    paths = sorted(root.rglob("*.xml")) if root.is_dir() else [root]
    for path in paths:
        try:
            yield _voc_file(path)
        except BadFile as bad:
            yield bad


def _voc_file(path: Path) -> Annotated:
    try:
        tree = ElementTree.parse(path).getroot()
    # An encoding that nobody knows is a LookupError, one that the parser cannot take a ValueError.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise BadFile(path, f"it is no XML: {error}") from error
    except OSError as error:
        raise BadFile(path, f"it cannot be read: {error.strerror}") from error
    name = (tree.findtext("filename") or "").strip()
    if tree.tag != "annotation" or not name:
        raise BadFile(path, "it is no Pascal VOC annotation with a filename")
    labels, boxes = [], []
    for item in tree.iterfind("object"):
        labels.append((item.findtext("name") or "").strip())
        boxes.append(_voc_box(path, item))
    size = tuple(int(_number(path, tree, f"size/{side}", 0)) for side in ("width", "height"))
    return Annotated(
        origin=path,
        picture=Path(name.replace("\\", "/")).name,
        labels=tuple(labels),
        boxes=tuple(boxes),
        # labelImg writes 0 where it did not know.
        size=(size[0], size[1]) if all(size) else None,
        columns={child.tag: child.text.strip() for child in tree if child.text},
    )


def _voc_box(path: Path, item: ElementTree.Element) -> Box:
    left, top, right, bottom = (
        _number(path, item, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")
    )
    return left, top, right, bottom


def _number(
    path: Path, element: ElementTree.Element, tag: str, default: float | None = None
) -> float:
    text = element.findtext(tag)
    if text is None and default is not None:
        return default
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadFile(path, f"{tag} is no number but {text!r}")
    return number


class _Image(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int
    file_name: str
    width: int = 0
    height: int = 0


class _Annotation(BaseModel):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float] = Field(description="left, top, width, height")


class _Category(BaseModel):
    id: int
    name: str


class _Coco(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


def read_coco(root: Path) -> Iterator[Annotated | BadFile]:
    """Every picture of the JSON file `root`, or of all those in the folder or its annotations/."""
    paths = [root]
    if root.is_dir():
        paths = sorted(root.glob("*.json")) or sorted(root.glob("annotations/*.json"))
        if not paths:
            raise InputError(f"there is no JSON file in {root} or {root / 'annotations'}")
    for path in paths:
        try:
            yield from _coco_file(path)
        except BadFile as bad:
            yield bad


def _coco_file(path: Path) -> Iterator[Annotated]:
    try:
        coco = _Coco.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadFile(path, f"it cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadFile(path, f"it is no COCO file: {place} {first['msg']}") from error
    for what, items in (("images", coco.images), ("categories", coco.categories)):
        if twice := [number for number, n in Counter(one.id for one in items).items() if n > 1]:
            raise BadFile(path, f"two of its {what} have the id {twice[0]}")
    names = {category.id: category.name for category in coco.categories}
    marks: dict[int, list[_Annotation]] = {}
    for mark in coco.annotations:
        marks.setdefault(mark.image_id, []).append(mark)
    for image in coco.images:
        mine = marks.get(image.id, [])
        yield Annotated(
            origin=path,
            picture=image.file_name,
            labels=tuple(names.get(mark.category_id, f"id {mark.category_id}") for mark in mine),
            boxes=tuple(_corners(mark.bbox) for mark in mine),
            size=(image.width, image.height) if image.width and image.height else None,
            columns=_columns(image),
        )


def _columns(image: _Image) -> dict[str, str]:
    extra: dict[str, Any] = image.model_extra or {}
    return {key: str(value) for key, value in extra.items() if isinstance(value, str | int)}


def _corners(bbox: Box) -> Box:
    left, top, width, height = bbox
    return left, top, left + width, top + height

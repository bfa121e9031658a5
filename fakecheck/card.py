"""`detector.yaml` → DetectorCard, checked.

The card lies beside `frozen_inference_graph.pb` and `label_map.pbtxt` and says everything that the
runtime needs to know of a detector: `fakecheck detectors show ID` prints it.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from fakecheck.card_fields import read_fields
from fakecheck.errors import CardError
from fakecheck.filters import check_filters
from fakecheck.regions import MAX_TILT, REGIONS
from fakecheck.types import FALSE_ALARM_RANGE

CARD_FILE = "detector.yaml"
SCHEMA = "fakecheck.detector/1"
GRAPH_FILE = "frozen_inference_graph.pb"
LABEL_MAP_FILE = "label_map.pbtxt"
ONNX_FILE = "model.onnx"
# Below this a face shows too few pixels for most detectors. The smallest on which the first ones
# were measured, and still told fake from real, are StarGAN's at half size, 41 pixels in the middle.
MIN_FACE = 36.0

Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]*$", max_length=64)]
Version = Annotated[str, Field(pattern=r"^\d{1,6}\.\d{1,6}\.\d{1,6}$")]
Count = Annotated[int, Field(ge=1, le=2**63)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Kind = Literal["synthesis", "attribute_edit", "swap", "part_swap"]
# The split of figures on the very files that the detector's calibration was fitted to.
FITTED: Final = "calib"
# No ratio of evidence is known to so many powers of e; sums of them must stay finite.
MAX_LLR = 50.0


class Fields(BaseModel):
    """A part of a card: no field but those that are declared, and finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CropSpec(Fields):
    """What the detector looks at: see `fakecheck.regions.crop_regions`.

    A face that is further than `max_tilt` degrees from upright is turned upright; 0 turns all.
    """

    regions: tuple[str, ...] = Field(min_length=1)
    margin: float = Field(default=0.3, ge=0, le=4)
    max_tilt: float = Field(default=MAX_TILT, ge=0, le=45)

    @model_validator(mode="after")
    def _known(self) -> CropSpec:
        for region in self.regions:
            if region not in REGIONS:
                raise ValueError(f"unknown region {region!r}, known are {', '.join(REGIONS)}")
        if "frame" in self.regions and len(self.regions) > 1:
            raise ValueError("region 'frame' cannot be joined with regions of a face")
        return self


class InputSpec(Fields):
    """Size in pixels and channel order of the uint8 pictures that the graph takes."""

    width: int = Field(ge=16, le=2048)
    height: int = Field(ge=16, le=2048)
    color: Literal["rgb", "bgr"] = "rgb"


class Calibration(Fields):
    """Score → natural logarithm of the likelihood ratio of fake against real.

    `clip(slope * logit(score) + intercept, min_llr, max_llr)`: Platt's logistic calibration, as
    Brümmer and du Preez (2006) use it for likelihood ratios, within the bounds that the amount of
    calibration data supports.
    """

    slope: float = Field(gt=0)
    intercept: float
    min_llr: float = Field(ge=-MAX_LLR, le=0)
    max_llr: float = Field(ge=0, le=MAX_LLR)


class ClassSpec(Fields):
    """One class of the label map, with the `threshold` that 1 % of real faces exceed."""

    id: int = Field(ge=1)
    name: Word
    calibration: Calibration
    threshold: float = Field(ge=0, le=1)


class TrainingData(Fields):
    """A data set behind the weights, with its terms."""

    set: str
    split: str
    use: str
    pictures: int = Field(ge=0, le=2**63)
    terms: str = Field(min_length=1)


class Training(Fields):
    """How the graph can be made again; `commit` is that of the code that made it."""

    data: tuple[TrainingData, ...] = Field(min_length=1)
    command: str
    seed: int = Field(ge=-(2**63), le=2**63)
    steps: Count
    date: date | Annotated[str, Field(max_length=40)]
    commit: str | None = Field(default=None, pattern=r"^[0-9a-f]{7,40}$")
    stages: tuple[dict[str, JsonValue], ...] = ()


class Metric(Fields):
    """One measured row: accuracy on one set, under one degradation.

    `of` says whose score was measured: this detector's alone, or the fused verdict's with all the
    detectors that were bundled then.
    """

    of: Literal["detector", "verdict"] = "detector"
    set: str
    split: str
    degradation: str
    auc: float = Field(ge=0, le=1)
    recall_at_fpr01: float | None = Field(default=None, ge=0, le=1)
    positives: Count
    negatives: Count
    negatives_from: str


class Licence(Fields):
    """Terms of the graph, and of the data it was trained on."""

    graph: str = Field(min_length=1)
    data: str = Field(min_length=1)


def check_alarms(table: dict[float, float]) -> None:
    """Raises ValueError for what cannot be rates and the ratios that so many reals exceed.

    Under the commonest row nothing is known, so that has to be more frequent than what can be asked
    for.
    """
    if any(not 0 < rate < 1 for rate in table):
        raise ValueError("false_alarm_llr: rates must lie between 0 and 1")
    if max(table) <= FALSE_ALARM_RANGE[1]:
        raise ValueError(f"false_alarm_llr: needs a rate over {FALSE_ALARM_RANGE[1]}, as 0.1")
    ratios = [table[rate] for rate in sorted(table, reverse=True)]
    if ratios != sorted(ratios):
        raise ValueError("false_alarm_llr: the rarer, the higher a ratio must be")


class DetectorCard(Fields):
    """A detector's card. `folder` is where it lies; the other fields are those of the file.

    Faces whose longer side is shorter than `min_face` pixels are not judged by this detector.
    """

    schema_: Literal["fakecheck.detector/1"] = Field(alias="schema")
    id: Identifier
    version: Version
    family: Word
    kind: Kind
    architecture: str
    summary: str
    crop: CropSpec
    min_face: float = Field(default=MIN_FACE, ge=8)
    filters: tuple[dict[str, Any], ...] = ()
    input: InputSpec
    files: dict[str, Sha256]
    classes: tuple[ClassSpec, ...] = Field(min_length=1)
    false_alarm_llr: dict[float, float] = Field(min_length=2)
    training: Training
    metrics: tuple[Metric, ...] = ()
    licence: Licence
    limits: tuple[str, ...] = Field(min_length=1)
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _consistent(self) -> DetectorCard:
        for name in (GRAPH_FILE, LABEL_MAP_FILE):
            if name not in self.files:
                raise ValueError(f"files: the sha256 of {name} is missing")
        unknown = set(self.files) - {GRAPH_FILE, LABEL_MAP_FILE, ONNX_FILE}
        if unknown:
            raise ValueError(f"files: unknown file {sorted(unknown)[0]}")
        ids = [spec.id for spec in self.classes]
        if ids != list(range(1, len(ids) + 1)):
            raise ValueError(f"classes: ids must count from 1 without holes, got {ids}")
        try:
            check_filters(self.filters)
        except ValueError as error:
            raise ValueError(f"filters: {error}") from error
        check_alarms(self.false_alarm_llr)
        return self

    @property
    def graph(self) -> Path:
        """The frozen TensorFlow graph."""
        return self.folder / GRAPH_FILE

    @property
    def onnx(self) -> Path | None:
        """The ONNX model, None where the bundle has none."""
        return self.folder / ONNX_FILE if ONNX_FILE in self.files else None

    @property
    def looks_at_frame(self) -> bool:
        """Whether the detector takes whole frames rather than faces."""
        return self.crop.regions == ("frame",)


def load_card(folder: Path) -> DetectorCard:
    """The card in `folder`. Raises CardError with one sentence that names file, field and cause."""
    path = folder / CARD_FILE
    fields = read_fields(path)
    schema = fields.get("schema")
    if schema != SCHEMA and isinstance(schema, str) and re.fullmatch(r"fakecheck\.\w+/\d+", schema):
        raise CardError(
            f"{path}: schema: {schema[:60]} is none that this fakecheck reads, it reads {SCHEMA}",
            "upgrade fakecheck if the card was made for a newer one",
        )
    try:
        return DetectorCard.model_validate({**fields, "folder": folder})
    except ValidationError as error:
        raise CardError(f"{path}: {first_problem(error)}") from error


def first_problem(error: ValidationError) -> str:
    """The first field that was refused, with the cause, and how many more there are."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{field}: {message}{more}" if field else f"{message}{more}"

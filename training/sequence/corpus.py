"""What the temporal model is trained and measured on: sequences, by sets.

A sequence is a row of stills of one face (FaceForensics++, one picture of the other sets) or a clip
that `clips` made. No set of the pack's `val` is trained on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fakecheck.errors import InputError, UsageError
from fakecheck_training.data import SPLITS, Sample, pick, read_samples

FOLDER = "sequences"
FFPP = "ffpp_deepfakes_c40"
FFPP_FPS = 25.0  # the rate of most of its videos; its manifest has frame numbers only
# These sets' pictures are too small for the detectors (64 pixels), or are sequences already.
NOT_STILLS = ("dcgan", "lsgan", "wgan", FFPP)
CLIPS = "clips"
# Sets that only detectors of some families look at: these show how sure a detector is of pictures
# that it was trained on, and nothing is trained on them.
ONLY_FAMILIES = {"ffpp_fit": ("deepfakes",)}
CLIP_SETS = ("real_clips", "partswaps", "animated", "animated_val", "partial_val")
# Those that a model may learn from: held back from the detectors, and not of `val`.
TRAINING_SETS = ("ffpp_calib", "stills_calib", "real_clips", "partswaps", "animated")


@dataclass(frozen=True)
class Item:
    """One sequence.

    `files` are pictures in their order, or one clip; `times` are the pictures' in seconds. `spans`
    are the forged seconds of a clip, None where all of it is as `fake` says. Items of one `group`
    show the same people and are never parted. `family` is empty for a real one.
    """

    key: str
    set: str
    fake: bool
    family: str
    group: str
    files: tuple[str, ...]
    times: tuple[float, ...] = ()
    spans: tuple[tuple[float, float], ...] | None = None
    kind: str = ""

    @property
    def clip(self) -> bool:
        """Whether this is a video file rather than pictures."""
        return not self.times


def sets_in(work: Path) -> list[str]:
    """All sets that there are: those of the pack, and the clips that have been made."""
    made = [name for name in CLIP_SETS if (clip_folder(work, name) / "items.jsonl").exists()]
    return ["ffpp_calib", *made, "ffpp_val", "stills_calib", "ffpp_fit"]


def items_of(name: str, data: Path, work: Path) -> list[Item]:
    """The sequences of one set."""
    if name in CLIP_SETS:
        return read_items(clip_folder(work, name))
    kind, _, split = name.rpartition("_")
    if kind not in ("ffpp", "stills") or split not in SPLITS:
        known = [
            *CLIP_SETS,
            *(f"{kind}_{split}" for kind in ("ffpp", "stills") for split in SPLITS),
        ]
        raise UsageError(f"no set {name!r}", advice=f"known are {', '.join(known)}")
    samples = read_samples(data)
    if kind == "ffpp":
        return ffpp_sequences(pick(samples, split, sets=[FFPP]), data, name)
    return stills([s for s in pick(samples, split) if s.dataset not in NOT_STILLS], data, name)


def ffpp_sequences(samples: Sequence[Sample], data: Path, name: str) -> list[Item]:
    """A sequence a video, real or fake, in the order of its frames."""
    frames = frame_numbers(data)
    videos: dict[tuple[str, bool], list[Sample]] = {}
    for sample in samples:
        videos.setdefault((sample.group, sample.fake), []).append(sample)
    items = []
    for (video, fake), members in videos.items():
        members.sort(key=lambda sample: (frames[sample.key], sample.key))
        items.append(
            Item(
                key=f"{FFPP}/{'fake' if fake else 'real'}/{video}",
                set=name,
                fake=fake,
                family="deepfakes" if fake else "",
                group=f"{FFPP}/{members[0].kin}",
                files=tuple(str(data / sample.key) for sample in members),
                times=tuple(frames[sample.key] / FFPP_FPS for sample in members),
                kind="video frames",
            )
        )
    return items


def stills(samples: Sequence[Sample], data: Path, name: str) -> list[Item]:
    """Sequences of one picture."""
    return [
        Item(
            key=sample.key,
            set=name,
            fake=sample.fake,
            family=sample.family,
            group=f"{sample.dataset}/{sample.group}",
            files=(str(data / sample.key),),
            times=(0.0,),
            kind="still",
        )
        for sample in samples
    ]


def frame_numbers(data: Path) -> dict[str, int]:
    """Key → number of the frame in its video, of FaceForensics++."""
    with (data / FFPP / "manifest.csv").open(newline="") as file:
        return {f"{FFPP}/{row['file']}": int(row["frame"] or 0) for row in csv.DictReader(file)}


def clip_folder(work: Path, name: str) -> Path:
    """Where the clips of a set lie."""
    return work / FOLDER / CLIPS / name


def rows_folder(work: Path, name: str) -> Path:
    """Where faces and boxes that were found in a set are kept."""
    return work / FOLDER / "rows" / name


def write_items(folder: Path, items: Sequence[Item]) -> None:
    """The list of a folder's clips, written last: a set without it is not finished."""
    part = folder / "items.jsonl.part"
    part.write_text(
        "".join(json.dumps(asdict(item)) + "\n" for item in items), encoding="utf-8", newline="\n"
    )
    part.replace(folder / "items.jsonl")


def read_items(folder: Path) -> list[Item]:
    """The clips of a folder."""
    path = folder / "items.jsonl"
    if not path.exists():
        raise InputError(
            f"{path} does not exist: run python -m fakecheck_training.sequence.clips first"
        )
    return [_item(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _item(row: dict) -> Item:
    spans = row["spans"]
    return Item(
        **{
            **row,
            "files": tuple(row["files"]),
            "times": tuple(row["times"]),
            "spans": None if spans is None else tuple((a, b) for a, b in spans),
        }
    )

"""The data pack's manifests → samples with a split of their own: fit, calib or val.

`train` of every manifest is divided by a hash of the group into `fit` (trained on) and `calib`
(calibrated on, models picked by). `val` is for reports, though it
was read before some choices too: EXPERIMENTS says which.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fakecheck.errors import InputError

CALIB_PERCENT = 13
# Of pictures that no manifest splits; the pack's val is given.
VAL_PERCENT = 10
SPLITS = ("fit", "calib", "val")
# Of every picture of this set's real side the manifest's group is this word: no grouping is known.
UNGROUPED = "real"
# Pictures of val that show a photo, or a person at one sitting, of train under another group: of
# CIPLab's, what SIFT features agree on by a similarity and eyes confirmed; of AMFD's, where N and S
# are the neutral and the smiling portrait of one person. They are left out.
RECURRING = frozenset(
    {f"ciplab/val/fake/{name}.jpg" for name in ("easy_80_0001", "easy_86_0011", "mid_479_1111")}
    | {f"ciplab/val/real/real_{n}.jpg" for n in ("00026", "00539", "00649", "00748", "00984")}
    | {f"real_photos/val/real/SF-{n}.jpg" for n in (1018, 1039, 1076, 1084, 1088)}
    | {"real_photos/val/real/NF-1067.jpg"}
)

TERMS = {
    "alae": "screenshots of ALAE's paper repository; research only",
    "began": "screenshots of a BEGAN repository; research only",
    "ciplab": "Yonsei CIPLab Real and Fake Face Detection; research only, no redistribution",
    "dcgan": "GAN samples from CelebA; CelebA is for non-commercial research",
    "dfdc": "Deepfake Detection Challenge (Meta); research under its licence, no redistribution",
    "ffpp_deepfakes_c40": "FaceForensics++ terms of use; research only, no redistribution",
    "generated_photos": "generated.photos academic samples; research only",
    "lfw_faceswap": "Labeled Faces in the Wild; research only",
    "lsgan": "GAN samples from CelebA; CelebA is for non-commercial research",
    "real_photos": "ImageNet (non-commercial research), US Congress (public domain), AMFD",
    "stargan": "StarGAN edits of CelebA; CelebA is for non-commercial research",
    "stylegan": "StyleGAN samples and FFHQ (CC BY-NC-SA 4.0 collection); non-commercial",
    "wgan": "GAN samples from CelebA; CelebA is for non-commercial research",
}


@dataclass(frozen=True)
class Sample:
    """One picture of the pack.

    `key` is its path inside of the pack. `family` is empty for a real one. `parts` names the
    replaced parts (left_eye, right_eye, nose, mouth; left is the viewer's left) where known.
    `labels` are the classes of an annotated one and `boxes` their (left, top, right, bottom) in its
    pixels, one each; without boxes they lie over the face. Samples of one `kin` show the same
    people: of one group, or of groups that are joined by swaps between them.
    """

    key: str
    dataset: str
    split: str
    fake: bool
    family: str
    group: str
    parts: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    boxes: tuple[tuple[float, ...], ...] = ()
    kin: str = field(default="", repr=False, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kin", self.kin or self.group)


def sets_of(root: Path) -> list[str]:
    """The names of the pack's sets, sorted."""
    found = sorted(path.parent.name for path in root.glob("*/manifest.csv"))
    if not found:
        raise InputError(
            f"no data set in {root}: no folder there has a manifest.csv",
            advice="give the data pack's folder by --data or FAKECHECK_DATA",
        )
    return found


def read_samples(root: Path, sets: Iterable[str] | None = None) -> list[Sample]:
    """The samples of `sets` (all by default), in the order of their manifests."""
    samples: list[Sample] = []
    for name in sets if sets is not None else sets_of(root):
        manifest = root / name / "manifest.csv"
        if not manifest.exists():
            raise InputError(f"no data set {name!r}: {manifest} does not exist")
        with manifest.open(newline="") as file:
            rows = list(csv.DictReader(file))
        joined = joined_groups(row["group"] for row in rows)
        found = (_sample(name, row, joined) for row in rows)
        samples.extend(sample for sample in found if sample.key not in RECURRING)
    return samples


def joined_groups(groups: Iterable[str]) -> dict[str, str]:
    """Group → the name of its component, where `a_b` (a swap of b onto a) joins video a and b.

    Fakes of FaceForensics++ are groups of their own in the manifest, named after two real videos;
    without this the real video and its fakes could fall on both sides of fit and calib.
    """
    known = set(groups)
    parent = {group: group for group in known}

    def root(group: str) -> str:
        while parent[group] != group:
            group = parent[group]
        return group

    for group in sorted(known):
        halves = group.split("_")
        if len(halves) == 2 and any(half in known for half in halves):
            for half in halves:
                if half in known:
                    first, second = sorted((root(group), root(half)))
                    parent[second] = first
    return {group: root(group) for group in known}


def _sample(name: str, row: dict[str, str], joined: dict[str, str]) -> Sample:
    group = row["group"] if row["group"] != UNGROUPED else row["file"]
    kin = joined.get(group, group)
    split = row["split"]
    if split == "train":
        split = "calib" if in_calib(kin) else "fit"
    return Sample(
        key=f"{name}/{row['file']}",
        dataset=name,
        split=split,
        fake=row["label"] == "fake",
        family=row["family"],
        group=group,
        parts=tuple(row["parts"].split()),
        # The word for no group joins pictures (`real_7.jpg`) that have nothing in common.
        kin=group if kin == UNGROUPED else kin,
    )


def in_calib(group: str) -> bool:
    """Whether this group of `train` is held back from fitting. The same on every machine."""
    return _percentile(group, 0) < CALIB_PERCENT


def split_of(group: str) -> str:
    """The split of a group that no manifest has put into one. The same on every machine."""
    if _percentile(group, 1) < VAL_PERCENT:
        return "val"
    return "calib" if in_calib(group) else "fit"


def _percentile(group: str, word: int) -> int:
    """0..99 from the 32-bit word of this number in the group's hash; words are independent."""
    digest = hashlib.md5(group.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[4 * word : 4 * word + 4], "big") % 100


def pick(
    samples: Sequence[Sample],
    split: str,
    fake: bool | None = None,
    sets: Sequence[str] | None = None,
) -> list[Sample]:
    """The samples of one split, of one label and of some sets if wanted."""
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}, known are {', '.join(SPLITS)}")
    return [
        sample
        for sample in samples
        if sample.split == split
        and (fake is None or sample.fake == fake)
        and (sets is None or sample.dataset in sets)
    ]

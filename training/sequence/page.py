"""docs/video.md: the figures of video verdicts, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fakecheck import __version__
from fakecheck.files import atomic_path
from fakecheck.temporal import SequenceCard
from fakecheck.types import FALSE_ALARM_RATE
from fakecheck.verdict import rate_percent
from fakecheck_training.curves import BINS, Interval
from fakecheck_training.sequence.metrics import Accuracy, Floor
from fakecheck_training.sequence.poolings import MODEL
from fakecheck_training.sequence.rates import RATES, AtRates
from fakecheck_training.sequence.sentences import compared, floor_sentence, left_out, share
from fakecheck_training.sequence.unseen import Added


@dataclass(frozen=True)
class Partial:
    """Clips of which a third is forged: how many were called fake, and how well it was placed.

    `recall`, `precision` and `overlap` (intersection over union) are in seconds and means over the
    clips that were called fake; `enough` is how many of these have an overlap of at least 0.7.
    """

    clips: int
    called_fake: int
    recall: float
    precision: float
    overlap: float
    enough: int


@dataclass(frozen=True)
class Counts:
    """Verdicts on clips of one kind."""

    name: str
    clips: int
    fake: int
    inconclusive: int


@dataclass(frozen=True)
class Page:
    """Everything that the page says.

    The differences are by how much the model's AUC is over that of a pooling, with their interval.
    """

    versions: dict[str, str]
    forged: int
    real: int
    ways: dict[str, Accuracy]
    differences: dict[str, Interval]
    floor: Floor
    verdicts: Sequence[Counts]
    partial: Partial
    clips: Sequence[Counts]
    families: Sequence[Counts]
    family_ways: dict[str, Accuracy]
    family_differences: dict[str, Interval]
    rates: Sequence[AtRates]
    added: Sequence[Added]
    confidence: dict[str, dict[str, float]]
    card: SequenceCard


INTRO = """A video's faces are followed, and a small recurrent network reads what the detectors
found in each face at each frame that was looked at: how strong, where, how steadily, in what pose
and sharpness ([features.md](features.md) lists what it reads). A face's likelihood ratio is the
calibrated mean of two: the network's, of a face that is forged in some of these frames, and the
detectors' own over all frames alike. The video's verdict is that of its worst face.

- **fake**: the probability is over what at most {alarms:.0%} of real people and videos exceed,
  by those held back; with several faces each has to be rarer, by Simes' test.
- **real**: it is under {real_below:.2f}, under which {misses:.0%} of held-back forgeries lie whose
  family has a detector; with several faces that holds of the mean of their ratios. It means that
  none of the known families was seen, not that the clip is genuine.
- **inconclusive**: between the two."""
VIDEOS = """`val` videos of FaceForensics++ *Deepfakes* at the strongest compression (c40), up to
four frames each: {forged} forged, {real} real. AUC with its 95 % interval by bootstrap over videos;
*recall* is of forged videos at the score that 5 % of the real ones exceed; *accuracy* at a
probability of one half, forged and real weighing alike; *ECE* is the expected calibration error
over {bins} bins. The poolings are of the same detectors' ratios, without a model; *refitted* is the
mean over frames through a logistic fit of its own, on the held-back sequences that the model is
calibrated on; the spectrum probe is a logistic regression on azimuthally averaged power spectra
(Durall et al. 2020), fitted on this set's own training frames and averaged over a video's."""
PARTIAL = """{clips} clips of 9 seconds, made of stills of a `val` video as hand-held h264 clips, of
which the middle third shows the forged version of the same video. {called} are called fake. In
these the reported seconds hold {recall:.0%} of the forged ones (recall), and {precision:.0%} of the
reported ones are forged (precision); their intersection over union is {overlap:.2f} on average, and
at least 0.7 in {enough} clips."""
CLIPS = """The talking-head clips that training uses, each judged by a model that was trained
without its person's clips: as they are, once more through h264 at a quality drawn at
random, and with forgeries that follow the face (parts or the whole inner face of another person,
patches of blur or noise), in all of the clip or in a part of it."""
FAMILIES = """Stills of `val` as hand-held h264 clips of 4 to 8 seconds, up to 20 a set and side."""
FAMILY_WAYS = """Of these, the clips of families that have a detector against the real ones:"""
OTHER_RATES = """What is called fake with `--false-alarm-rate`. Hand-held stills are those of
families that have a detector, and real ones. In brackets the 95 % interval of the share of real
clips that are called fake, by bootstrap over groups (what shows one person or video); where none
is, up to what so many groups could hide."""
ADDED = """The model is trained without a detector and then judges `val` (the videos above and the
hand-held stills) without and with it, at one threshold: the score that 5 % of held-back real
sequences exceed without it. Nothing is trained or fitted anew in between. That false alarms rise
with a detector is the price of a family that was not seen before: to discount such detectors costs
as much recall as a higher threshold ([experiment 23]({experiment}))."""
EXPERIMENT = (
    "../training/EXPERIMENTS.md#23-a-discount-for-detectors-that-the-temporal-model-has-never-seen"
)
CONFIDENCE = """Detectors are surer of pictures that they were trained on (`fit`) than of others, so
a model that learns from them what a ratio is worth learns too much. It is trained on `calib`, which
detectors were calibrated but not trained on. Log-likelihood ratios of single frames of
FaceForensics++:"""


def write_page(page: Page, output: Path) -> None:
    """Writes the page as a whole."""
    with atomic_path(output) as temporary:
        temporary.write_text(to_markdown(page), encoding="utf-8", newline="\n")


def to_markdown(page: Page) -> str:
    """The page in Markdown."""
    parts = [*_head(page), *_videos(page), *_clips(page), *_rates(page)]
    parts += [*_added(page), *_confidence(page)]
    parts += ["## Limits", "\n".join(f"- {limit}" for limit in page.card.limits)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(page: Page) -> list[str]:
    bands = page.card.bands
    versions = ", ".join(f"{name} {version}" for name, version in page.versions.items())
    return [
        "# Verdicts on videos",
        f"fakecheck {__version__} with {versions}; measured on {date.today()}, made by"
        " `python -m fakecheck_training.sequence.evaluate`.",
        left_out([name for name in page.versions if name != MODEL]),
        INTRO.format(alarms=FALSE_ALARM_RATE, real_below=bands.real_below, misses=bands.miss_rate),
    ]


def _videos(page: Page) -> list[str]:
    return [
        "## Forged videos",
        VIDEOS.format(forged=page.forged, real=page.real, bins=BINS),
        _ways(page.ways),
        compared(page.differences, "videos"),
        floor_sentence(page.ways[MODEL].error, page.floor),
        "With the thresholds of the card:",
        _counts(page.verdicts),
    ]


def _clips(page: Page) -> list[str]:
    partial = page.partial
    return [
        "## Clips that are forged in a part",
        PARTIAL.format(
            clips=partial.clips,
            called=partial.called_fake,
            recall=partial.recall,
            precision=partial.precision,
            overlap=partial.overlap,
            enough=partial.enough,
        ),
        "## Real clips, and forgeries made of them",
        CLIPS,
        _counts(page.clips),
        "## Other families, as clips",
        FAMILIES,
        _counts(page.families),
        FAMILY_WAYS,
        _ways(page.family_ways),
        compared(page.family_differences, "groups"),
    ]


def _rates(page: Page) -> list[str]:
    rows = [
        (one.name, one.clips, *map(share, one.called, one.intervals or [None] * len(one.called)))
        for one in page.rates
    ]
    head = ("", "clips", *(rate_percent(rate).replace("%", " %") for rate in RATES))
    return ["## At other rates of false alarms", OTHER_RATES, _table(head, rows)]


def _added(page: Page) -> list[str]:
    if not page.added:
        return []
    rows = [
        (
            one.detector,
            one.forged,
            f"{one.recall_before:.2f}",
            f"{one.recall_after:.2f}",
            one.real,
            f"{one.alarms_before:.3f}",
            f"{one.alarms_after:.3f}",
        )
        for one in page.added
    ]
    head = ("detector", "forged", "recall without", "with", "real", "false alarms without", "with")
    return [
        "## A detector that the model has never seen",
        ADDED.format(experiment=EXPERIMENT),
        _table(head, rows),
    ]


def _confidence(page: Page) -> list[str]:
    names = list(next(iter(page.confidence.values())))
    rows = [
        (f"`{split}`", *(f"{row[name]:.2f}" for name in names))
        for split, row in page.confidence.items()
    ]
    return ["## What it was trained on", CONFIDENCE, _table(("split", *names), rows)]


def _ways(ways: dict[str, Accuracy]) -> str:
    return _table(
        ("", "AUC", "recall at 5 % FPR", "accuracy", "ECE"),
        [(name, *_accuracy(one)) for name, one in ways.items()],
    )


def _accuracy(one: Accuracy) -> tuple[str, ...]:
    area = f"{one.auc:.4f} ({one.low:.3f} to {one.high:.3f})"
    return area, f"{one.recall:.3f}", f"{one.accuracy:.3f}", f"{one.error:.3f}"


def _counts(rows: Sequence[Counts]) -> str:
    return _table(
        ("", "clips", "called fake", "inconclusive", "called real"),
        [
            (
                one.name,
                one.clips,
                one.fake,
                one.inconclusive,
                one.clips - one.fake - one.inconclusive,
            )
            for one in rows
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)

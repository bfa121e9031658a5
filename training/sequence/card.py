"""`python -m fakecheck_training.sequence.card`: CARD.md, the temporal model's card for people.

Whatever writes sequence.yaml writes it too; the command is for a card that was edited by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from fakecheck.card import Calibration
from fakecheck.files import atomic_path
from fakecheck.temporal import CARD, SequenceCard, load_sequence_card
from fakecheck_training.markdown import table
from fakecheck_training.options import cli

MODELS = Path(__file__).resolve().parents[2] / "fakecheck" / "models" / "sequence"
PAGE = "CARD.md"

out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=MODELS,
    help="Folder of the model, by default fakecheck/models/sequence.",
)

READS = """- architecture: {architecture}
- reads: {width} features a sample of version {version} (docs/features.md), {window} samples at once
- learned from what these detectors find: {detectors}

It judges one followed face: the odds that the network gives are averaged with those of the
detectors' own mean over the samples, and calibrated; those of a sample with what the detectors say
of it. Detectors that are installed later count in the same features; the network has not learned
from them."""
ACCURACY = """Of videos that neither the detectors nor the model were trained or calibrated on;
docs/video.md has the sets, the intervals and what it is compared with. Accuracy is at a probability
of one half, forged and real weighing alike."""
CALIBRATION = """The score in 0..1 that the average gives becomes a natural log-likelihood ratio:
`clip(slope * logit(score) + intercept, least, greatest)`, fitted on sequences of groups that the
network which scored them had not seen."""
ALARMS = """Of real people and videos that were not among these at most so many are to have a ratio
over:"""
BANDS = """By default a face is called fake over the ratio of 1 % (of several faces each has to be
rarer), and real under a probability of {real_below}, under which {miss_rate:.0%} of
the held-back forgeries lie whose family has a detector. Between the two it is inconclusive. Samples
over {forged_over} make up the seconds that are reported as forged."""


def card_page(card: SequenceCard) -> str:
    """CARD.md: the card as a page to read."""
    training, licence = card.training, card.licence
    parts = [
        f"# The temporal model {card.version}",
        card.summary,
        f"Generated from {CARD} by `python -m fakecheck_training.sequence.card`; do not edit.",
        READS.format(
            architecture=card.architecture,
            width=card.features.width,
            version=card.features.version,
            window=card.window,
            detectors=", ".join(f"{name} {version}" for name, version in card.detectors.items()),
        ),
        "## Accuracy",
        *_accuracy(card),
        "## Limits",
        "\n".join(f"- {limit}" for limit in card.limits),
        "## Calibration",
        *_calibration(card),
        "## Training",
        "    " + training.command.replace(" && ", "\n    "),
        f"Seed {training.seed}, {training.steps} steps a fold, {training.date}, "
        f"code of commit {training.commit or 'unknown'}.",
        _table(
            ("set", "use", "sequences", "terms"),
            [(row.set, row.use, row.pictures, row.terms) for row in training.data],
        ),
        "## Licence",
        f"- graph: {licence.graph}\n- data: {licence.data}",
        "## Files",
        _table(("file", "sha256"), [(name, f"`{digest}`") for name, digest in card.files.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def _accuracy(card: SequenceCard) -> list[str]:
    if not card.metrics:
        return ["Not measured yet: `python -m fakecheck_training.sequence.evaluate` does."]
    rows = [(m.name, m.set, f"{m.value:.4f}", m.forged, m.real) for m in card.metrics]
    return [ACCURACY, _table(("figure", "set", "value", "forged", "real"), rows)]


def _calibration(card: SequenceCard) -> list[str]:
    if not card.calibration.max_llr:
        return ["None yet: the model is silent until `calibrate` has been run."]
    kinds = {"face": card.calibration, "sample": card.sample_calibration}
    bands = card.bands
    return [
        CALIBRATION,
        _table(
            ("of a", "slope", "intercept", "least", "greatest"),
            [(name, *_line(one)) for name, one in kinds.items()],
        ),
        ALARMS,
        _table(
            ("share of real faces", "ratio"),
            [
                (f"{rate:.1%}", f"{llr:.2f}")
                for rate, llr in sorted(card.false_alarm_llr.items(), reverse=True)
            ],
        ),
        BANDS.format(
            real_below=bands.real_below, miss_rate=bands.miss_rate, forged_over=bands.forged_over
        ),
    ]


def _line(one: Calibration) -> list[str]:
    return [f"{v:.3f}" for v in (one.slope, one.intercept, one.min_llr, one.max_llr)]


def _table(head: tuple[str, ...], rows: list[tuple]) -> str:
    return table(head, rows).rstrip()


def read_sequence_card(folder: Path) -> dict[str, Any]:
    """The content of the card, checked as the runtime checks it."""
    load_sequence_card(folder)
    return dict(yaml.safe_load((folder / CARD).read_text(encoding="utf-8")))


def write_sequence_card(folder: Path, card: dict[str, Any]) -> None:
    """Writes the card as a whole, checks that the runtime takes it, and writes CARD.md."""
    with atomic_path(folder / CARD) as temporary:
        text = yaml.safe_dump(card, sort_keys=False, allow_unicode=True, width=100)
        temporary.write_text(text, encoding="utf-8", newline="\n")
    write_card_page(folder)


def write_card_page(folder: Path) -> None:
    """CARD.md beside the card in `folder`. Raises CardError for one that the runtime refuses."""
    page = card_page(load_sequence_card(folder))
    with atomic_path(folder / PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


@cli
@out_option
def main(out: Path) -> None:
    """Write CARD.md anew from the temporal model's sequence.yaml."""
    write_card_page(out)


if __name__ == "__main__":
    main()

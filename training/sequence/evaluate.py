"""`python -m fakecheck_training.sequence.evaluate`: video verdicts on `val`, into docs/video.md.

The shipped model with all installed detectors, on sequences that no detector and no model was
trained on, beside what pooling without a model makes of the same boxes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from fakecheck.calibration import exceeded_by
from fakecheck.card import DetectorCard
from fakecheck.detector import log_likelihood_ratio
from fakecheck.loading import load_detectors
from fakecheck.observations import ClassTable, fused_llr
from fakecheck.temporal import TemporalModel
from fakecheck.temporal_verdict import fake_over
from fakecheck.timeline import forged_spans
from fakecheck.types import Floats, Moment
from fakecheck.verdict import sigmoid
from fakecheck_training.curves import error_by_chance
from fakecheck_training.options import cli, data_option, work_option
from fakecheck_training.sequence.calibrate import read_held_back
from fakecheck_training.sequence.card import out_option, read_sequence_card, write_sequence_card
from fakecheck_training.sequence.corpus import ONLY_FAMILIES
from fakecheck_training.sequence.data import Labelled, family_known, known_families, load_set
from fakecheck_training.sequence.metrics import (
    Accuracy,
    Floor,
    accuracy_of,
    intersection_over_union,
    overlap,
)
from fakecheck_training.sequence.page import Counts, Page, Partial, write_page
from fakecheck_training.sequence.poolings import (
    MODEL,
    Judge,
    differences,
    judges,
    measure,
    refit,
)
from fakecheck_training.sequence.rates import at_rates
from fakecheck_training.sequence.recipe import (
    SequenceRecipe,
    load_sequence_recipe,
    model_folder,
    recipe_argument,
)
from fakecheck_training.sequence.spectrum import spectrum_scores
from fakecheck_training.sequence.unseen import added_detectors

VIDEOS = "ffpp_val"
# Intersection over union from which a forged part counts as found.
ENOUGH = 0.7


def fake_limit(model: TemporalModel) -> float:
    """The probability over which a single face is called fake."""
    return fake_over([0.0], model.card)


def label_of(value: float, model: TemporalModel) -> str:
    """The verdict on a single face of this probability."""
    limit = fake_limit(model)
    if value > limit:
        return "fake"
    return "real" if value < model.card.bands.real_below else "inconclusive"


def measure_partial(
    sequences: Sequence[Labelled], model: TemporalModel, table: ClassTable
) -> Partial:
    """Verdict and spans of clips that are forged in a part, as the report gives them."""
    limit, over = fake_limit(model), model.card.bands.forged_over
    shares = []
    for one in sequences:
        whole, samples = model.judge(one.seen, table)
        if sigmoid(whole) <= limit:
            continue
        moments = [
            Moment(int(one.seen.frame[n]), float(one.seen.time[n]), 0, sigmoid(float(samples[n])))
            for n in np.flatnonzero(one.seen.seen)
        ]
        shares.append(overlap(forged_spans(moments, over), one.item.spans or ()))
    unions = [intersection_over_union(*pair) for pair in shares]
    recall, precision = (_mean([share[i] for share in shares]) for i in (0, 1))
    enough = sum(union >= ENOUGH for union in unions)
    return Partial(len(sequences), len(shares), recall, precision, _mean(unions), enough)


def held_back_counts(
    sequences: Sequence[Labelled], path: Path, model: TemporalModel, table: ClassTable
) -> list[Counts]:
    """Verdicts on the talking-head clips by models that have not seen the clip's person."""
    names, labels = [], []
    held_back = read_held_back(path, model.card.folder, sequences, table)
    for one in held_back:
        value = log_likelihood_ratio(np.array([one.score], np.float32), model.card.calibration)
        names.append(one.item.kind if not one.fake else f"forged: {one.item.kind.split(',')[0]}")
        labels.append(label_of(sigmoid(float(value[0])), model))
    return counts(names, labels)


def family_counts(
    sequences: Sequence[Labelled], model: TemporalModel, judge: Judge, cards: Sequence[Any]
) -> list[Counts]:
    """Verdicts on hand-held stills of `val`, by family."""
    known = known_families(cards)
    names = []
    for one in sequences:
        mark = "" if family_known(one.item, known) else " (no detector)"
        names.append(f"{one.item.family}{mark}" if one.item.fake else "real")
    return counts(names, [label_of(judge(one), model) for one in sequences])


def values_by_kind(
    videos: Sequence[Labelled],
    partial: Sequence[Labelled],
    stills: Sequence[Labelled],
    judge: Judge,
) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """Probabilities of clips of `val`, by what they are; the real ones of all sets once more.

    And the groups of the real ones, in the same order.
    """
    found: dict[str, list[float]] = {}
    groups: dict[str, list[str]] = {}
    for what, ones in (
        ("videos of FaceForensics++", videos),
        ("clips forged in their middle third", partial),
        ("hand-held stills", stills),
    ):
        for one in ones:
            kind = f"{'forged' if one.item.fake else 'real'}: {what}"
            found.setdefault(kind, []).append(judge(one))
            if not one.item.fake:
                groups.setdefault(kind, []).append(one.item.group)
    every = "real: all of these"
    values = {**dict(sorted(found.items())), every: [v for name in groups for v in found[name]]}
    return values, {**groups, every: [g for mine in groups.values() for g in mine]}


def counts(names: Sequence[str], labels: Sequence[str]) -> list[Counts]:
    """How many of each name got which label."""
    found = []
    for name in sorted(set(names)):
        mine = [label for one, label in zip(names, labels, strict=True) if one == name]
        found.append(Counts(name, len(mine), mine.count("fake"), mine.count("inconclusive")))
    return found


def over_confidence(
    cards: Sequence[DetectorCard], data: Path, work: Path
) -> dict[str, dict[str, float]]:
    """Split → where the ratios of forged and real frames lie, of their family's detector."""
    known = [card for card in cards if card.family in ONLY_FAMILIES["ffpp_fit"]]
    rows = {}
    for split in ("fit", "calib", "val"):
        sequences, table = load_set(f"ffpp_{split}", known, data, work)
        llr = [fused_llr(one.seen.llr, table) for one in sequences]
        fake = np.array([one.item.fake for one in sequences])
        fakes = np.concatenate([v for v, f in zip(llr, fake, strict=True) if f])
        reals = np.concatenate([v for v, f in zip(llr, fake, strict=True) if not f])
        fakes, reals = fakes[~np.isnan(fakes)], reals[~np.isnan(reals)]
        rows[split] = {
            "median of forged": float(np.median(fakes)),
            "tenth of forged under": exceeded_by(fakes, 0.9),
            "median of real": float(np.median(reals)),
            "hundredth of real over": exceeded_by(reals, 0.01),
        }
    return rows


def metric_rows(results: dict[str, Any], fake: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """What the card says of the temporal model."""
    accuracy: Accuracy = results[MODEL][0]
    names = {
        "ROC AUC": accuracy.auc,
        "recall at 5 % FPR": accuracy.recall,
        "accuracy": accuracy.accuracy,
        "expected calibration error": accuracy.error,
    }
    return [
        {
            "name": name,
            "set": VIDEOS,
            "value": round(value, 4),
            "forged": int(fake.sum()),
            "real": int((~fake).sum()),
        }
        for name, value in names.items()
    ]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0


def video_results(
    sequences: Sequence[Labelled], ways: Mapping[str, Judge], data: Path, work: Path
) -> dict[str, tuple[Accuracy, Floats]]:
    """Accuracy and probabilities of every way, and of the spectrum probe, on videos."""
    results = measure(sequences, ways)
    fake = np.array([one.item.fake for one in sequences])
    spectrum = spectrum_scores(sequences, data, work)
    groups = [one.item.group for one in sequences]
    results["spectrum probe"] = (accuracy_of(spectrum, fake, groups), spectrum)
    return results


def measured_page(
    spec: SequenceRecipe, model: TemporalModel, data: Path, work: Path, unseen: bool
) -> tuple[Page, list[dict[str, Any]]]:
    """What the page says, and the rows of the card."""
    detectors = load_detectors()
    cards = detectors.cards

    def loaded(*names: str) -> list[Labelled]:
        return [one for name in names for one in load_set(name, cards, data, work)[0]]

    table, families = ClassTable(cards), known_families(cards)
    refitted = refit(spec, loaded(*spec.calibrate_on), table, families)
    ways = judges(model, table, refitted)
    sequences, partial, stills = loaded(VIDEOS), loaded("partial_val"), loaded("animated_val")
    results = video_results(sequences, ways, data, work)
    fake = np.array([one.item.fake for one in sequences])
    known = [one for one in stills if family_known(one.item, families)]
    others = measure(known, ways)
    values, groups = values_by_kind(sequences, partial, known, ways[MODEL])
    held_back = model_folder(work, spec) / "held_back.npz"
    labels = [label_of(value, model) for value in results[MODEL][1]]
    page = Page(
        versions={**detectors.versions, MODEL: model.card.version},
        forged=int(fake.sum()),
        real=int((~fake).sum()),
        ways={name: accuracy for name, (accuracy, _) in results.items()},
        differences=differences(sequences, results),
        floor=Floor(*error_by_chance(results[MODEL][1], fake), int(fake.sum()), int((~fake).sum())),
        verdicts=counts([("forged" if one else "real") for one in fake], labels),
        partial=measure_partial(partial, model, table),
        clips=held_back_counts(loaded("real_clips", "partswaps"), held_back, model, table),
        families=family_counts(stills, model, ways[MODEL], cards),
        family_ways={name: accuracy for name, (accuracy, _) in others.items()},
        family_differences=differences(known, others),
        rates=at_rates(values, model.card, groups),
        added=added_detectors(spec, cards, data, work) if unseen else [],
        confidence=over_confidence(cards, data, work),
        card=model.card,
    )
    return page, metric_rows(results, fake)


@cli
@recipe_argument
@data_option
@work_option
@out_option
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("docs/video.md"),
    show_default=True,
    help="The page to write.",
)
@click.option("--unseen/--no-unseen", default=True, help="Also train without each detector once.")
def main(recipe: Path, data: Path, work: Path, out: Path, output: Path, unseen: bool) -> None:
    """Measure the video verdict on val and on held-back clips; write the page and the card."""
    spec = load_sequence_recipe(recipe)
    page, metrics = measured_page(spec, TemporalModel(out), data, work, unseen)
    write_page(page, output)
    card = read_sequence_card(out)
    write_sequence_card(out, {**card, "metrics": metrics})
    click.echo(f"wrote {output}, and the figures into the card", err=True)


if __name__ == "__main__":
    main()

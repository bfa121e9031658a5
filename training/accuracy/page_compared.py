"""docs/accuracy.md: other detectors on the same faces, and the verdict on videos."""

from __future__ import annotations

from fakecheck.temporal import SequenceCard
from fakecheck_training.accuracy.results import Results
from fakecheck_training.accuracy.words import STATE_TITLES, named
from fakecheck_training.baselines.mesonet import WEIGHTS
from fakecheck_training.markdown import table
from fakecheck_training.measured import STATES

NO_MESONET = (
    "MesoNet was not measured this time: its weights were not given (`measure --mesonet DIR`)."
)
# The temporal model's card names the sets of its figures by how they were made.
VIDEO_SETS = {"ffpp_val": "FaceForensics++ DeepFakes, c40, `val`, up to four frames a video"}


def baselines_section(results: Results) -> str:
    """A table a state."""
    tables = "\n".join(f"{_title(state)}:\n\n{_baselines(results, state)}" for state in STATES)
    note = "" if any(name in WEIGHTS for name in results.baselines) else NO_MESONET + "\n\n"
    return (
        "AUC against the reals of all sets, and recall at 1 %, of the same faces, all of them"
        " degraded alike."
        " *MesoNet* (Afchar et al. 2018) as published: trained on DeepFakes clips that its authors"
        " collected (DF), or on Face2Face clips of FaceForensics (F2F), whose originals may be"
        " among those of FaceForensics++ here. *spectrum* is a logistic"
        " regression on the azimuthally averaged power spectrum (Durall et al. 2020), fitted on the"
        " training split of all sets, degraded alike. Of several faces the worst counts.\n\n"
        + note
        + tables
        + "\nUndegraded, all sets together:\n\n![ROC curves](roc.png)\n"
    )


def _title(state: str) -> str:
    return STATE_TITLES[state][0].upper() + STATE_TITLES[state][1:]


def _baselines(results: Results, state: str) -> str:
    names = list(results.baselines)
    rows = []
    for index, row in enumerate(results.fused[state].separations):
        all_of_them = (row, *(results.baselines[name].rows[state][index] for name in names))
        figures = (f"{one.pooled[0]:.3f}, {one.recall:.2f}" for one in all_of_them)
        rows.append((named(results, row.dataset), *figures))
    return table(("set", "fakecheck", *(name.replace("_", " ") for name in names)), rows)


def videos_section(card: SequenceCard) -> str:
    """What the temporal model's card says of it."""
    rows = [
        (VIDEO_SETS.get(row.set, row.set), row.name, row.forged, row.real, f"{row.value:.3f}")
        for row in card.metrics
    ]
    return (
        f"In videos a temporal model, version {card.version}, reads what the detectors find through"
        " time. Its figures, from its card; with intervals, clips that are forged in a part, other"
        " families and other rates of false alarms: [video.md](video.md).\n\n"
        + table(("videos", "figure", "forged", "real", "value"), rows)
    )

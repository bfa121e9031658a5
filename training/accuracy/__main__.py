"""`python -m fakecheck_training.accuracy`: docs/accuracy.md, its plots, and what quotes it.

Reads nothing but what `python -m fakecheck_training.measure` left in WORK, and the cards: after a
detector was calibrated anew, this alone makes pages, cards and README agree again.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import click
import numpy as np

from fakecheck.card import MIN_FACE
from fakecheck.files import atomic_path
from fakecheck.temporal import load_sequence_card
from fakecheck.types import Floats
from fakecheck_training.accuracy.cards import write_cards, write_readme
from fakecheck_training.accuracy.detectors_page import detectors_page
from fakecheck_training.accuracy.page import accuracy_page
from fakecheck_training.accuracy.plots import draw_plots
from fakecheck_training.accuracy.results import Results, compute
from fakecheck_training.baselines.mesonet import meso_probes
from fakecheck_training.baselines.spectrum import KEY as SPECTRUM_KEY
from fakecheck_training.baselines.spectrum import NAME as SPECTRUM
from fakecheck_training.baselines.spectrum import fake_logits, fit_probe, fit_spectra
from fakecheck_training.data import pick, read_samples
from fakecheck_training.faces import load_faces
from fakecheck_training.measure import extra_option, find_bundles, mesonet_option
from fakecheck_training.measured import Shot, Store
from fakecheck_training.options import cli, data_option, out_option, work_option
from fakecheck_training.scoring import probe_key

TEMPORAL = Path(str(files("fakecheck") / "models" / "sequence"))


def results_of(
    data: Path, work: Path, out: Path, extra: Sequence[Path], mesonet: Path | None
) -> Results:
    """All figures of the detectors in `out` and `extra`, from what was measured."""
    store, samples = Store(work), read_samples(data)
    cards = find_bundles(out, extra)
    meso = [] if mesonet is None else meso_probes(mesonet)
    keys = {card.id: probe_key(card) for card in cards}
    keys |= {probe.name: probe.key for probe in meso} | {SPECTRUM: SPECTRUM_KEY}
    shots = store.shots([*pick(samples, "val"), *store.simulated("val")], keys)
    model = fit_probe(*fit_spectra(data, work, samples, load_faces(work)))
    baselines = {
        probe.name: worst_face(shots, [shot.values[probe.name][:, 0] for shot in shots])
        for probe in meso
    }
    spectra = [fake_logits(model, shot.values[SPECTRUM]) for shot in shots]
    baselines[SPECTRUM] = worst_face(shots, spectra)
    return compute(shots, cards, baselines)


def worst_face(shots: Sequence[Shot], scores: Sequence[Floats]) -> Floats:
    """(shots,) the highest of each picture's faces that a detector would judge, -inf for none."""
    best = [
        max(
            (s for s, face in zip(one, shot.faces, strict=True) if face.size >= MIN_FACE),
            default=-np.inf,
        )
        for shot, one in zip(shots, scores, strict=True)
    ]
    return np.array(best, np.float32)


def made_by(extra: Sequence[Path], mesonet: bool) -> str:
    """The commands of the pages, with paths as anybody may have them."""
    options = "".join(f" --extra {path.as_posix()}" for path in extra)
    options += " --mesonet DIR" if mesonet else ""
    module = "python -m fakecheck_training"
    return f"{module}.measure{options} && {module}.accuracy{options}"


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


@cli
@data_option
@work_option
@out_option
@extra_option
@mesonet_option
@click.option(
    "--docs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("docs"),
    show_default=True,
    help="Folder of the pages and plots.",
)
@click.option("--cards", is_flag=True, help="Write the figures into the detectors' cards too.")
@click.option(
    "--readme",
    is_flag=True,
    help="Write the table between the marks in README.md of the working folder too.",
)
def main(
    data: Path,
    work: Path,
    out: Path,
    extra: tuple[Path, ...],
    mesonet: Path | None,
    docs: Path,
    cards: bool,
    readme: bool,
) -> None:
    """Make the pages of accuracy from what `measure`, run with the same options, has kept."""
    results = results_of(data, work, out, extra, mesonet)
    command = made_by(extra, mesonet is not None)
    _write(docs / "accuracy.md", accuracy_page(results, command, load_sequence_card(TEMPORAL)))
    _write(docs / "accuracy-detectors.md", detectors_page(results, command))
    plots = draw_plots(results, docs)
    if cards:
        write_cards(results)
    if readme:
        write_readme(Path("README.md"), results)
    click.echo(f"wrote two pages and {len(plots)} plots into {docs}")


if __name__ == "__main__":
    main()

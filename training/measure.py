"""`python -m fakecheck_training.measure`: what every detector says of every picture, kept in WORK.

Each picture of a split is decoded as the runtime does, degraded in every way of `FIXED`, and its
faces are found anew by the runtime's finder; then all detectors and the baselines read it. Only
what is not in WORK/measured yet is run: a new detector costs its own time, a new calibration none.
`python -m fakecheck_training.accuracy` makes pages and plots of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import click
import cv2

from fakecheck.card import CARD_FILE, DetectorCard, load_card
from fakecheck.errors import UsageError
from fakecheck.faces import FaceFinder
from fakecheck.media import open_media
from fakecheck.types import Face, Image
from fakecheck_training.augment import FIXED
from fakecheck_training.baselines.mesonet import meso_probes
from fakecheck_training.baselines.spectrum import SpectrumProbe, fit_spectra
from fakecheck_training.data import Sample, pick, read_samples
from fakecheck_training.draws.artifacts import FAMILY
from fakecheck_training.draws.held_back import SimulatedSample, load_picture, simulated_set
from fakecheck_training.faces import check_searched, load_faces, with_faces
from fakecheck_training.measured import FoundFaces, Shard, Store, shards_of
from fakecheck_training.options import cli, data_option, out_option, progress, work_option
from fakecheck_training.recipe import load_detector_recipe
from fakecheck_training.scoring import THREADS, DetectorProbe, Readings

extra_option = click.option(
    "--extra",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="A folder with further bundles, at any depth (a contributed package). May be repeated.",
)
mesonet_option = click.option(
    "--mesonet",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the published weights of MesoNet, to compare with.",
)


# Pictures with simulated artifacts.
SIMULATED = 400
Load = Callable[[Sample], Image]
"""(height, width, 3) uint8 BGR of a sample. Raises MediaError for what the runtime refuses."""


class Probe(Protocol):
    """Reads faces. `name` says what it is, `key` on which of its versions a reading depends."""

    name: str
    key: str

    def read(self, images: Sequence[Image], faces: Sequence[Sequence[Face]]) -> Readings:
        """What it says of the faces found in each picture."""


def find_bundles(out: Path, extra: Sequence[Path]) -> list[DetectorCard]:
    """The cards under `out`, by id, and after them those under each folder of `extra`.

    Raises UsageError where two have the same id, or where there is none.
    """
    cards: list[DetectorCard] = []
    for root in (out, *extra):
        folders = sorted(path.parent for path in root.rglob(CARD_FILE))
        cards += sorted((load_card(folder) for folder in folders), key=lambda card: card.id)
    if not cards:
        raise UsageError(f"no detector in {out}: no folder there has a {CARD_FILE}")
    for card in cards:
        others = [other.folder for other in cards if other.id == card.id]
        if len(others) > 1:
            raise UsageError(f"two detectors are called {card.id}: {others[0]} and {others[1]}")
    return cards


def measure_all(
    samples: Sequence[Sample], load: Load, store: Store, probes: Sequence[Probe]
) -> None:
    """Everything that `store` lacks of `samples`, two shards at a time, with progress on stderr."""
    cv2.setNumThreads(1)
    finder = FaceFinder(fine=True)
    shards = shards_of(samples)

    def work(shard: Shard) -> tuple[Sample, ...]:
        measure_shard(shard, load, store, probes, finder)
        return shard.samples

    def done(pool: ThreadPoolExecutor) -> Iterator[Sample]:
        for part in pool.map(work, shards):
            yield from part

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in progress(done(pool), len(samples), "measured"):
            pass


def measure_shard(
    shard: Shard, load: Load, store: Store, probes: Sequence[Probe], finder: FaceFinder
) -> None:
    """The faces of a shard and the readings of those `probes` that have not read it yet."""
    found = store.faces(shard)
    missing = [probe for probe in probes if not store.has(probe.key, shard)]
    if found is not None and not missing:
        return
    images = [
        degrade(picture)
        for picture in (load(sample) for sample in shard.samples)
        for degrade in FIXED.values()
    ]
    if found is None:
        found = FoundFaces.of(images, [finder.find(image, retry=True) for image in images])
        store.keep_faces(shard, found)
    faces = found.faces()
    for probe in missing:
        store.keep_readings(probe.key, shard, probe.read(images, faces))


def loader(data: Path, faces: dict[str, Face]) -> Load:
    """Files as the runtime decodes them, and simulated pictures as training makes them."""

    def load(sample: Sample) -> Image:
        if isinstance(sample, SimulatedSample):
            return load_picture(sample, data, faces)
        return next(iter(open_media(data / sample.key).frames())).image

    return load


def simulated(
    data: Path, samples: Sequence[Sample], faces: dict[str, Face]
) -> list[SimulatedSample]:
    """The `val` pictures on which a detector of artifacts is measured."""
    spec = load_detector_recipe(Path(FAMILY)).simulate
    if spec is None:
        raise UsageError(f"the recipe {FAMILY!r} simulates nothing")
    found = simulated_set(spec, with_faces(samples, faces), data, faces, "val", SIMULATED)
    return [sample for _, sample in found]


@cli
@data_option
@work_option
@out_option
@extra_option
@mesonet_option
@click.option(
    "--split",
    type=click.Choice(["val", "calib"]),
    default="val",
    show_default=True,
    help="Which pictures; calib is what thresholds may be chosen on.",
)
def main(
    data: Path, work: Path, out: Path, extra: tuple[Path, ...], mesonet: Path | None, split: str
) -> None:
    """Run all detectors, and baselines, over all pictures of a split, undegraded and degraded."""
    samples, faces, store = read_samples(data), load_faces(work), Store(work)
    check_searched(samples, work)
    chosen = pick(samples, split)
    cards = find_bundles(out, extra)
    probes: list[Probe] = [DetectorProbe(card) for card in cards]
    if split == "val":
        probes.append(SpectrumProbe())
        fit_spectra(data, work, samples, faces)
    if split == "val" and any(card.family == FAMILY for card in cards):
        made = simulated(data, samples, faces)
        store.keep_simulated(split, made)
        chosen += made
    if mesonet is not None:
        probes += meso_probes(mesonet)
    measure_all(chosen, loader(data, faces), store, probes)
    click.echo(f"measured {len(chosen)} pictures: {', '.join(p.name for p in probes)}", err=True)


if __name__ == "__main__":
    main()

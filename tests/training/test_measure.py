"""What is measured equals what the runtime says, and nothing is measured twice."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("object_detection", reason="needs pip install fakecheck[train]")

from drawn import write_pack

from fakecheck.card import load_card
from fakecheck.errors import UsageError
from fakecheck.loading import load_detectors
from fakecheck.pipeline import check_files
from fakecheck.plugins import PluginHost
from fakecheck_training.accuracy.judging import evidence, judge_shot
from fakecheck_training.augment import FIXED
from fakecheck_training.data import Sample, read_samples
from fakecheck_training.draws.held_back import SimulatedSample
from fakecheck_training.faces import CACHE, save_faces
from fakecheck_training.measure import find_bundles, loader, measure_all
from fakecheck_training.measured import SHARD, STATES, Store, shards_of
from fakecheck_training.scoring import DetectorProbe, Readings, probe_key

ROOT = Path(__file__).parents[2]
BUNDLES = ROOT / "detectors"
PICTURES = ("forged_face.jpg", "real_face.jpg")


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pack")
    folder = root / "toy"
    folder.mkdir()
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "split", "label", "family", "group", "frame", "parts"))
        for name in PICTURES:
            shutil.copy(ROOT / "tests" / "resources" / name, folder / name)
            label, family = ("real", "") if "real" in name else ("fake", "partswap")
            writer.writerow((name, "val", label, family, name, "", ""))
    cv2.imwrite(str(folder / "blank.png"), np.full((96, 96, 3), 127, np.uint8))
    with (folder / "manifest.csv").open("a", newline="") as file:
        csv.writer(file).writerow(("blank.png", "val", "real", "", "blank", "", ""))
    return root


class Counting:
    """Reads the mean brightness, once a face or once a picture, and counts its calls."""

    def __init__(self, key: str, whole: bool = False) -> None:
        self.name = self.key = key
        self.whole = whole
        self.calls = 0

    def read(self, images, faces):
        self.calls += 1
        rows = [
            [float(image.mean())]
            for image, found in zip(images, faces, strict=True)
            for _ in range(1 if self.whole else len(found))
        ]
        return Readings(np.array(rows, np.float32).reshape(-1, 1), whole=self.whole)


@pytest.mark.parametrize("state", ["none", "jpeg50", "half"])
def test_a_measured_verdict_is_the_runtimes(pack: Path, tmp_path: Path, state: str) -> None:
    samples, store = read_samples(pack), Store(tmp_path)
    probes = [DetectorProbe(card) for card in find_bundles(BUNDLES, ())]
    measure_all(samples, loader(pack, {}), store, probes)
    shots = store.shots(samples, {probe.name: probe.key for probe in probes})
    mine = {shot.sample.key: shot for shot in shots if shot.degradation == state}
    cards = [probe.card for probe in probes]
    detectors = load_detectors(device="cpu", host=PluginHost.discover(autoload=False))
    for key, shot in mine.items():
        path = tmp_path / f"{Path(key).stem}.png"
        cv2.imwrite(str(path), FIXED[state](cv2.imread(str(pack / key))))
        (outcome,) = check_files([path], detectors)
        assert outcome.report is not None
        got, wanted = judge_shot(shot, cards), outcome.report
        assert len(shot.faces) == len(wanted.faces)
        assert got.label == wanted.verdict.label
        assert got.judged == (wanted.verdict.probability is not None)
        assert got.probability == pytest.approx(wanted.verdict.probability or 0.0, abs=1e-4)
        assert got.families == tuple(score.family for score in wanted.families)


def test_another_calibration_changes_the_verdict_and_needs_no_run(pack: Path, tmp_path: Path):
    samples, store = read_samples(pack), Store(tmp_path)
    card = load_card(BUNDLES / "partswap")
    measure_all(samples, loader(pack, {}), store, [DetectorProbe(card)])
    shot = store.shots(samples, {card.id: probe_key(card)})[0]
    silent = card.classes[0].calibration.model_copy(update={"min_llr": 0.0, "max_llr": 0.0})
    muted = card.model_copy(
        update={
            "classes": tuple(c.model_copy(update={"calibration": silent}) for c in card.classes)
        }
    )
    assert probe_key(muted) == probe_key(card)
    assert judge_shot(shot, [card]).probability > 0.5
    assert judge_shot(shot, [muted]).probability == 0.5


def test_a_face_too_small_for_a_card_has_no_evidence(pack: Path, tmp_path: Path) -> None:
    samples, store = read_samples(pack), Store(tmp_path)
    card = load_card(BUNDLES / "stargan")
    measure_all(samples, loader(pack, {}), store, [DetectorProbe(card)])
    shot = store.shots(samples, {card.id: probe_key(card)})[0]
    size = max(face.size for face in shot.faces)
    assert np.isfinite(evidence(shot, card)).any()
    larger = card.model_copy(update={"min_face": size + 1})
    assert np.isnan(evidence(shot, larger)).all()
    assert not judge_shot(shot, [larger]).judged


def test_what_changes_the_scores_changes_the_key() -> None:
    card = load_card(BUNDLES / "stargan")
    other = card.model_copy(update={"crop": card.crop.model_copy(update={"margin": 0.5})})
    assert probe_key(other) != probe_key(card)
    assert probe_key(card).startswith("stargan-")


def test_only_what_is_missing_is_run(pack: Path, tmp_path: Path) -> None:
    samples, store = read_samples(pack), Store(tmp_path)
    first, second = Counting("first"), Counting("second")
    measure_all(samples, loader(pack, {}), store, [first])
    measure_all(samples, loader(pack, {}), store, [first, second])
    assert (first.calls, second.calls) == (1, 1)

    def unread(sample: Sample) -> np.ndarray:
        raise AssertionError(f"{sample.key} was read again")

    measure_all(samples, unread, store, [first, second])


def test_readings_find_their_way_back_to_face_and_picture(pack: Path, tmp_path: Path) -> None:
    samples, store = read_samples(pack), Store(tmp_path)
    faces, frames = Counting("faces"), Counting("frames", whole=True)
    measure_all(samples, loader(pack, {}), store, [faces, frames])
    shots = store.shots(samples, {"faces": "faces", "frames": "frames"})
    assert [shot.degradation for shot in shots[:4]] == list(STATES)
    load = loader(pack, {})
    for shot in shots:
        image = FIXED[shot.degradation](load(shot.sample))
        assert (shot.width, shot.height) == image.shape[1::-1]
        assert shot.values["frames"].ravel() == pytest.approx([image.mean()], abs=1e-3)
        assert len(shot.values["faces"]) == len(shot.faces)
    assert {shot.sample.key: len(shot.faces) for shot in shots}["toy/blank.png"] == 0


def test_another_face_finder_reads_everything_anew(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, probe = read_samples(pack), Counting("probe")
    measure_all(samples, loader(pack, {}), Store(tmp_path), [probe])
    monkeypatch.setattr("fakecheck_training.faces.FINDER_VERSION", 99)
    store = Store(tmp_path)
    with pytest.raises(UsageError, match="have not been measured"):
        store.shots(samples, {"probe": "probe"})
    before = probe.calls
    measure_all(samples, loader(pack, {}), store, [probe])
    assert probe.calls == 2 * before > 0


def test_what_was_not_measured_is_one_sentence(pack: Path, tmp_path: Path) -> None:
    samples, store = read_samples(pack), Store(tmp_path)
    with pytest.raises(UsageError, match="have not been measured"):
        store.shots(samples, {})
    measure_all(samples, loader(pack, {}), store, [])
    with pytest.raises(UsageError, match="later has not been measured"):
        store.shots(samples, {"later": "later-123"})


def test_simulated_samples_come_back_as_they_were(tmp_path: Path) -> None:
    sample = SimulatedSample(
        key="toy/real_face.jpg",
        dataset="simulated",
        split="val",
        fake=True,
        family="attributes",
        group="g",
        labels=("eyes_blur",),
        boxes=((1.5, 2.0, 30.25, 40.0),),
        drawn=("eyes_blur",),
        seed=(7, 0, 0, 1),
    )
    store = Store(tmp_path)
    assert store.simulated("val") == []
    store.keep_simulated("val", [sample])
    assert store.simulated("val") == [sample]
    again = replace(sample, seed=(7, 1, 0, 1))
    assert shards_of([sample])[0].name != shards_of([again])[0].name


def test_shards_hold_every_sample_once() -> None:
    samples = [Sample(f"toy/{n}", "toy", "val", False, "", "g") for n in range(2 * SHARD + 3)]
    shards = shards_of(samples)
    assert [len(shard.samples) for shard in shards] == [SHARD, SHARD, 3]
    assert [one for shard in shards for one in shard.samples] == samples
    assert len({shard.name for shard in shards}) == 3


def test_two_detectors_of_one_id_are_refused(tmp_path: Path) -> None:
    shutil.copytree(BUNDLES / "stargan", tmp_path / "pack" / "mine")
    assert len(find_bundles(BUNDLES, ())) == len(list(BUNDLES.glob("*/detector.yaml")))
    with pytest.raises(UsageError, match="two detectors are called stargan"):
        find_bundles(BUNDLES, (tmp_path,))
    with pytest.raises(UsageError, match="no detector in"):
        find_bundles(tmp_path / "empty", ())


def test_the_commands_make_pages_of_a_pack(tmp_path: Path) -> None:
    """Of drawn faces, in which no face is found: nothing is judged, and the page says so."""
    pytest.importorskip("matplotlib", reason="needs pip install fakecheck[train]")
    from fakecheck_training.accuracy.__main__ import main as accuracy
    from fakecheck_training.measure import main as measure

    faces = write_pack(tmp_path / "data")
    rows = [np.concatenate([f.xyxy, f.landmarks.ravel(), [f.score]]) for f in faces.values()]
    save_faces(tmp_path / "work" / CACHE, list(faces), np.array(rows, np.float32))
    shutil.copytree(BUNDLES / "stargan", tmp_path / "detectors" / "stargan")
    places = [f"--{name}={tmp_path / name}" for name in ("data", "work")]
    places.append(f"--out={tmp_path / 'detectors'}")
    docs = f"--docs={tmp_path / 'docs'}"
    early = CliRunner().invoke(accuracy, [*places, docs])
    assert early.exit_code == 2
    assert "run python -m fakecheck_training.measure first" in early.output
    done = CliRunner().invoke(measure, places)
    assert done.exit_code == 0, done.output
    assert "measured 8 pictures: stargan, spectrum" in done.output
    assert CliRunner().invoke(accuracy, [*places, docs]).exit_code == 0
    page = (tmp_path / "docs" / "accuracy.md").read_text()
    assert "MesoNet was not measured this time" in page
    assert "| *toy* | 4 |" in page
    assert "**Not judged**" in page
    assert (tmp_path / "docs" / "families.png").exists()

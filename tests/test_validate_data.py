"""`validate --data`: accuracy on files of one's own, and the calibration fitted to them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from fakecheck.calibration import detector_llr
from fakecheck.card import load_card
from fakecheck.card_text import open_fields
from fakecheck.cli.main import run
from fakecheck.detector import Detector, cut_crops
from fakecheck.engines import open_engine
from fakecheck.errors import ExitCode
from fakecheck.faces import FaceFinder
from fakecheck.validate.data import score_folder
from fakecheck.validate.examine import Options, validate
from tests.broken_packages import good_bundle, good_package, sha256
from tests.bundles import make_card, onnx_model

pytest.importorskip("onnx", reason="the models of these tests are made with onnx")

RESOURCES = Path(__file__).parent / "resources"
FILES = 40


@pytest.fixture
def bundle(tmp_path):
    """A detector of bright pictures that looks at whole frames, so that no face is needed."""
    return good_bundle(tmp_path / "bundle", crop={"regions": ["frame"]})


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Pictures of one colour: fakes are mostly bright, reals mostly dark."""
    folder = tmp_path_factory.mktemp("data") / "bright_set"
    random = np.random.default_rng(0)
    for name, mean in (("real", 90), ("fake", 170)):
        below = folder / name / "below"
        below.mkdir(parents=True)
        for number in range(FILES):
            value = int(np.clip(random.normal(mean, 30), 0, 255))
            picture = np.full((32, 32, 3), value, np.uint8)
            picture[0, 0] = number  # so that no two files are the same
            cv2.imwrite(str(below / f"{number}.png"), picture)
    return folder


@pytest.fixture
def copied(drawn, tmp_path):
    return Path(shutil.copytree(drawn, tmp_path / "copied"))


def finding(report, check):
    return next(one for one in report.findings if one.check == check)


def test_accuracy_is_measured_and_nothing_written(bundle, drawn):
    before = sha256(bundle)
    report = validate(str(bundle), Options(data=drawn))
    (one,) = report.bundles
    assert report.passed
    assert one.accuracy is not None
    assert (one.accuracy.fakes, one.accuracy.reals) == (FILES, FILES)
    assert 0.9 < one.accuracy.auc < 1
    assert one.accuracy.recall is None, "of 40 reals 1 % is less than one"
    assert finding(report, "data.faces").message == "a face of 36 pixels or more in every file"
    assert sha256(bundle) == before


def test_calibration_is_fitted_and_written_into_the_card(bundle, drawn, capsys):
    path = bundle / "detector.yaml"
    path.write_text("# a comment of mine\n" + path.read_text(), encoding="utf-8")
    old = load_card(bundle)
    arguments = ["detectors", "validate", str(bundle), "--data", str(drawn), "--calibrate"]
    assert run(arguments) == ExitCode.OK
    assert "fitted to 40 fakes and 40 reals" in " ".join(capsys.readouterr().out.split())
    card = load_card(bundle)
    assert path.read_text().startswith("# a comment of mine\n")
    for before, after in zip(old.classes, card.classes, strict=True):
        assert after.calibration.slope != before.calibration.slope
        assert after.calibration.max_llr == pytest.approx(np.log(FILES + 1), abs=1e-3)
        assert after.threshold != before.threshold
    assert set(card.false_alarm_llr) == {0.1, 0.05}, "rarer rates need more than 40 reals"
    assert card.metrics[:-1] == old.metrics
    row = card.metrics[-1]
    assert (row.set, row.split, row.positives, row.negatives) == ("bright_set", "calib", 40, 40)
    assert row.auc > 0.9
    assert row.recall_at_fpr01 is None
    assert card.training.data[:-1] == old.training.data
    data = card.training.data[-1]
    assert (data.set, data.split, data.use) == ("bright_set", "calib", "calibration")
    assert (data.pictures, data.terms) == (2 * FILES, "TODO")
    fields = {"classes", "false_alarm_llr", "metrics"}
    unchanged = {**dict.fromkeys(fields, True), "training": {"data"}}
    assert card.model_dump(exclude=unchanged) == old.model_dump(exclude=unchanged)
    assert sorted(one.name for one in bundle.iterdir()) == sorted([*card.files, path.name])


def test_the_row_of_a_set_is_replaced(bundle, drawn):
    for _ in range(2):
        assert validate(str(bundle), Options(data=drawn, calibrate=True)).passed
        # What the card still lacks then.
        path = bundle / "detector.yaml"
        path.write_text(path.read_text().replace("terms: TODO", "terms: drawn, no terms"))
    assert [row.set for row in load_card(bundle).metrics] == ["drawn", "bright_set"]
    rows = load_card(bundle).training.data
    assert [(row.use, row.terms) for row in rows[1:]] == [("calibration", "drawn, no terms")]


def test_the_set_is_called_as_is_said(bundle, drawn):
    path = bundle / "detector.yaml"
    text = path.read_text().replace("command:", "seed: 7  # TODO\n  command:", 1)
    path.write_text(re.sub(r"\n  seed: \d+\n", "\n", text))
    validate(str(bundle), Options(data=drawn, calibrate=True))
    # One that the card names already has its terms there.
    report = validate(str(bundle), Options(data=drawn, calibrate=True, data_set="none"))
    assert finding(report, "data.fit").message.endswith("fitted to 40 fakes and 40 reals of none")
    card = load_card(bundle)
    assert [(row.set, row.split) for row in card.metrics] == [("drawn", "val"), ("none", "calib")]
    assert [(row.set, row.use, row.terms) for row in card.training.data] == [
        ("none", "none", "none"),
        ("none", "calibration", "none"),
    ]
    assert "seed: 7  # TODO\n" in path.read_text(), "what is left to fill in stays so"
    assert run(["detectors", "validate", str(bundle), "--data", str(drawn), "--set", "x y"]) == 1
    assert run(["detectors", "validate", str(bundle), "--set", "x"]) == ExitCode.USAGE
    assert run(["detectors", "validate", str(bundle), "--data", str(drawn), "--set", " "]) == 2


def test_terms_that_nobody_said_are_left_to_fill_in(bundle, drawn):
    path = bundle / "detector.yaml"
    report = validate(str(bundle), Options(data=drawn, calibrate=True, data_set="mine"))
    left = open_fields(path.read_text())
    assert [one.split(" ")[0] for one in left] == ["training.data.1.terms"]
    assert finding(report, "data.fit").message.endswith(
        f"whose terms are left to fill in: {left[0]}"
    )


def test_calibrated_ratios_tell_the_drawn_fakes(bundle, drawn):
    validate(str(bundle), Options(data=drawn, calibrate=True))
    card = load_card(bundle)
    scores = score_folder(drawn, Detector(card, open_engine(card, device="cpu")))
    calibrations = [spec.calibration for spec in card.classes]
    fake, real = (
        np.array([one.llr(calibrations) for one in scores.judged(label)]) for label in (True, False)
    )
    assert np.median(fake) > 1
    assert np.median(real) < -1
    # The table on the card is of the same ratios.
    assert (real > card.false_alarm_llr[0.1]).mean() == pytest.approx(0.1, abs=0.03)


def test_a_size_that_nobody_chose_is_not_calibrated(bundle, drawn):
    path = bundle / "detector.yaml"
    path.write_text(re.sub(r"(width: \d+)", r"\1  # TODO", path.read_text()))
    before = sha256(bundle)
    report = validate(str(bundle), Options(data=drawn, calibrate=True))
    assert finding(report, "data.fit").status == "failed"
    assert finding(report, "data.fit").message.startswith("input.width still has the mark TODO")
    assert sha256(bundle) == before


def test_too_few_files_change_nothing(bundle, copied):
    for path in sorted((copied / "fake").rglob("*.png"))[5:]:
        path.unlink()
    before = sha256(bundle)
    report = validate(str(bundle), Options(data=copied, calibrate=True))
    assert finding(report, "data.fit").status == "failed"
    assert "5 fakes and 40 reals with a face are too few" in finding(report, "data.fit").message
    assert sha256(bundle) == before


def test_scores_the_wrong_way_round_change_nothing(bundle, copied):
    (copied / "real").rename(copied / "x")
    (copied / "fake").rename(copied / "real")
    (copied / "x").rename(copied / "fake")
    before = sha256(bundle)
    report = validate(str(bundle), Options(data=copied, calibrate=True))
    assert finding(report, "data.fit").message == (
        "class face_synthesis: the detector's scores are no higher for fakes than for reals: it "
        "cannot be calibrated"
    )
    assert sha256(bundle) == before


def test_bad_files_are_named_and_the_others_go_on(bundle, copied):
    (copied / "real" / "bad.png").write_bytes(b"no picture")
    report = validate(str(bundle), Options(data=copied))
    assert finding(report, "data.files").status == "failed"
    assert str(copied / "real" / "bad.png") in finding(report, "data.files").message
    assert report.bundles[0].accuracy is not None
    (copied / "real" / "bad.png").unlink()
    shutil.copy(copied / "real" / "below" / "0.png", copied / "fake" / "same.png")
    report = validate(str(bundle), Options(data=copied))
    assert "lies among the reals and among the fakes" in finding(report, "data.files").message


def test_pictures_without_a_face_are_counted(tmp_path, drawn):
    bundle = good_bundle(tmp_path / "faces")
    data = tmp_path / "data"
    shutil.copytree(drawn / "real", data / "real")
    (data / "fake").mkdir()
    shutil.copy(RESOURCES / "forged_face.jpg", data / "fake")
    shutil.copy(RESOURCES / "real_face.jpg", data / "real")
    report = validate(str(bundle), Options(data=data))
    assert finding(report, "data.faces").message == (
        "no face of 36 pixels or more in 40 reals, which count for nothing"
    )
    assert finding(report, "data.files").message == "1 fake and 41 reals"
    (data / "real" / "real_face.jpg").unlink()
    report = validate(str(bundle), Options(data=data))
    assert finding(report, "data.faces").message == (
        "no real file shows a face of 36 pixels or more"
    )
    assert finding(report, "data.accuracy").status == "skipped"


def test_scores_are_those_of_the_runtime(tmp_path):
    card = make_card(tmp_path / "card", onnx=onnx_model())
    detector = Detector(card, open_engine(card, device="cpu"))
    image = cv2.imread(str(RESOURCES / "real_face.jpg"))
    # At the edge boxes lie in the border of the crop: they cannot be shown, but they count.
    (face,) = FaceFinder().find(image)
    edge = image[:, int(face.xyxy[0]) + 10 :]
    for number, picture in enumerate((image, edge)):
        findings = detector.detect([cut_crops(picture, FaceFinder().find(picture), [card])])[0]
        assert findings.best.shape == (len(findings.evidence), 2)
        llr = detector_llr(findings.best, [spec.calibration for spec in card.classes])
        np.testing.assert_allclose(llr, findings.evidence, rtol=1e-5)
        for label in ("real", "fake"):
            path = tmp_path / str(number) / label / "a.png"
            path.parent.mkdir(parents=True)
            cv2.imwrite(str(path), picture)
        scores = score_folder(tmp_path / str(number), detector)
        np.testing.assert_array_equal(scores.judged(True)[0].frames[0], findings.best)


def test_only_one_detector_is_calibrated_at_once(tmp_path, drawn, capsys):
    package = good_package(tmp_path / "package")
    good_bundle(package / "fakecheck_bright" / "other", id="other")
    arguments = ["detectors", "validate", str(package), "--data", str(drawn), "--calibrate"]
    assert run(arguments) == ExitCode.USAGE
    assert "Only one detector can be calibrated at once" in capsys.readouterr().err


def test_a_card_whose_form_cannot_be_kept_is_left_alone(bundle, drawn):
    path = bundle / "detector.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()), default_flow_style=True))
    before = sha256(bundle)
    report = validate(str(bundle), Options(data=drawn, calibrate=True))
    assert finding(report, "data.fit").message == "detector.yaml cannot be changed by itself"
    assert sha256(bundle) == before

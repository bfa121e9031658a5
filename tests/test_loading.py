"""load_detectors: what is loaded, and that nothing is left out without a word."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from fakecheck import check_image, load_detectors, to_record
from fakecheck.card import CARD_FILE, GRAPH_FILE
from fakecheck.errors import MissingDependencyError, NoDetectorsError
from fakecheck.hookspecs import hookimpl
from fakecheck.plugins import PluginHost
from fakecheck.report.record import load_schema
from tests.bundles import onnx_model, write_bundle

pytest.importorskip("onnx", reason="the models of these tests are made with onnx")

FACE = Path(__file__).parent / "resources" / "real_face.jpg"


def plugin(*folders):
    return SimpleNamespace(fakecheck_detectors=hookimpl(lambda: list(folders)))


@pytest.fixture
def host(tmp_path):
    """Two sound detectors, one with a damaged card, two of one id, and a plug-in without a hook."""
    model = onnx_model()
    bright = write_bundle(tmp_path / "bright", onnx=model)
    other = write_bundle(tmp_path / "other", id="other", family="partswap", onnx=model)
    damaged = write_bundle(tmp_path / "damaged", id="damaged")
    (damaged / CARD_FILE).write_text("schema: [", encoding="utf-8")
    host = PluginHost()
    host.register(plugin(bright, damaged, other), "mixed")
    host.register(plugin(write_bundle(tmp_path / "a", id="twin")), "one")
    host.register(plugin(write_bundle(tmp_path / "b", id="twin")), "two")
    host.register(SimpleNamespace(), "hollow")
    return host


def told(detectors):
    return sorted(error.detector or error.message.split(":")[0] for error in detectors.errors)


def test_every_plugin_that_cannot_be_used_is_told(host):
    detectors = load_detectors(host=host)
    assert [card.id for card in detectors.cards] == ["bright", "other"]
    assert told(detectors) == ["damaged", "plug-in hollow", "twin", "twin"]
    assert {error.stage for error in detectors.errors} == {"plugin"}
    (hollow,) = [error for error in detectors.errors if error.detector is None]
    assert hollow.message.startswith("plug-in hollow: implements no hook fakecheck_detectors")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"only": "bright"}, ["plug-in hollow"]),
        ({"only": "stargan"}, ["plug-in hollow", "twin", "twin"]),
        ({"skip": "stargan"}, ["damaged", "plug-in hollow"]),
        ({"skip": ["other"]}, ["damaged", "plug-in hollow", "twin", "twin"]),
    ],
)
def test_what_is_left_out_on_purpose_is_not_told(host, chosen, expected):
    assert told(load_detectors(host=host, **chosen)) == expected


def test_a_set_is_itself_and_says_in_a_line_what_it_holds(tmp_path):
    folder = write_bundle(tmp_path / "bright", onnx=onnx_model())
    host = PluginHost()
    host.register(plugin(folder), "one")
    detectors, again = (load_detectors(host=host) for _ in range(2))
    assert repr(detectors) == "<DetectorSet: bright; onnx on cpu>"
    assert detectors != again
    assert {detectors: 1, again: 2}[detectors] == 1


def test_the_line_on_a_set_counts_what_is_left_out(host):
    assert repr(load_detectors(host=host)) == (
        "<DetectorSet: bright, other; onnx on cpu, 4 left out>"
    )


def test_reports_say_what_could_not_be_used(host):
    detectors = load_detectors(host=host)
    report = check_image(FACE, detectors)
    assert report.errors == detectors.errors
    record = to_record(report)
    jsonschema.validate(record, load_schema())
    assert [error["stage"] for error in record["errors"]] == ["plugin"] * 4


def test_a_missing_package_is_the_cause_only_where_all_detectors_lack_it(tmp_path, monkeypatch):
    # Both have only a TensorFlow graph.
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    folders = [write_bundle(tmp_path / name, id=name) for name in ("changed", "whole")]
    host = PluginHost()
    host.register(plugin(*folders), "test")
    with pytest.raises(MissingDependencyError, match="TensorFlow is not installed"):
        load_detectors(host=host)
    (folders[0] / GRAPH_FILE).write_bytes(b"other")
    with pytest.raises(NoDetectorsError, match=f"sha256 of {GRAPH_FILE} differs"):
        load_detectors(host=host)

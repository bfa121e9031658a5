"""Cards: what is read, and what is said of a broken one."""

from __future__ import annotations

import math
import os

import pytest
import yaml

from fakecheck.card import CARD_FILE, GRAPH_FILE, LABEL_MAP_FILE, load_card
from fakecheck.card_fields import MAX_CARD_BYTES
from fakecheck.errors import CardError
from tests.bundles import card_fields, make_card, write_bundle


def _class(**changes):
    spec = card_fields()["classes"][0]
    return {**spec, "calibration": {**spec["calibration"], **changes}}


def test_good_card(tmp_path):
    card = make_card(tmp_path)
    assert card.folder == tmp_path
    assert card.graph == tmp_path / GRAPH_FILE
    assert card.onnx is None
    assert [spec.name for spec in card.classes] == ["face_synthesis", "mouth_partswap"]
    assert card.false_alarm_llr == {0.01: 2.0, 0.1: 0.5}
    assert "folder" not in card.model_dump()


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"id": "Big Id"}, "id: "),
        ({"schema": "fakecheck.detector/2"}, "schema: .*fakecheck.detector/1"),
        ({"files": {}}, "the sha256 of frozen_inference_graph.pb is missing"),
        (
            {"files": dict.fromkeys((GRAPH_FILE, LABEL_MAP_FILE, "run.py"), "0" * 64)},
            "files: unknown file run.py",
        ),
        ({"surprise": 1}, "surprise: "),
        ({"classes": []}, "classes: "),
        ({"limits": []}, "limits: "),
        ({"crop": {"regions": ["ear"]}}, "unknown region 'ear'"),
        ({"crop": {"regions": ["frame", "face"]}}, "'frame' cannot be joined"),
        ({"filters": [{"name": "sepia"}]}, "unknown filter 'sepia'"),
        ({"filters": [{"name": ["x"]}]}, "unknown filter"),
        (
            {"filters": [{"name": "median", "size": 4}]},
            "filters: filter median: size must be odd, got 4",
        ),
        ({"filters": [{"name": "median", "bogus": 4}]}, "filters: filter median: takes no 'bogus'"),
        (
            {"filters": [{"name": "threshold", "mode": "zzz"}]},
            "mode must be binary or truncate, got 'zzz'",
        ),
        ({"filters": [{"name": "clahe", "tiles": 0}]}, "tiles must be 1 to 64, got 0"),
        ({"filters": [{"name": "emboss"}] * 17}, "at most 16 filters"),
        ({"version": "9" * 5000 + ".0.0"}, "version: "),
        ({"false_alarm_llr": {0.01: 1.0, 0.05: 0.0}}, "needs a rate over 0.05, as 0.1"),
        ({"false_alarm_llr": {0.01: 1.0, 2.0: 0.0}}, "rates must lie between 0 and 1"),
        ({"false_alarm_llr": {0.1: 5.0, 0.01: 1.0}}, "the rarer, the higher a ratio must be"),
        ({"false_alarm_llr": {0.1: math.nan, 0.01: 1.0}}, "finite number"),
        ({"false_alarm_llr": {0.1: 1.0, 0.01: math.inf}}, "finite number"),
        ({"classes": [_class(intercept=math.nan)]}, "intercept: .*finite number"),
        ({"classes": [_class(max_llr=900.0)]}, "max_llr: .*less than or equal to 50"),
        ({"kind": "magic"}, "kind: "),
    ],
)
def test_broken_field_is_named(tmp_path, changes, cause):
    write_bundle(tmp_path, **changes)
    with pytest.raises(CardError, match=cause) as caught:
        load_card(tmp_path)
    assert str(tmp_path / CARD_FILE) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_class_ids_count_from_one(tmp_path):
    classes = [{**spec, "id": spec["id"] + 1} for spec in card_fields()["classes"]]
    write_bundle(tmp_path, classes=classes)
    with pytest.raises(CardError, match=r"ids must count from 1 without holes, got \[2, 3\]"):
        load_card(tmp_path)
    # Boxes are named by the place of their class on the card.
    write_bundle(tmp_path, classes=card_fields()["classes"][::-1])
    with pytest.raises(CardError, match=r"ids must count from 1 without holes, got \[2, 1\]"):
        load_card(tmp_path)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (b"", "must hold fields"),
        (b"- a\n- b\n", "must hold fields"),
        (b"a: [1\nb: 2\n", "no valid YAML in line"),
        (b"a: !!python/object/apply:os.system [id]\n", "no valid YAML"),
        (b"a: !!bool x\n", "holds a value that cannot be"),
        (b'a: !!int ""\n', "holds a value that cannot be"),
        (b'a: !!float ""\n', "holds a value that cannot be"),
        (b"a: !!timestamp x\n", "holds a value that cannot be"),
        (b"\xff\xfe\xff", "cannot be read"),
        (b"a: &x [1]\nb: &y [*x, *x]\nc: [*y, *y]\n", "one inside of another"),
        (b"a: &x [*x]\n", "one inside of another"),
        (b"a: &x [1]\nb: [" + b"*x, " * 300 + b"1]\n", "too many aliases"),
        (b"date: 2026-02-30\n", "holds a value that cannot be: day is out of range"),
        (b"a: " + b"[" * 100_000 + b"]" * 100_000, "nested more than"),
        (b"a:\n" + b"- " * 10_000 + b"1\n", "nested more than"),
        (b"a: 1:" + b"1:" * 400 + b"1.5\n", "in line 1: a number cannot hold a colon"),
        (b"a: !!float '1:1.5'\n", "a number cannot hold a colon"),
        (b"a: " + b"1" * 900_000, "a number is too long"),
        (b"a: &x {b: 1}\nc: {<<: *x}\n", r"in line 2: merge keys \(<<\) are not taken"),
        (b"a: &x [" + b"1," * 1000 + b"]\nb: [" + b"*x," * 150 + b"]\n", "more than 100000 values"),
        (b"#" * (MAX_CARD_BYTES + 1), "larger than a card may be"),
    ],
)
def test_file_that_is_no_card(tmp_path, text, cause):
    (tmp_path / CARD_FILE).write_bytes(text)
    with pytest.raises(CardError, match=cause):
        load_card(tmp_path)


@pytest.mark.parametrize("values", [{1: 2}, {"a": {"b": 1}}, {None: None}])
def test_yaml_with_strange_keys(tmp_path, values):
    (tmp_path / CARD_FILE).write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(CardError):
        load_card(tmp_path)


def test_training_stages_hold_what_json_can_show(tmp_path):
    training = {**card_fields()["training"], "stages": [{"a": b"\xff\x80"}]}
    write_bundle(tmp_path, training=training)
    with pytest.raises(CardError, match=r"training\.stages\.0\.a"):
        load_card(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are of POSIX")
def test_a_pipe_is_no_card(tmp_path):
    os.mkfifo(tmp_path / CARD_FILE)
    with pytest.raises(CardError, match="no plain file"):
        load_card(tmp_path)


def test_missing_card(tmp_path):
    with pytest.raises(CardError, match="cannot be read"):
        load_card(tmp_path)

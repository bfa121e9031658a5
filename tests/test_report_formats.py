"""Records, JSON, JSON Lines and CSV, and files that are there whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from report_samples import SHA256, image_report, timed_report, video_report

from fakecheck import __version__
from fakecheck.errors import ExitCode, OutputError
from fakecheck.files import atomic_path
from fakecheck.report.csv import COLUMNS, CsvWriter
from fakecheck.report.json import JsonWriter
from fakecheck.report.jsonl import JsonlWriter
from fakecheck.report.record import load_schema, to_record
from fakecheck.types import (
    DetectionRow,
    FaceRow,
    FaceVerdict,
    FamilyScore,
    MediaInfo,
    Moment,
    Report,
    Span,
    StageError,
    Verdict,
)

TOP_KEYS = ["schema", "media", "verdict", "families", "faces", "detections", "errors", "versions"]
OVER_TIME = ["face_verdicts", "spans", "timeline"]

GOLDEN = {
    "schema": "fakecheck.report/1",
    "media": {
        "path": "clips/talk.mp4",
        "sha256": SHA256,
        "kind": "video",
        "width": 640,
        "height": 480,
        "frames": 250,
        "duration": 10.0,
    },
    "verdict": {
        "label": "fake",
        "probability": 0.971235,
        "threshold": 0.5,
        "real_below": None,
        "unjudged": None,
        "false_alarm_rate": 0.01,
        "reason": "deepfakes fired on 2 of 2 frames",
    },
    "families": [
        {"family": "deepfakes", "probability": 0.875},
        {"family": "partswap", "probability": 0.125},
    ],
    "faces": [
        {"frame": 10, "track": 0, "xyxy": [100.0, 80.0, 300.0, 330.0], "score": 0.9312},
        {"frame": 20, "track": 0, "xyxy": [120.0, 80.0, 320.0, 330.0], "score": 0.92},
    ],
    "detections": [
        {
            "frame": 10,
            "time": 0.4,
            "track": 0,
            "detector": "deepfakes",
            "family": "deepfakes",
            "artifact": "face_boundary",
            "score": 0.91,
            "llr": 3.25,
            "xyxy": [105.0, 90.0, 295.0, 320.0],
        },
        {
            "frame": 20,
            "time": 0.8,
            "track": 0,
            "detector": "partswap",
            "family": "partswap",
            "artifact": "mouth_partswap",
            "score": 0.5,
            "llr": -0.1,
            "xyxy": [170.0, 250.0, 250.0, 300.0],
        },
        {
            "frame": 20,
            "time": 0.8,
            "track": None,
            "detector": "frames",
            "family": "stylegan",
            "artifact": "frame_gridnoise",
            "score": 0.25,
            "llr": 0.5,
            "xyxy": [0.0, 0.0, 640.0, 480.0],
        },
    ],
    "errors": [{"stage": "detector", "detector": "wgan", "message": "ran out of memory"}],
    "versions": {
        "fakecheck": __version__,
        "detectors": {"deepfakes": "1.0.0", "partswap": "1.1.0"},
    },
    "face_verdicts": [],
    "spans": [],
    "timeline": [],
}

GOLDEN_CSV = """\
file,frame,seconds,face,detector,family,artifact,score,left,top,right,bottom,\
face_verdict,face_probability,in_span,file_verdict,file_probability,threshold,llr,false_alarm_rate
clips/talk.mp4,10,0.4,0,deepfakes,deepfakes,face_boundary,0.91,105.0,90.0,295.0,320.0,,,\
,fake,0.971235,0.5,3.25,0.01
clips/talk.mp4,20,0.8,0,partswap,partswap,mouth_partswap,0.5,170.0,250.0,250.0,300.0,,,\
,fake,0.971235,0.5,-0.1,0.01
clips/talk.mp4,20,0.8,,frames,stylegan,frame_gridnoise,0.25,0.0,0.0,640.0,480.0,,,\
,fake,0.971235,0.5,0.5,0.01
photos/face.jpg,,,,,,,,,,,,,,,inconclusive,,,,0.01
"""

validator = Draft202012Validator(load_schema())

probability = st.floats(0, 1)
count = st.integers(0, 10**6)
track = st.none() | count
word = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
finite = st.floats(-1e9, 1e9)
box = st.tuples(finite, finite, finite, finite)
seconds = st.none() | st.floats(0, 1e6)
reports = st.builds(
    Report,
    st.builds(
        MediaInfo,
        st.text(),
        st.just(SHA256),
        st.sampled_from(["image", "video"]),
        st.integers(1, 10**5),
        st.integers(1, 10**5),
        st.none() | st.integers(1, 10**6),
        seconds,
    ),
    st.builds(
        Verdict,
        st.sampled_from(["real", "fake", "inconclusive"]),
        st.none() | probability,
        st.none() | probability,
        st.text(),
        st.none() | probability,
    ),
    st.lists(st.builds(FamilyScore, word, probability), max_size=3).map(tuple),
    st.lists(st.builds(FaceRow, count, track, box, probability), max_size=2).map(tuple),
    st.lists(
        st.builds(DetectionRow, count, seconds, track, word, word, word, probability, finite, box),
        max_size=2,
    ).map(tuple),
    st.lists(st.builds(StageError, word, st.text(), st.none() | word), max_size=2).map(tuple),
    st.dictionaries(word, word, max_size=2),
    st.lists(
        st.builds(
            FaceVerdict,
            track,
            st.sampled_from(["real", "fake", "inconclusive"]),
            st.none() | probability,
        ),
        max_size=2,
    ).map(tuple),
    st.lists(
        st.builds(
            Moment,
            count,
            st.floats(0, 1e6),
            track,
            probability,
            st.dictionaries(word, finite, max_size=2),
        ),
        max_size=2,
    ).map(tuple),
    st.lists(st.builds(Span, st.floats(0, 1e6), st.floats(0, 1e6), track), max_size=2).map(tuple),
)


def test_schema_is_one() -> None:
    Draft202012Validator.check_schema(load_schema())
    assert list(load_schema()["properties"]) == [*TOP_KEYS, "looked_at", *OVER_TIME]
    assert load_schema()["required"] == TOP_KEYS


def test_record_golden() -> None:
    assert to_record(video_report()) == GOLDEN
    assert list(to_record(video_report())) == TOP_KEYS + OVER_TIME
    assert list(to_record(image_report())) == TOP_KEYS
    validator.validate(GOLDEN)
    validator.validate(to_record(image_report()))


@pytest.mark.parametrize("key", TOP_KEYS)
def test_schema_wants_every_key_and_no_other(key: str) -> None:
    less = {name: value for name, value in GOLDEN.items() if name != key}
    assert not validator.is_valid(less)
    assert not validator.is_valid({**GOLDEN, "more": 1})
    if isinstance(GOLDEN[key], dict):
        assert not validator.is_valid({**GOLDEN, key: {**GOLDEN[key], "more": 1}})


def test_what_is_said_over_time() -> None:
    record = to_record(timed_report())
    validator.validate(record)
    assert record["face_verdicts"] == [
        {"track": 1, "label": "fake", "probability": 0.968, "threshold": None},
        {"track": 0, "label": "real", "probability": 0.14, "threshold": None},
    ]
    assert record["spans"] == [
        {"start": 4.08, "end": 5.52, "track": 1},
        {"start": 6.0, "end": 7.92, "track": 1},
    ]
    moment = next(row for row in record["timeline"] if row["frame"] == 102)
    assert (moment["time"], moment["track"]) == (4.08, 1)
    assert list(moment["families"]) == ["deepfakes", "partswap", "stargan"]
    assert to_record(timed_report(), timeline=False) == {
        key: value for key, value in record.items() if key != "timeline"
    }


@pytest.mark.parametrize("key", OVER_TIME)
def test_rows_over_time_have_no_other_keys(key: str) -> None:
    record = to_record(timed_report())
    first, *others = record[key]
    for field in first:
        less = {name: value for name, value in first.items() if name != field}
        assert not validator.is_valid({**record, key: [less, *others]})
    assert not validator.is_valid({**record, key: [{**first, "more": 1}, *others]})
    # They came later: a record without them is one.
    assert validator.is_valid({name: value for name, value in record.items() if name != key})


def test_csv_says_what_is_said_of_the_face() -> None:
    rows = list(csv.DictReader(io.StringIO(written(CsvWriter, timed_report()), newline="")))
    assert {(row["face_verdict"], row["face_probability"]) for row in rows} == {("fake", "0.968")}
    said = {row["seconds"]: row["in_span"] for row in rows}
    assert said["5.04"] == "yes"
    late = replace(timed_report(), spans=(Span(6.0, 7.92, 1),))
    rows = list(csv.DictReader(io.StringIO(written(CsvWriter, late), newline="")))
    assert {row["in_span"] for row in rows if float(row["seconds"]) < 6} == {"no"}


@given(reports)
def test_every_report_fits_the_schema(report: Report) -> None:
    record = json.loads(json.dumps(to_record(report), allow_nan=False))
    validator.validate(record)
    assert record == to_record(report)


def test_numpy_numbers_become_plain() -> None:
    row = DetectionRow(
        np.int64(3),  # type: ignore[arg-type]
        np.float64(0.1),
        np.int32(2),  # type: ignore[arg-type]
        "d",
        "f",
        "a",
        np.float32(0.9),  # type: ignore[arg-type]
        np.float32(-0.00001),  # type: ignore[arg-type]
        tuple(np.float32([1, 2, 3, 4])),
    )
    (record,) = to_record(replace(video_report(), detections=(row,)))["detections"]
    assert json.loads(json.dumps(record)) == record
    assert record["score"] == 0.9
    assert math.copysign(1, record["llr"]) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_json_cannot_hold(value: float) -> None:
    report = video_report()
    broken = replace(report, detections=(replace(report.detections[0], llr=value),))
    with pytest.raises(ValueError, match="llr must be finite"):
        to_record(broken)


def written(writer_class, *added: Report, **options: bool) -> str:  # type: ignore[no-untyped-def]
    stream = io.StringIO(newline="")
    writer = writer_class(stream, **options)
    for report in added:
        writer.add(report)
    writer.close()
    assert not stream.closed
    return stream.getvalue()


def test_json() -> None:
    first, second = video_report(), image_report()
    assert json.loads(written(JsonWriter, first, second)) == [to_record(first), to_record(second)]
    assert json.loads(written(JsonWriter)) == []
    assert json.loads(written(JsonWriter, first, single=True)) == to_record(first)
    assert written(JsonWriter, single=True) == ""
    assert written(JsonWriter, first).endswith("]\n")
    with pytest.raises(ValueError, match="second one"):
        written(JsonWriter, first, second, single=True)


def test_jsonl_is_flushed_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("w", encoding="utf-8") as stream:
        writer = JsonlWriter(stream)
        writer.add(video_report())
        line = json.loads(path.read_text(encoding="utf-8"))
        assert line == {key: value for key, value in GOLDEN.items() if key != "timeline"}
        validator.validate(line)
        writer.add(image_report("two\nlines\u2028.jpg"))
        writer.close()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert json.loads(lines[1])["media"]["path"] == "two\nlines\u2028.jpg"


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    for writer_class in (JsonWriter, JsonlWriter, CsvWriter):
        written(writer_class, video_report("bad\udcff.mp4")).encode("utf-8")
    assert to_record(video_report("bad\udcff.mp4"))["media"]["path"] == "bad\ufffd.mp4"


def test_csv_golden() -> None:
    assert written(CsvWriter, video_report(), image_report()) == GOLDEN_CSV


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_csv_survives_any_name(names: list[str]) -> None:
    text = written(CsvWriter, *(video_report(name) for name in names))
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert tuple(header) == COLUMNS
    assert all(len(row) == len(COLUMNS) for row in rows)
    found = [row[0] for row in rows[::3]]
    assert len(found) == len(names)
    for cell, name in zip(found, names, strict=True):
        assert cell.isprintable() or not cell.isascii()
        if name.isprintable():
            assert cell == (
                f"'{name}" if name[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20") else name
            )


def test_csv_cells_are_no_formulas() -> None:
    text = written(CsvWriter, video_report('=HYPERLINK("x"),y.mp4'))
    assert text.splitlines()[1].startswith('"\'=HYPERLINK(""x""),y.mp4",10,')


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("\x1b[2Ja.jpg", "\\x1b[2Ja.jpg"),
        ("a\r\n=1+1", "a\\r\\n=1+1"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\x9b2J", "\\x9b2J"),
        ("at 1.00.00\u202fPM.png", "at 1.00.00\u202fPM.png"),
    ],
)
def test_csv_does_not_steer_a_terminal(name: str, cell: str) -> None:
    assert written(CsvWriter, video_report(name)).splitlines()[1].split(",")[0] == cell


def test_csv_cells_with_semicolons_are_quoted() -> None:
    assert written(CsvWriter, video_report("a;=1+1")).splitlines()[1].startswith('"a;=1+1","10",')


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_what_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "private.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o600)
    with atomic_path(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
    assert (path.read_text(encoding="utf-8"), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_atomic_path(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.csv"
    with atomic_path(path) as temporary:
        assert (temporary.parent, temporary.suffix) == (path.parent, ".csv")
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        _ = temporary.write_text("half") / 0
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_links_and_pipes_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "there.txt").write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "there.txt")
    with atomic_path(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "there.txt").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    with atomic_path(tmp_path / "pipe") as itself:
        assert itself == tmp_path / "pipe"
    assert (tmp_path / "pipe").is_fifo()


def test_output_errors(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for path, cause in (
        (tmp_path, "it is a folder"),
        (file / "a.csv", "Not a directory|File exists"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with (
            pytest.raises(OutputError, match=cause) as caught,
            atomic_path(path) as temporary,
        ):
            temporary.touch()
        assert caught.value.exit_code == ExitCode.OUTPUT_FILE
        assert str(caught.value).startswith(f"{path}: cannot be written: ")
        assert "\n" not in str(caught.value)

"""Words of others in tables and records: nothing runs in a spreadsheet, steers or breaks a file."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from pages import Page
from report_samples import image_report, timed_report, video_report

from fakecheck.report.catalogue import LANGUAGES, Words
from fakecheck.report.csv import FORMULA_STARTS, CsvWriter
from fakecheck.report.encode import dumped
from fakecheck.report.html import HtmlReport
from fakecheck.report.jsonl import JsonlWriter
from fakecheck.report.record import to_record
from fakecheck.report.stills import Still
from fakecheck.types import FamilyScore, Report, Span, StageError


def rows_of(report: Report) -> list[dict[str, str]]:
    stream = io.StringIO(newline="")
    CsvWriter(stream).add(report)
    return list(csv.DictReader(io.StringIO(stream.getvalue())))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
@pytest.mark.parametrize("sample", [video_report, image_report])
def test_no_file_is_called_a_formula_with_boxes_or_without(sample, start) -> None:
    assert start in FORMULA_STARTS
    assert {row["file"] for row in rows_of(sample(f"{start}1+1.jpg"))} == {f"'{start}1+1.jpg"}


@pytest.mark.parametrize("column", ["detector", "family", "artifact"])
def test_no_word_of_a_plugin_is_a_formula(column) -> None:
    report = video_report()
    word = replace(report.detections[0], **{column: "=1+1\x1b[2J"})
    (row,) = rows_of(replace(report, detections=(word,)))
    assert row[column] == "'=1+1\\x1b[2J"


def test_a_box_is_in_the_span_of_its_own_face_only() -> None:
    report = timed_report()
    mine = report.detections[0]
    other = replace(mine, track=0)
    late = replace(mine, time=8.0)
    report = replace(report, detections=(mine, other, late), spans=(Span(4.0, 6.0, 1),))
    assert [row["in_span"] for row in rows_of(report)] == ["yes", "no", "no"]


def test_what_went_wrong_can_be_written_whatever_file_it_names() -> None:
    error = StageError("media", "a\udcff.jpg: is truncated")
    report = replace(image_report(), errors=(error,))
    assert to_record(report)["errors"][0]["message"] == "a\ufffd.jpg: is truncated"
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    JsonlWriter(stream).add(report)


def test_json_of_plain_letters_steers_no_terminal_either() -> None:
    assert dumped({"name": "a\x7fb\x1b"}) == '{\n  "name": "a\\u007fb\\u001b"\n}'


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_others_are_text_in_titles_charts_and_descriptions(
    tmp_path: Path, language: str
) -> None:
    word = "'\"></title></text><img src=x onerror=alert(1)>"
    clip = timed_report(f"{word}.mp4")
    box = replace(clip.detections[0], detector=word, family=word, artifact=word)
    report = replace(
        clip,
        families=(FamilyScore(word, 0.9),),
        detections=(box,),
        timeline=tuple(replace(one, families={word: 4.0}) for one in clip.timeline),
    )
    with HtmlReport(tmp_path / "page.html", Words(language), overview=False) as html:
        html.add(report, [Still(100, 4.0, b"jpeg", 320, 240, (box,))])
    found = Page((tmp_path / "page.html").read_text("utf-8"))
    assert not [e for e in found.elements if any(a.startswith("on") for a in e.attributes)]
    assert found.one("img").attributes["src"] == "data:image/jpeg;base64,anBlZw=="
    assert word in str(found.one("img").attributes["alt"])
    assert word in next(title.text for title in found.all("title"))
    assert word in {name.text for name in found.all("text", "name")}

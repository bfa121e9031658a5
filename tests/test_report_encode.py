"""JSON in pieces is the JSON that Python's own encoder writes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from report_samples import image_report, timed_report, video_report

from fakecheck.report.encode import dumped, encoded
from fakecheck.report.record import record_parts, to_record
from fakecheck.types import Report

REPORTS = [video_report("two\nlines.mp4"), timed_report(), image_report("얼굴.png")]
WAYS: list[dict[str, Any]] = [{"separators": (",", ":")}, {"indent": 2}]


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("way", WAYS)
def test_pieces_add_up(report: Report, way: dict[str, Any]) -> None:
    whole = json.dumps(to_record(report), ensure_ascii=False, allow_nan=False, **way)
    assert "".join(encoded(record_parts(report), way.get("indent"))) == whole


@pytest.mark.parametrize("char", ["\x1b", "\x7f", "\x9b", "\u202e", "\u2028", "\U000e0001"])
def test_what_steers_a_terminal_is_an_escape(char: str) -> None:
    content = {"path": f"é{char}얼굴"}
    for text in ("".join(encoded(content)), dumped(content)):
        assert json.loads(text) == content
        assert "é" in text
        assert "얼굴" in text
        assert char not in text


@pytest.mark.parametrize("way", WAYS)
def test_rows_are_made_one_by_one(way: dict[str, Any]) -> None:
    made: list[int] = []

    def rows() -> Any:
        for number in range(100):
            made.append(number)
            yield {"n": number}

    pieces = encoded({"rows": rows()}, way.get("indent"))
    for _ in range(5):
        next(pieces)
    assert len(made) < 6
    assert len(json.loads("".join(encoded({"rows": rows()})))["rows"]) == 100


def test_numbers_that_json_cannot_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        "".join(encoded({"rows": iter([math.nan])}))

"""The gauge on the page: which side of the limits its needle stands on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pages import Page
from report_samples import timed_report

from fakecheck.report.catalogue import Words
from fakecheck.report.html import HtmlReport
from fakecheck.types import Verdict


@pytest.mark.parametrize(
    ("verdict", "stands_in"),
    [
        (Verdict("fake", 0.97, 0.9, "", 0.3), "zone-fake"),
        (Verdict("inconclusive", 0.6, 0.9, "", 0.3), "zone-doubt"),
        (Verdict("real", 0.1, 0.9, "", 0.3), "zone-real"),
    ],
)
def test_the_needle_stands_in_the_zone_of_the_verdict(
    tmp_path: Path, verdict: Verdict, stands_in: str
) -> None:
    with HtmlReport(tmp_path / "page.html", Words("en"), overview=False) as html:
        html.add(replace(timed_report(), verdict=verdict))
    gauge = Page((tmp_path / "page.html").read_text("utf-8")).all("rect")
    zones = {
        str(one.attributes["class"]): (float(one.attributes["x"]), float(one.attributes["width"]))
        for one in gauge
        if str(one.attributes.get("class")).startswith(("zone-", "needle"))
    }
    x, width = zones.pop("needle")
    start, wide = zones[stands_in]
    assert start <= x <= x + width <= start + wide
    assert max(left + size for left, size in zones.values()) == pytest.approx(100)

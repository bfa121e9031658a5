"""The page for people in a real browser: what it shows, and where, in both languages."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from pages import BROWSER, Page, browse
from report_samples import timed_report

from fakecheck.report.catalogue import LANGUAGES, Words
from fakecheck.report.html import HtmlReport
from fakecheck.report.stills import Still
from fakecheck.types import Image

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
# Of the style sheet, RGB.
FAKE, PAPER, INK, CURVE = (
    (0xA6, 0x3C, 0x00),
    (255, 255, 255),
    (0x1D, 0x1F, 0x23),
    (0x14, 0x14, 0x18),
)
ZONES = {"real": (0x9F, 0xD3, 0xC1), "doubt": (0xCF, 0xD4, 0xDC), "fake": (0xF0, 0xA8, 0x75)}
DOUBT, SPAN, SPAN_OPACITY = (0xEC, 0xEE, 0xF2), (0xFF, 0xE2, 0xC7), 0.75
# Of no colour that the page itself has.
STILL, STILL_SIZE = (200, 0, 200), (320, 240)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


class Box(NamedTuple):
    """Pixels from `left` and `top` up to, without, `right` and `bottom`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


def still() -> Still:
    picture = np.full((*STILL_SIZE[::-1], 3), STILL[::-1], np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    return Still(4, 0.16, jpeg, *STILL_SIZE, timed_report().detections[:2])


def write_page(path: Path, language: str, name: str, overview: bool = True) -> Path:
    with HtmlReport(path, Words(language), now=NOW, overview=overview) as html:
        html.add(timed_report(name), [still()])
    return path


def screen_shot(tmp_path: Path, language: str, width: int) -> Image:
    """(h, width, 3) uint8 RGB of a page on one clip."""
    path = write_page(tmp_path / "page.html", language, "clips/interview.mp4", overview=False)
    shot = tmp_path / "shot.png"
    browse(path, f"--screenshot={shot}", f"--window-size={width},2400")
    image = cv2.imread(str(shot))
    assert image is not None
    assert image.shape[1] == width
    return np.ascontiguousarray(image[..., ::-1])


def is_color(image: Image, color: tuple[int, int, int], within: int = 3) -> NDArray[np.bool_]:
    return np.asarray((np.abs(image.astype(int) - color) <= within).all(axis=2))


def box_of(mask: NDArray[np.bool_]) -> Box:
    """The smallest box around what is True; an AssertionError where nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert len(rows), "nothing of this colour is shown"
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def runs(columns: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last-but-one of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], columns.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def shaded(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """What a span laid over this colour looks like."""
    mixed = [SPAN_OPACITY * s + (1 - SPAN_OPACITY) * c for s, c in zip(SPAN, color, strict=True)]
    return round(mixed[0]), round(mixed[1]), round(mixed[2])


def chart_spans(image: Image) -> tuple[NDArray[np.bool_], list[tuple[int, int]]]:
    """What is shaded as forged, and the runs of columns; a legend's patch is not tall enough."""
    mask = is_color(image, shaded(DOUBT)) | is_color(image, shaded(PAPER))
    return mask, runs(mask.sum(axis=0) > 60)


def check_gauge(image: Image) -> Box:
    """Three zones side by side in the shares of the report's limits, and the needle on them."""
    zones = [box_of(is_color(image, color)) for color in ZONES.values()]
    gauge = Box(zones[0].left, zones[0].top, zones[-1].right, zones[0].bottom)
    assert len({zone.top for zone in zones}) == len({zone.bottom for zone in zones}) == 1
    assert gauge.height >= 8
    for zone, (start, end) in zip(zones, ((0, 0.3), (0.3, 0.953), (0.953, 1)), strict=True):
        assert abs(zone.left - gauge.left - start * gauge.width) <= 2
        assert abs(zone.right - gauge.left - end * gauge.width) <= 2
    strip = image[gauge.top - 2 : gauge.bottom + 2, gauge.left : gauge.right]
    needle = box_of(is_color(strip, INK))
    middle = (needle.left + needle.right) / 2
    assert abs(middle - (0.992 * 0.968 + 0.004) * gauge.width) <= 2
    assert needle.height > gauge.height  # it sticks out of the zones
    return gauge


def check_still(image: Image) -> Box:
    """The picture as large as it is, and whole."""
    mask = is_color(image, STILL, within=6)
    box = box_of(mask)
    assert abs(box.width - STILL_SIZE[0]) <= 2
    assert abs(box.height - STILL_SIZE[1]) <= 2
    assert mask[box.top : box.bottom, box.left : box.right].mean() > 0.99
    return box


def check_chart(image: Image) -> Box:
    """Both forged spans at their seconds, curves over them, and the threshold."""
    mask, spans = chart_spans(image)
    (first, second) = spans
    # 4.08 to 5.52 and 6.0 to 7.92 of 12 seconds.
    second_wide = (second[1] - first[0]) / (7.92 - 4.08)
    for (start, end), wanted in zip(spans, ((4.08, 5.52), (6.0, 7.92)), strict=True):
        assert abs((start - first[0]) / second_wide - (wanted[0] - 4.08)) < 0.1
        assert abs((end - first[0]) / second_wide - (wanted[1] - 4.08)) < 0.1
    tall = np.zeros_like(mask)
    tall[:, first[0] : second[1]] = mask[:, first[0] : second[1]]
    rows = runs(tall.sum(axis=1) > (second[1] - first[0]) / 4)
    top, bottom = rows[0][0], rows[-1][1]
    left = round(first[0] - 4.08 * second_wide)
    chart = Box(left, top, round(left + 12 * second_wide), bottom)
    assert chart.left > 0
    assert chart.right <= image.shape[1]
    plot = image[chart.top : chart.bottom, chart.left : chart.right]
    # In nearly every column; letters are of another ink.
    assert is_color(plot, CURVE, within=6).any(axis=0).mean() > 0.8
    assert is_color(plot, FAKE, within=24).any(axis=0).sum() > 0.3 * chart.width  # dashes
    assert is_color(plot, DOUBT).sum() > 0.1 * plot.shape[0] * plot.shape[1]
    return chart


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_browser_shows_the_page(tmp_path: Path, language: str) -> None:
    name = "<script>document.title='run'</script>.mp4"
    path = write_page(tmp_path / "page.html", language, name)
    said = browse(path, "--dump-dom", "--enable-logging=stderr")
    assert "Content Security Policy" not in said
    dom = Page(said[said.index("<html") : said.index("</html>") + len("</html>")])
    assert dom.one("html").attributes["lang"] == language
    assert Words(language)("verdict.fake.title") in dom.one("div", "verdict").text
    assert dom.all("title")[0].text != "run"
    assert len(dom.all("svg", "chart")) == 2
    assert len(dom.all("polyline")) == 4
    assert str(dom.one("img").attributes["src"]).startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [1100, 390])
def test_a_screen_shot_shows_every_part_in_its_place(
    tmp_path: Path, language: str, width: int
) -> None:
    image = screen_shot(tmp_path, language, width)
    # The verdict's edge: style is applied under the policy, and the plot's shade is drawn.
    for color in (FAKE, DOUBT):
        assert is_color(image, color, within=0).sum() > 500
    gauge, picture, chart = check_gauge(image), check_still(image), check_chart(image)
    assert gauge.bottom < picture.top < picture.bottom < chart.top
    # Of the verdict: its edge is a bar left of the gauge, its title is written above.
    edge = runs(is_color(image, FAKE).sum(axis=0) > 3 * gauge.height)[0]
    assert edge[1] < gauge.left
    assert is_color(image[: gauge.top, gauge.left :], FAKE, within=40).sum() > 100
    # Nothing sticks out of the page.
    assert is_color(image[:, -8:], PAPER).all()

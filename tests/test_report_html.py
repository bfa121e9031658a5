"""The page for people, read as a parser and a browser read it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from media_samples import noise, write_clip
from pages import Page
from report_samples import SHA256, image_report, timed_report, video_report

import fakecheck.report.html as html_module
from fakecheck import __version__
from fakecheck.errors import OutputError
from fakecheck.media import Sampling, open_media
from fakecheck.report.catalogue import LANGUAGES, Words
from fakecheck.report.html import HtmlReport
from fakecheck.report.stills import COUNT, MAX_BYTES, Still, best_frames, marked_stills
from fakecheck.report.tiles import family_colors
from fakecheck.types import FaceVerdict, FamilyScore, Report, StageError, Unjudged, Verdict

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=timezone.utc)
HOSTILE = (
    "<script>alert(1)</script>.jpg",
    '"onerror="alert(1)" x="\'><img src=x onerror=alert(1)>.png',
    "</style></title><svg onload=alert(1)>.mp4",
    "{{ 7 * 7 }}{% raw %}.jpg",
    "javascript:alert(1)",
    "a\u202egpj.exe\x00\x1b[2J\n\udcff\u2028.jpg",
    "얼굴 사진 \U0001f600\u0301.jpg",
)


def still(frame: int = 4, time: float | None = 0.16) -> Still:
    jpeg = cv2.imencode(".jpg", noise(320, 240))[1].tobytes()
    return Still(frame, time, jpeg, 320, 240, timed_report().detections[:2])


def page(tmp_path: Path, *reports: Report, language: str = "en", **options: Any) -> Page:
    path = tmp_path / "page.html"
    with HtmlReport(path, Words(language), now=NOW, **options) as html:
        for report in reports:
            html.add(report, [still()])
    return Page(path.read_text("utf-8"))


def read(path: Path) -> Page:
    return Page(path.read_text("utf-8"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_must_be_said_is_there(tmp_path: Path, language: str) -> None:
    words = Words(language)
    report = timed_report()
    found = page(tmp_path, report, language=language, overview=False)
    assert found.one("html").attributes["lang"] == language
    text = found.text
    for part in (
        words("verdict.fake.title"),
        words("verdict.fake.not", rate="1%"),
        words("verdict.fake.video", family=words.family("deepfakes"), most="99%"),
        words.percent(0.968),
        words.threshold(0.953),
        words.threshold(0.3),
        words.time(4.08, 5.52),
        words.family_text("stargan"),
        words("video.bare", families=words.family("stargan")),
        words.artifact("face_swap"),
        words.artifact_text("face_swap"),
        report.media.path,
        SHA256,
        words("number.pixels", width=640, height=480),
        words.time(12.0),
        "deepfakes 1.0.0, partswap 1.1.0",
        "2026-03-01 12:30 UTC",
        f"fakecheck {__version__}",
        *words.group("limits.list"),
        words("glossary.intro"),
    ):
        assert part in text
    assert [row.text for row in found.all("th") if row.text == words.face(1)]
    title = found.all("title")[0].text
    assert words("label.fake") in title
    assert report.media.path in title


def test_headings_pictures_and_tables_can_be_read_aloud(tmp_path: Path) -> None:
    found = page(tmp_path, timed_report(), image_report())
    levels = [int(e.name[1]) for e in found.elements if re.fullmatch("h[1-6]", e.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(image.attributes["alt"] for image in found.all("img"))
    assert "face: swapped face" in str(found.all("img")[0].attributes["alt"])
    for chart in (*found.all("svg", "chart"), *found.all("svg", "gauge")):
        assert chart.attributes["role"] == "img"
        assert chart.attributes.get("aria-label") or chart.attributes["aria-labelledby"]
    others = {"chart", "gauge"}
    for drawing in found.all("svg"):
        assert others & set(drawing.classes) or drawing.attributes["aria-hidden"] == "true"
    peak = next(e.text for e in found.all("title") if "svg" in e.path)
    assert "The highest value, 99%, is that of face 1 at 4.6 s." in peak
    assert "Shaded: 4.1–5.5 s (face 1), 6.0–7.9 s (face 1)." in peak
    for table in found.all("table"):
        assert "caption" in {e.name for e in found.elements if "table" in e.path}, table
    assert all(cell.attributes["scope"] for cell in found.all("th"))
    identifiers = [e.attributes["id"] for e in found.elements if "id" in e.attributes]
    assert len(identifiers) == len(set(identifiers))
    named = [e.attributes.get("aria-labelledby") for e in found.elements]
    assert {name for name in named if name} <= set(identifiers)


def test_nothing_is_loaded_and_nothing_runs(tmp_path: Path) -> None:
    found = page(tmp_path, timed_report(), image_report())
    policy = next(
        str(meta.attributes["content"])
        for meta in found.all("meta")
        if meta.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    style = "".join(found.one("style").parts)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "@import" not in style
    assert "url(" not in style
    for element in found.elements:
        assert element.name not in {"script", "link", "iframe", "object", "embed", "form", "base"}
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in {"src", "href", "xlink:href"}:
                assert str(value).startswith(("data:image/jpeg;base64,", "#"))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / "page.html"
    bad = StageError("media", f"{name}: <b>broken</b>", "<i>")
    report = replace(
        timed_report(name), errors=(bad,), verdict=Verdict("fake", 0.97, 0.9, f"<u>{name}")
    )
    harmless = page(tmp_path, timed_report("a.jpg"), overview=True)
    with HtmlReport(path, Words("en")) as html:
        html.add(report, [still()])
        html.add_unread(name, f"{name}: <b>broken</b>")
        html.add_same(name, name)
    found = read(path)
    kinds = {element.name for element in found.elements}
    assert kinds <= {element.name for element in harmless.elements} | {"code"}
    assert not [e for e in found.elements if any(a.startswith("on") for a in e.attributes)]
    shown = {bdi.text for bdi in found.all("bdi")}
    assert len(shown) == 1
    if name.isprintable():
        assert shown == {" ".join(name.split())}
    raw = path.read_text("utf-8")
    assert not set(raw) & {"\u202e", "\x00", "\x1b", "\u2028", "\udcff"}
    assert "{{ 7" in raw or "49" not in name


def test_words_of_plug_ins_are_shown_as_they_are(tmp_path: Path) -> None:
    report = video_report()
    box = replace(report.detections[0], artifact="ear_<b>", family="new_gan", detector="a.b-c")
    strange = replace(report, detections=(box,), families=(FamilyScore("new_gan", 0.9),))
    text = page(tmp_path, strange).text
    assert "ear_<b>" in text
    assert "new_gan" in text
    assert Words("en")("families.unknown") in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["image", "video"])
@pytest.mark.parametrize("label", ["real", "inconclusive", "fake"])
def test_every_verdict_is_explained(tmp_path: Path, language: str, kind: str, label: str) -> None:
    report = timed_report() if kind == "video" else replace(image_report(), families=FAMILIES)
    probability = {"real": 0.4, "inconclusive": 0.6, "fake": 0.95}[label]
    verdict = Verdict(label, probability, 0.9, "an English sentence", 0.5)  # type: ignore[arg-type]
    found = page(tmp_path, replace(report, verdict=verdict), language=language)
    panel = found.one("div", "verdict", label)
    words = Words(language)
    family = words.family("deepfakes")
    known = ", ".join(words.family(row.family) for row in report.families)
    for key in ("title", kind, "not"):
        text = words(f"verdict.{label}.{key}", family=family, known=known, rate="1%", most="99%")
        assert text in panel.text
    assert "an English sentence" not in panel.text
    (reason,) = [e for e in found.all("dd") if e.attributes.get("lang") == "en"]
    assert reason.text == "an English sentence"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_rate_of_false_alarms_is_said(tmp_path: Path, language: str) -> None:
    words = Words(language)
    for label, rates in (("fake", ("98%", "2%")), ("inconclusive", ("2%",))):
        verdict = Verdict(label, 0.95, 0.9, "", 0.5, None, 0.02)  # type: ignore[arg-type]
        report = replace(image_report(), verdict=verdict)
        found = page(tmp_path, report, language=language, rate=0.02)
        panel = found.one("div", "verdict", label).text
        assert all(rate in panel for rate in rates)
        assert words("made.numbers", rate="2%") in found.text


FAMILIES = (FamilyScore("deepfakes", 0.3), FamilyScore("partswap", 0.1))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["image", "video"])
def test_what_is_likelier_real_and_inconclusive_shows_little(
    tmp_path: Path, language: str, kind: str
) -> None:
    report = timed_report() if kind == "video" else image_report()
    verdict = Verdict("inconclusive", 0.4, 0.9, "", 0.2)
    found = page(tmp_path, replace(report, verdict=verdict, families=FAMILIES), language=language)
    words = Words(language)
    text = found.one("div", "verdict", "inconclusive").text
    assert words(f"verdict.inconclusive.few_{kind}", family=words.family("deepfakes")) in text


def test_faces_that_were_not_judged_are_counted(tmp_path: Path) -> None:
    judged = Verdict("real", 0.2, 0.9, "")
    face = video_report().faces[0]
    faces = tuple(replace(face, track=track) for track in (1, 2, 2, 3))
    one = (FaceVerdict(1, "real", 0.2),)
    report = replace(image_report(), verdict=judged, faces=faces, face_verdicts=one)
    assert "only face 1 could be judged" in page(tmp_path, report).one("div", "verdict").text
    assert "detector failed): 2." in page(tmp_path, report).one("div", "verdict").text
    verdicts = (FaceVerdict(1, "real", 0.2), FaceVerdict(3, "real", 0.1))
    more = replace(report, face_verdicts=verdicts)
    assert "detector failed): 1." in page(tmp_path, more).one("div", "verdict").text
    alone = replace(report, faces=faces[:1], face_verdicts=())
    assert "not judged" not in page(tmp_path, alone).one("div", "verdict").text


@pytest.mark.parametrize(("language", "whose"), [("en", "of face 2, the most"), ("ko", "얼굴 2")])
def test_a_picture_of_several_faces_says_whose_verdict_it_is(
    tmp_path: Path, language: str, whose: str
) -> None:
    faces = (FaceVerdict(1, "real", 0.2), FaceVerdict(2, "fake", 0.97))
    rows = tuple(replace(video_report().faces[0], track=track) for track in (1, 2))
    verdict = Verdict("fake", 0.97, 0.9, "")
    report = replace(image_report(), verdict=verdict, faces=rows, face_verdicts=faces)
    made = page(tmp_path, report, language=language)
    assert whose in made.one("div", "verdict").text
    table = made.one("table", "faces").text
    assert table.index("97%") < table.index("20%")  # the worst first
    alone = page(tmp_path, replace(report, face_verdicts=()), language=language)
    assert whose not in alone.one("div", "verdict").text


def test_what_could_not_be_judged_says_why(tmp_path: Path) -> None:
    def says(cause: Unjudged, report: Report) -> str:
        verdict = replace(report.verdict, unjudged=cause, probability=None)
        return page(tmp_path, replace(report, verdict=verdict)).one("div", "verdict").text

    nobody = says("no_face", image_report())
    assert "No face was found" in nobody
    assert "--frames" in says("no_face", video_report())
    small = replace(
        image_report(), faces=(replace(video_report().faces[0], xyxy=(0, 0, 20, 30.4)),)
    )
    assert "has 30 pixels" in says("face_too_small", small)
    assert "No detector could judge a face" in says("detectors_failed", small)
    assert "Probability" not in nobody


def test_rounded_numbers_agree_with_the_verdict(tmp_path: Path) -> None:
    report = replace(timed_report(), verdict=Verdict("real", 0.1383, 0.932, "", 0.1385))
    faces = (replace(report.face_verdicts[1], probability=0.1383), report.face_verdicts[1])
    found = page(tmp_path, replace(report, face_verdicts=faces))
    shown = [cell.text for cell in found.all("td", "number") if cell.text.endswith("%")]
    # In the overview, and in the table of faces.
    assert shown == ["13.8%", "14%", "13.8%"]
    assert "Probability of forgery: 13.8%" in found.one("div", "verdict").text
    assert "Under 13.9%" in found.one("div", "verdict").text


def test_a_file_without_a_frame_is_one_that_was_not_read(tmp_path: Path) -> None:
    report = image_report("torn.jpg")
    torn = replace(
        report,
        verdict=replace(report.verdict, unjudged="no_frame"),
        errors=(
            StageError("detector", "ran out of memory", "wgan"),
            StageError("media", "torn.jpg: cannot be decoded"),
        ),
    )
    found = page(tmp_path, torn, image_report())
    assert found.one("ul", "counts").text == "inconclusive 1 not read 1"
    # What a part of could be read has a remark instead.
    assert not found.all("p", "trouble")
    assert page(tmp_path, video_report()).one("p", "trouble")
    panel = found.one("div", "verdict", "unread").text
    assert panel == "not read This file could not be read. torn.jpg: cannot be decoded"


def test_plug_ins_that_cannot_be_used_are_named_once(tmp_path: Path) -> None:
    errors = (
        StageError("plugin", "fc-x 1.0: importing <fc_x> raised\x07 ImportError"),
        StageError("plugin", "fc-y 1.0: its card has no id", "mygan"),
    )
    reports = [replace(image_report(name), errors=errors) for name in ("a.jpg", "b.jpg")]
    found = page(tmp_path, *reports)
    for line in (
        "fc-x 1.0: importing <fc_x> raised\\x07 ImportError",
        "mygan: fc-y 1.0: its card has no id",
    ):
        assert found.text.count(line) == 1
    assert not found.all("p", "trouble")
    assert "could not be used" not in page(tmp_path, image_report()).text


def test_overview_has_the_likeliest_first_and_every_file(tmp_path: Path) -> None:
    path = tmp_path / "all.html"
    with HtmlReport(path, Words("en"), now=NOW) as html:
        html.add(replace(image_report("calm.jpg"), verdict=Verdict("real", 0.1, 0.9, "")))
        html.add_unread("broken.jpg", "broken.jpg: is empty")
        html.add(timed_report("loud.mp4"))
        html.add_same("copy.mp4", "loud.mp4")
        html.add(image_report("nobody.jpg"))
    found = read(path)
    links = [e for e in found.all("a") if "table" in e.path]
    assert [e.text for e in links] == [
        "loud.mp4",
        "calm.jpg",
        "broken.jpg",
        "copy.mp4",
        "nobody.jpg",
    ]
    headings = {e.attributes.get("id"): e.text for e in found.all("h2")}
    for link in links:
        assert headings[str(link.attributes["href"])[1:]] == link.text
    assert "Files: 5" in found.text
    counts = "fake 1 inconclusive 1 no clear trace 1 not read 1 duplicate 1"
    assert found.one("ul", "counts").text == counts
    assert "broken.jpg: is empty" in found.text
    assert "the same as loud.mp4" in found.text
    assert not found.all("p", "alert")


def test_a_run_that_ends_early_keeps_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "page.html"

    def interrupted() -> None:
        with HtmlReport(path, Words("en")) as html:
            html.add(timed_report())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    found = read(path)
    assert "clips/interview.mp4" in found.text
    assert found.one("p", "alert").text == Words("en")("page.interrupted")
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_that_ends_before_its_first_file_leaves_the_page_that_was_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "page.html"
    path.write_text("the last run's")
    with pytest.raises(KeyboardInterrupt), HtmlReport(path, Words("en")):
        raise KeyboardInterrupt
    assert path.read_text() == "the last run's"
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.html", tmp_path):
        with pytest.raises(OutputError, match="cannot be written"), HtmlReport(path, Words("en")):
            pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_pictures_stop_at_the_budget_and_fakes_have_the_larger_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = still()
    monkeypatch.setattr(html_module, "PICTURE_BYTES", 3 * len(picture.jpeg))
    path = tmp_path / "page.html"
    real = replace(image_report(), verdict=Verdict("real", 0.1, 0.9, ""))
    with HtmlReport(path, Words("en")) as html:
        for report in (real, real, timed_report(), timed_report(), timed_report()):
            html.add(report, [picture])
    found = read(path)
    files = path.read_text("utf-8").split("<article")[1:]
    assert ["<img" in text for text in files] == [True, False, True, True, False]
    assert found.text.count(Words("en")("frames.left_out")) == 2


def test_many_boxes_are_counted(tmp_path: Path) -> None:
    report = timed_report()
    found = page(tmp_path, replace(report, detections=report.detections * 6))
    rows = [e for e in found.all("tr") if "tbody" in e.path and "div" in e.path]
    assert len(rows) == 20
    assert f"not shown: {len(report.detections) * 6 - 20}" in found.text


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2.2."""
    values = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_the_contrast_of_wcag_aa(tmp_path: Path) -> None:
    style = page(tmp_path).one("style").text
    colors = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", style))
    grounds = [colors["paper"], colors["panel"]]
    for name in ("ink", "faint", "fake", "real", "inconclusive", "unread", "link"):
        for ground in grounds:
            light, dark = sorted((luminance(ground), luminance(colors[name])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def test_best_frames_are_strong_and_apart() -> None:
    report = timed_report()
    chosen = best_frames(report)
    assert len(chosen) == COUNT
    assert chosen == sorted(chosen)
    strongest = max(report.detections, key=lambda row: row.llr).frame
    assert strongest in chosen
    assert min(np.diff(chosen)) >= 0.08 * 240
    assert best_frames(replace(report, detections=())) == [report.faces[0].frame]
    assert best_frames(replace(report, detections=(), faces=())) == []


def test_boxes_of_the_worst_face_come_first() -> None:
    report = timed_report()
    loud = [replace(row, track=0, llr=6.0, frame=row.frame + 1) for row in report.detections]
    both = replace(report, detections=(*report.detections, *loud))
    own = {row.frame for row in report.detections}
    assert set(best_frames(both)) <= own


def test_stills_of_a_clip(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", frames=30, size=(1280, 720), picture=noise(1280, 720))
    report = video_report(str(clip))
    stills = marked_stills(open_media(clip), report, Sampling(frames=None))
    assert [one.frame for one in stills] == [10, 20]
    for one in stills:
        assert len(one.jpeg) <= MAX_BYTES
        image = cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[:2] == (one.height, one.width) == (450, 800)
    assert [row.artifact for row in stills[1].boxes] == ["frame_gridnoise", "mouth_partswap"]
    # A frame that is not there any more is left out.
    clip = write_clip(tmp_path / "b.mp4", frames=15)
    assert len(marked_stills(open_media(clip), report, Sampling(frames=None))) == 1


def test_labels_on_frames_can_be_read_at_half_the_width_of_the_page(tmp_path: Path) -> None:
    """On an even ground a label is the only large area in its family's colour."""
    box = video_report().detections[0]
    color = np.array(family_colors([box.family])[box.family][::-1], int)
    heights = []
    for size in ((1280, 360), (1280, 720), (720, 1280)):
        picture = np.full((size[1], size[0], 3), 90, np.uint8)
        clip = write_clip(tmp_path / "a.mp4", frames=12, size=size, picture=picture)
        report = replace(video_report(str(clip)), detections=(box,), families=(), faces=())
        (one,) = marked_stills(open_media(clip), report, Sampling(frames=None))
        image = cv2.imdecode(np.frombuffer(one.jpeg, np.uint8), cv2.IMREAD_COLOR)
        filled = (np.abs(image.astype(int) - color).max(axis=2) < 60).sum(axis=1)
        # In the rows of the label, not of the box's upper and lower edge, which are thin.
        rows = filled > 0.05 * one.width
        heights.append(rows.sum() / one.width * 436)
    # Of letters 12 pixels high the label has 16.
    assert min(heights) >= 15
    assert max(heights) <= 26


def test_still_of_a_picture_is_made_small(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    random = np.random.default_rng(0).integers(0, 256, (1500, 3000, 3), dtype=np.uint8)
    cv2.imwrite(str(path), random)
    (one,) = marked_stills(open_media(path), image_report(str(path)), Sampling())
    assert (one.width, one.height) == (1280, 640)
    assert one.jpeg[:2] == b"\xff\xd8"
    path.unlink()
    (tmp_path / "large.png").write_bytes(b"")
    assert one.boxes == ()

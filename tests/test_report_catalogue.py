"""The words of the page in every language."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest
import yaml
from report_samples import timed_report

import fakecheck.report.catalogue as module
from fakecheck.report.catalogue import LANGUAGES, LENT, Words, catalogue, lent, written
from fakecheck.types import LookedAt

REGISTRY = Path(__file__).parents[1] / "registry"


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def place(language: str) -> str:
    return f"fakecheck/report/catalogues/{language}.yaml"


@pytest.mark.parametrize("language", LANGUAGES)
def test_keys_and_placeholders_agree(language: str) -> None:
    english, other = written("en"), written(language)
    lacking = [key for key in english if key not in other and not key.startswith(LENT)]
    assert not lacking, f"{place(language)} lacks {lacking}: translate them from en.yaml"
    assert list(other) == [key for key in english if key in other], (
        f"{place(language)}: put its keys in the order of en.yaml, and take away those not there"
    )
    for key, text in other.items():
        assert fields(text) == fields(english[key]), (
            f"{place(language)}: {key} must hold the same {{placeholders}} as in en.yaml"
        )
        assert text.strip(), f"{place(language)}: {key} is empty: write it"


def test_what_a_language_has_no_words_for_it_says_in_english() -> None:
    english = {"families_known.sora.name": "Sora", "artifacts.blur.text": "Soft.", "page.title": ""}
    own = {"artifacts.blur.text": "흐림"}
    assert lent(english, own) == {"families_known.sora.name": "Sora"}
    for language in LANGUAGES:
        assert set(catalogue(language)) == set(catalogue("en"))


def test_a_family_without_korean_words_is_named_in_english(monkeypatch) -> None:
    files = {language: dict(written(language)) for language in LANGUAGES}
    files["en"] |= {"families_known.sora.name": "Sora", "families_known.sora.text": "Makes clips."}
    monkeypatch.setattr(module, "written", files.get)
    monkeypatch.setattr(module, "catalogue", catalogue.__wrapped__)
    for language in LANGUAGES:
        words = Words(language)
        assert (words.family("sora"), words.family_text("sora")) == ("Sora", "Makes clips.")
        assert words.family_text("unheard_of") == words("families.unknown")


def test_korean_is_korean() -> None:
    english = written("en")
    same = {key for key, text in written("ko").items() if text == english[key]}
    names = {key for key in english if key.startswith("families_known.") and key.endswith(".name")}
    plain = {key for key in english if key.startswith("number.")} | {"boxes.llr", "file.sha256"}
    left = same - names - plain - {"video.span", "video.face_row", "page.title_one"}
    assert left == set(), (
        f"{place('ko')}: {sorted(left)} are English; leave those of families and artifacts out "
        "until somebody translates them"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_registry_is_explained(language: str) -> None:
    words = Words(language)
    families = yaml.safe_load((REGISTRY / "families.yaml").read_text("utf-8"))
    artifacts = yaml.safe_load((REGISTRY / "artifacts.yaml").read_text("utf-8"))
    for family in families:
        mend = f"{place('en')}: write name and text of {family} under families_known"
        assert f"families_known.{family}.name" in catalogue(language), mend
        assert words.family_text(family) != words("families.unknown"), mend
        assert words.family(family), mend
    for region in artifacts["regions"]:
        for artifact in artifacts["artifacts"]:
            word = f"{region}_{artifact}"
            mend = f"{place('en')}: write name and text of {artifact} under artifacts"
            assert words.artifact(word) != word, f"{mend}, and {region} under regions of every file"
            assert words.artifact_text(word) != words("glossary.unknown"), mend


def test_numbers() -> None:
    english, korean = Words("en"), Words("ko")
    assert [english.percent(p) for p in (0, 0.31, 0.994, 1)] == [
        "under 1%",
        "31%",
        "99%",
        "over 99%",
    ]
    assert korean.percent(1) == "99% 초과"
    assert [english.times(llr) for llr in (-0.5, 1.0, 3.0, 8.0)] == [
        "0.6×",
        "2.7×",
        "20×",
        "2,981×",
    ]
    assert english.time(59.94) == "59.9 s"
    assert english.time(59.96) == "1:00.0"
    assert korean.time(4.08, 5.52) == "4.1–5.5초"
    assert english.time(61, 3725.04) == "1:01.0–1:02:05.0"
    assert [english.size(n) for n in (900, 12_345, 1_234_567)] == ["1 kB", "12 kB", "1.2 MB"]
    with pytest.raises(KeyError):
        english("verdict.nothing.image")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_part_of_a_clip_is_not_said_to_be_the_whole(language: str) -> None:
    words, report = Words(language), timed_report()
    start, part = words.time(2.0), words.time(2.0, 12.0)
    late = replace(report, looked_at=LookedAt(5, 2.0))
    assert words.looked_at(late).endswith(words("video.window", time=part))
    endless = replace(late, media=replace(report.media, duration=None, frames=None))
    assert words.looked_at(endless).endswith(words("video.window_open", start=start))
    whole = words.looked_at(replace(report, looked_at=LookedAt(5)))
    assert whole == words("video.looked_at_of", frames=5, total=300)


def test_words_that_are_not_known_steer_no_terminal() -> None:
    words = Words("en")
    assert words.family("new\x1b[2J") == words.artifact("new\x1b[2J") == "new\\x1b[2J"


@pytest.mark.parametrize(
    ("language", "past"), [("en", r"\b(was|were|been)\b"), ("ko", "[았었였했렸졌]습니다")]
)
def test_what_only_looks_forged_is_not_said_to_be(language: str, past: str) -> None:
    texts = catalogue(language)
    for key, text in texts.items():
        if key.startswith(("families_known.", "artifacts.")):
            assert not re.search(past, text), (
                f"{place(language)}: {key}: say what such forgeries are like, not what was done to "
                "this file"
            )
    looks = {"en": "looks as if", "ko": "것처럼 보이|부위처럼 보이"}[language]
    for artifact in ("partswap", "synthesis", "swap"):
        assert re.search(looks, texts[f"artifacts.{artifact}.text"]), artifact


def test_weak_traces_are_not_called_none() -> None:
    english, korean = Words("en"), Words("ko")
    assert english("label.real") == "no clear trace"
    assert korean("label.real") == "뚜렷한 위조 흔적 없음"
    for words in (english, korean):
        scale = words("verdict.scale", low="30%", threshold="95%")
        for label in ("fake", "real", "inconclusive"):
            assert re.search(f"[\"']{words(f'label.{label}')}[\"']", scale), label
        assert words("label.real") in words("verdict.real.title")
    assert "no clear trace of a known family" in english("limits.list.known")
    assert "뚜렷한 흔적을 찾지 못했다는 뜻" in korean("limits.list.known")


def test_a_korean_line_of_boxes_has_one_colon() -> None:
    korean = Words("ko")
    line = korean("frames.caption_image", boxes=korean.artifact("eyes_partswap"))
    assert line == "상자: 눈(다른 얼굴의 부위)"
    assert "'face 1'은 '얼굴 1'" in korean("glossary.intro")

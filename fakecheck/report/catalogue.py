"""The words of the HTML report: one YAML file a language, with the same keys in each.

English alone must name every family and artifact: a contributor who adds one need not know the
other languages, which show the English words until somebody translates them.
"""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from fakecheck.report.moments import in_seconds, stretch, window_looked_at
from fakecheck.report.percent import LIMIT_DIGITS, NEARLY_ALL, extreme
from fakecheck.report.record import visible
from fakecheck.types import Report

LANGUAGES = ("en", "ko")
# Keys that a language may lack.
LENT = ("families_known.", "artifacts.")


class Words:
    """Sentences and numbers in one language of `LANGUAGES`.

    Calling it with a key, such as `verdict.fake.title`, and the placeholders of the sentence gives
    plain text, which has still to be escaped for HTML. An unknown key is a KeyError.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = catalogue(language)

    def __call__(self, key: str, **fields: object) -> str:
        return self._words[key].format_map(fields)

    def group(self, prefix: str) -> list[str]:
        """All sentences whose key is `prefix` and one word more, in the order of the file."""
        start = f"{prefix}."
        return [text for key, text in self._words.items() if key.startswith(start)]

    def percent(self, probability: float, digits: int = 0) -> str:
        """`probability` in 0..1 as people write it, without claiming certainty."""
        if extreme(probability):
            above = probability >= NEARLY_ALL
            return self("number.over", value=99) if above else self("number.under", value=1)
        return self("number.percent", value=f"{100 * probability:.{digits}f}")

    def threshold(self, probability: float, digits: int = 0) -> str:
        """A limit beside a probability with so many `digits`."""
        return self("number.percent", value=f"{100 * probability:.{max(LIMIT_DIGITS, digits)}f}")

    def times(self, llr: float) -> str:
        """How many times likelier a log-likelihood ratio `llr` makes something."""
        ratio = math.exp(min(llr, 50.0))
        digits = 0 if ratio >= 10 else 1
        return self("number.times", value=f"{ratio:,.{digits}f}")

    def size(self, count: int) -> str:
        """So many bytes, in kilobytes or megabytes of 1000."""
        if count < 1_000_000:
            return self("number.kilobytes", value=f"{count / 1000:.0f}")
        return self("number.megabytes", value=f"{count / 1_000_000:,.1f}")

    def time(self, start: float, end: float | None = None) -> str:
        """A moment of a clip, or the stretch from `start` to `end`, in seconds or as clocks do."""
        end = start if end is None else end
        text = stretch(start, end)
        return self("number.seconds", value=text) if in_seconds(end) else text

    def looked_at(self, report: Report) -> str:
        """How much of a clip the verdict is on."""
        looked, media = report.looked_at, report.media
        assert looked is not None
        key = "video.looked_at" if media.frames is None else "video.looked_at_of"
        text = self(key, frames=looked.frames, total=media.frames or 0)
        window = window_looked_at(report)
        if window is None:
            return text
        start, end = window
        if end is None:
            return f"{text} {self('video.window_open', start=self.time(start))}"
        return f"{text} {self('video.window', time=self.time(start, end))}"

    def face(self, track: int | None) -> str:
        """The name of a followed face; None is the whole frame."""
        return self("video.whole") if track is None else self("video.face", number=track)

    def family(self, word: str) -> str:
        """The name of a family; one that came with a plug-in has none but its word."""
        return self._words.get(f"families_known.{word}.name", visible(word))

    def family_text(self, word: str) -> str:
        """What a family does, in a sentence."""
        unknown = self("families.unknown")
        return self._words.get(f"families_known.{word}.text", unknown)

    def artifact(self, word: str) -> str:
        """`<region>_<artifact>` in plain words, or as it is where a plug-in made it up."""
        region, _, artifact = word.partition("_")
        where = self._words.get(f"regions.{region}")
        what = self._words.get(f"artifacts.{artifact}.name")
        if where is None or what is None:
            return visible(word)
        return self("boxes.word", where=where, what=what)

    def artifact_text(self, word: str) -> str:
        """What an artifact looks like, in a sentence."""
        artifact = word.partition("_")[2]
        return self._words.get(f"artifacts.{artifact}.text", self("glossary.unknown"))


@cache
def catalogue(language: str) -> dict[str, str]:
    """Sentence by dotted key: those of the language's file, and English ones that it may lack."""
    own = written(language)
    return {**own, **lent(written("en"), own)}


def lent(english: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """The English names and sentences of families and artifacts of which `own` has none."""
    return {key: text for key, text in english.items() if key.startswith(LENT) and key not in own}


def written(language: str) -> dict[str, str]:
    """Sentence by dotted key, as `catalogues/<language>.yaml` has them."""
    file = files("fakecheck.report").joinpath(f"catalogues/{language}.yaml")
    return dict(_flat(yaml.safe_load(file.read_text(encoding="utf-8"))))


def _flat(content: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        rows += _flat(value, f"{name}.") if isinstance(value, dict) else [(name, str(value))]
    return rows

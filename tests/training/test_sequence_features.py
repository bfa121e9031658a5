"""docs/features.md is what the code says of its features."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from fakecheck.features import FACE_FEATURES, FEATURE_VERSION, NAMES, WIDTH
from fakecheck.group_features import GROUP_FEATURES
from fakecheck.observations import GROUPS
from fakecheck_training.sequence.features import DIRECT, PRESENT, STEADILY, main

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/features.md"


def test_the_page_in_the_repository_is_what_the_command_writes(tmp_path: Path) -> None:
    path = tmp_path / "features.md"
    result = CliRunner().invoke(main, ["--output", str(path)])
    assert result.exit_code == 0, result.output
    assert path.read_bytes() == (ROOT / PAGE).read_bytes()


def test_every_feature_and_group_has_a_line() -> None:
    lines = (ROOT / PAGE).read_text(encoding="utf-8").splitlines()
    for name, one in {
        **GROUP_FEATURES,
        **{f"face.{n}": f for n, f in FACE_FEATURES.items()},
    }.items():
        (line,) = (line for line in lines if line.startswith(f"| `{name}` |"))
        assert one.meaning in line
        assert one.unit in line
    for group in GROUPS:
        (line,) = (line for line in lines if line.startswith(f"| `{group}` |"))
        assert str(NAMES.index(f"{group}.present")) in line
    text = "\n".join(lines)
    assert f"version **{FEATURE_VERSION}**, {WIDTH} numbers" in text
    assert set(DIRECT + STEADILY + PRESENT) <= set(NAMES)


def test_the_reason_for_words_is_that_of_the_code() -> None:
    import fakecheck.features

    reason = (fakecheck.features.__doc__ or "").strip().rpartition("\n\n")[2]
    assert reason.startswith("Groups are of artifact words")
    assert reason in (ROOT / PAGE).read_text(encoding="utf-8")


@pytest.mark.parametrize("place", ["training/README.md", "CONTRIBUTING.md"])
def test_the_page_can_be_found(place: str) -> None:
    assert "features.md" in (ROOT / place).read_text(encoding="utf-8")

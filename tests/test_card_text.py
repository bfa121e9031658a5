"""The text of a card: fields changed, comments and marks kept."""

from __future__ import annotations

import pytest
import yaml

from fakecheck.card_text import open_fields, replace_fields
from fakecheck.errors import PluginError

CARD_TEXT = """\
# head
one: 1  # TODO behind
two:   # why
  - a
# about three
three: {x: 1}

# about four
four:
- TODO a
- b: TODO

  # inside
  c: 2
five: "TODO"
"""


def test_fields_are_replaced_and_comments_stay():
    changed = replace_fields(CARD_TEXT, {"two": ["z"], "three": {"y": [1]}, "six": 6})
    assert yaml.safe_load(changed) == {
        **yaml.safe_load(CARD_TEXT),
        "two": ["z"],
        "three": {"y": [1]},
        "six": 6,
    }
    for comment in ("# head", "# TODO behind", "# about three", "# about four", "# inside"):
        assert comment in changed
    assert replace_fields(changed, {"two": ["z"]}) == changed
    again = replace_fields(CARD_TEXT, {"one": 2, "four": [1, {"b": "TODO"}]}, ["one", "four.1.b"])
    assert "one: 2  # TODO\n" in again
    assert "- b: TODO\n" in again
    assert changed.endswith("six: 6\n")


@pytest.mark.parametrize("text", ["{a: 1,\n b: 2}\n", "a: {x: 1,\ny: 2}\nb: 1\n", '"a": 1\n'])
def test_forms_that_lines_do_not_show_are_refused(text):
    with pytest.raises(PluginError, match="cannot be changed by itself"):
        replace_fields(text, {"a": 3})


def test_open_fields():
    assert open_fields(CARD_TEXT) == [
        "one (line 2)",
        "four.0 (line 10)",
        "four.1.b (line 11)",
        "five (line 15)",
    ]
    assert open_fields("") == []

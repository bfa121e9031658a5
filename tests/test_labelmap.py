"""The label map's parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakecheck.errors import CardError
from fakecheck.labelmap import check_label_map, parse_label_map
from tests.bundles import CLASSES, label_map, make_card


@pytest.mark.parametrize(
    "text",
    [
        "item { id: 1 name: 'a' } item { id: 2 name: 'b' }",
        'item{id:1,name:"a"};item{id:2;name:"b"}',
        "# two classes\nitem: <\n  name: 'a' # first\n  id: 1\n>\nitem { name: \"b\"\n id: 2 }",
        "item { id: 1 name: 'a' display_name: 'A b }' keypoints { id: 7 label: 'x' } }\n"
        "item { id: 2 name: 'b' lvis: { frequency: FREQUENT } }",
    ],
)
def test_ways_to_write_it(text):
    assert parse_label_map(text) == {1: "a", 2: "b"}


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("item { id: 1 name: 'a'", "not closed"),
        ("item id: 1", "does not open with a brace"),
        ("thing { id: 1 }", "expected item, got thing"),
        ("item { name: 'a' }", "no id of 1 or more"),
        ("item { id: 0 name: 'a' }", "no id of 1 or more"),
        ("item { id: 1 }", "id 1 has no name"),
        ("item { id: 1 name: 'a' } item { id: 1 name: 'b' }", "two items have the id 1"),
        ("item {\n id: 1 name: 'a }", 'unexpected "\'" in line 2'),
    ],
)
def test_what_is_wrong_is_said(text, cause):
    with pytest.raises(ValueError, match=cause):
        parse_label_map(text)


@given(st.text(alphabet="item{}<>:;,' \"id01name#\n\\", max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        parse_label_map(text)
    except ValueError:
        return


@given(st.dictionaries(st.integers(1, 99), st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)))
def test_what_is_written_is_read(classes):
    text = "".join(f"item {{ id: {i} name: '{name}' }}\n" for i, name in classes.items())
    assert parse_label_map(text) == classes


def test_check_names_the_class(tmp_path):
    card = make_card(tmp_path)
    check_label_map(card, label_map().encode())
    check_label_map(card, label_map().encode("utf-8-sig"))  # as Windows' editors write it
    for text, cause in (
        (label_map(("face_blur", CLASSES[1])), "class 1 is face_synthesis on the card and face_b"),
        (label_map() + "item { id: 3 name: 'x' }", "class 3 is missing on the card and x in"),
        ("nonsense", "label_map.pbtxt is no label map: expected item"),
    ):
        with pytest.raises(CardError, match=cause):
            check_label_map(card, text.encode())
    with pytest.raises(CardError, match="no label map"):
        check_label_map(card, b"\xff\xfe")

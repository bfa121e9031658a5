"""`label_map.pbtxt` without TensorFlow: class ids and names, which must be those of the card.

The grammar is protobuf's text format (https://protobuf.dev/reference/protobuf/textformat-spec/), as
far as the Object Detection API's StringIntLabelMap needs it.
"""

from __future__ import annotations

import re

from fakecheck.card import LABEL_MAP_FILE, DetectorCard
from fakecheck.errors import CardError

MAX_BYTES = 1_000_000
_TOKEN = re.compile(
    r"""\s+ | \#[^\n]*                                  # space and comments
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<word>[A-Za-z0-9_.+-]+)
      | (?P<mark>[{}<>:;,\[\]])""",
    re.VERBOSE,
)
_CLOSING = {"{": "}", "<": ">"}


def parse_label_map(text: str) -> dict[int, str]:
    """Class id (counting from 1) → name. Raises ValueError with one sentence for other text."""
    tokens = _tokens(text)
    classes: dict[int, str] = {}
    position = 0
    while position < len(tokens):
        if tokens[position] in (";", ","):
            position += 1
            continue
        if tokens[position] != "item":
            raise ValueError(f"expected item, got {tokens[position]}")
        position += 2 if tokens[position + 1 : position + 2] == [":"] else 1
        item, position = _item(tokens, position)
        identifier = item.get("id", "")
        if not identifier.isdecimal() or int(identifier) < 1:
            raise ValueError("an item has no id of 1 or more")
        if not item.get("name"):
            raise ValueError(f"the item with id {identifier} has no name")
        if int(identifier) in classes:
            raise ValueError(f"two items have the id {identifier}")
        classes[int(identifier)] = item["name"]
    return classes


def check_label_map(card: DetectorCard, data: bytes) -> None:
    """Raises CardError unless the label map `data` holds the classes of the card, ids and names."""
    try:
        if len(data) > MAX_BYTES:
            raise ValueError(f"it is larger than {MAX_BYTES} bytes")
        classes = parse_label_map(data.decode("utf-8-sig"))
    except ValueError as error:
        raise CardError(f"{card.id}: {LABEL_MAP_FILE} is no label map: {error}") from error
    wanted = {spec.id: spec.name for spec in card.classes}
    for identifier in sorted(wanted | classes):
        on_card, in_map = wanted.get(identifier), classes.get(identifier)
        if on_card != in_map:
            raise CardError(
                f"{card.id}: class {identifier} is {on_card or 'missing'} on the card and "
                f"{in_map or 'missing'} in {LABEL_MAP_FILE}"
            )


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            line = text.count("\n", 0, position) + 1
            raise ValueError(f"unexpected {text[position]!r} in line {line}")
        if match.lastgroup:
            tokens.append(match.group())
        position = match.end()
    return tokens


def _item(tokens: list[str], position: int) -> tuple[dict[str, str], int]:
    """The scalar fields of the message that opens at `position`, and the position after it.

    Fields that hold messages of their own (keypoints) are skipped.
    """
    closing = _CLOSING.get(tokens[position] if position < len(tokens) else "")
    if closing is None:
        raise ValueError("an item does not open with a brace")
    values: dict[str, str] = {}
    open_marks = [closing]
    position += 1
    while position < len(tokens):
        token = tokens[position]
        if token in _CLOSING:
            open_marks.append(_CLOSING[token])
        elif token == open_marks[-1]:
            open_marks.pop()
            if not open_marks:
                return values, position + 1
        elif len(open_marks) == 1 and tokens[position + 1 : position + 2] == [":"]:
            value = tokens[position + 2] if position + 2 < len(tokens) else ""
            if value not in _CLOSING:
                values[token] = value[1:-1] if value[:1] in ("'", '"') else value
                position += 2
        position += 1
    raise ValueError("an item is not closed")

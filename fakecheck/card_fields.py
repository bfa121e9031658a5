"""The YAML of a card → its fields, unchecked, within limits that no honest card comes near.

Cards of packages that nobody trusts are read with this: none may cost more than itself.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fakecheck.errors import CardError

# A card is a page of text; anything much longer is not one.
MAX_CARD_BYTES = 1_000_000
MAX_CARD_DEPTH = 50
MAX_ALIASES = 200
MAX_CARD_VALUES = 100_000
MAX_NUMBER_LENGTH = 100


def read_fields(path: Path) -> dict[str, Any]:
    """The fields of the card at `path`, unchecked. Raises CardError for what is no card."""
    text = _read_text(path)
    try:
        values = parse_card(text, path)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" in line {where.line + 1}" if where else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise CardError(f"{path}: no valid YAML{line}: {problem}") from error
    # Of a value that is none of its tag's, such as `!!bool x`, or of a key.
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise CardError(f"{path}: holds a value that cannot be: {error}") from error
    if not isinstance(values, dict):
        raise CardError(f"{path}: must hold fields and their values")
    if _holds_more_than(MAX_CARD_VALUES, values):
        raise CardError(f"{path}: holds more than {MAX_CARD_VALUES} values")
    return values


def _read_text(path: Path) -> str:
    try:
        # Opening a pipe could block, and reading a device may never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise CardError(f"{path}: cannot be read: it is no plain file")
        with path.open("rb") as file:
            data = file.read(MAX_CARD_BYTES + 1)
        if len(data) > MAX_CARD_BYTES:
            raise CardError(f"{path}: larger than a card may be ({MAX_CARD_BYTES} bytes)")
        return data.decode("utf-8")
    # ValueError: of text that is not UTF-8, and of a path that holds a null character.
    except (OSError, ValueError) as error:
        raise CardError(f"{path}: cannot be read: {error}") from error


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML's safe loader, libyaml's where PyYAML was built with it: ten times as fast.

    It takes neither numbers to the base of 60 (`1:30:00`) nor merge keys (`<<`): no card needs
    them, and small ones can be written that take minutes.
    """

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, "merge keys (<<) are not taken", key.start_mark
                )

    def construct_yaml_int(self, node: yaml.ScalarNode) -> Any:
        return super().construct_yaml_int(_number(node))

    def construct_yaml_float(self, node: yaml.ScalarNode) -> Any:
        return super().construct_yaml_float(_number(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def _number(node: yaml.ScalarNode) -> yaml.ScalarNode:
    problem = None
    if ":" in node.value:
        problem = "a number cannot hold a colon; write texts that do in quotes"
    elif len(node.value) > MAX_NUMBER_LENGTH:
        problem = "a number is too long"
    if problem:
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return node


def parse_card(text: str, path: Path) -> Any:
    """What the YAML of a card holds, whose file is `path`.

    Raises YAMLError for what is none, and CardError for deep nesting, on which libyaml would
    overrun the stack and crash, and for aliases by which a small card becomes a huge one.
    """
    anchored: list[bool] = []  # of every collection that is open
    aliases = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            aliases += 1
            if aliases > MAX_ALIASES or any(anchored):
                raise CardError(f"{path}: holds too many aliases, or one inside of another")
        if isinstance(event, yaml.CollectionStartEvent):
            anchored.append(event.anchor is not None)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchored.pop()
        if len(anchored) > MAX_CARD_DEPTH:
            raise CardError(f"{path}: nested more than {MAX_CARD_DEPTH} levels deep")
    return yaml.load(text, Loader=_Loader)


def _holds_more_than(limit: int, values: Any) -> bool:
    """Whether there are so many values in `values`, where an alias counts as what it stands for."""
    count, left = 0, [values]
    while left and count <= limit:
        one = left.pop()
        count += 1
        if isinstance(one, Mapping):
            left += one.values()
        elif isinstance(one, list | tuple | set):
            left += one
    return count > limit

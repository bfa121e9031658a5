"""The text of `detector.yaml`: fields changed, comments kept, and what is left to fill in."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml

from fakecheck.card import CARD_FILE
from fakecheck.errors import PluginError

# How the template marks what only the contributor knows: as a value, or in a comment behind one.
MARK = "TODO"
_FIELD = re.compile(r"([A-Za-z_]\w*)[ \t]*:([ \t]|$)")
_MARKED = re.compile(rf"\b{MARK}\b")


def replace_fields(text: str, changes: Mapping[str, Any], marked: Collection[str] = ()) -> str:
    """The card's `text` with its outermost fields `changes`, all else as it was.

    Comments inside a field that is changed are lost, but for the mark behind the fields `marked`,
    dotted paths; those above it stay. A field that is not there comes last. Raises PluginError
    where the text is written in a form that does not allow it.
    """
    before = yaml.safe_load(text)
    lines = text.splitlines()
    try:
        for name, value in changes.items():
            block = yaml.safe_dump({name: value}, sort_keys=False, allow_unicode=True, width=100)
            start, end = _extent(lines, name) if name in before else (len(lines), len(lines))
            lines[start:end] = block.splitlines()
        changed = _with_marks("\n".join(lines) + "\n", marked)
        # Looked at as a reader will see it: YAML has forms that lines do not show.
        if yaml.safe_load(changed) != {**before, **changes}:
            raise ValueError("other fields changed, too")
    except (ValueError, yaml.YAMLError) as error:
        raise PluginError(
            f"{CARD_FILE} cannot be changed by itself",
            f"write {', '.join(changes)} as blocks of indented lines, as the template has them",
        ) from error
    return changed


def open_fields(text: str) -> list[str]:
    """The fields of the card's `text` that are marked as left to fill in, each with its line.

    The mark stands in the field's value or in the comment behind it. Raises yaml.YAMLError for text
    that is no YAML.
    """
    return [f"{path} (line {line + 1})" for path, line in _marked(text)]


def open_paths(text: str) -> list[str]:
    """The dotted paths of `open_fields`."""
    return [path for path, _ in _marked(text)]


def _marked(text: str) -> Iterator[tuple[str, int]]:
    lines = text.splitlines()
    for path, node in _scalars(yaml.compose(text, Loader=yaml.SafeLoader), ""):
        line = node.start_mark.line
        if _MARKED.search(lines[line], node.start_mark.column):
            yield path, line


def _with_marks(text: str, paths: Collection[str]) -> str:
    """`text` with the mark behind the fields `paths` that have none."""
    lines, there = text.splitlines(), open_paths(text)
    for path, node in _scalars(yaml.compose(text, Loader=yaml.SafeLoader), ""):
        # Behind a part of a value that takes several lines it would belong to the value.
        if path in paths and path not in there and node.start_mark.line == node.end_mark.line:
            lines[node.end_mark.line] += f"  # {MARK}"
    return "\n".join(lines) + "\n"


def _scalars(node: yaml.Node | None, path: str) -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Every value below `node` that is no mapping and no list, with its dotted path."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(value, f"{path}.{key.value}" if path else str(key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _scalars(value, f"{path}.{index}")
    elif isinstance(node, yaml.ScalarNode):
        yield path, node


def _extent(lines: list[str], name: str) -> tuple[int, int]:
    """The lines of the outermost field `name`: first, and one after the last.

    Raises ValueError where no line begins with it.
    """
    starts = [i for i, line in enumerate(lines) if (m := _FIELD.match(line)) and m.group(1) == name]
    if not starts:
        raise ValueError(f"no line begins with {name}")
    start = end = starts[0]
    # Indented lines, and list items without indent, with the comments and gaps between them; those
    # at the end belong to the field that follows.
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if re.match(r"[ \t]+\S|-([ \t]|$)", line):
            end = number
        elif line.strip() and not line.startswith("#"):
            break
    return start, end + 1

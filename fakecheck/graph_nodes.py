"""The nodes of a TensorFlow GraphDef, read from its bytes: nothing is loaded or run.

Field numbers are those of TensorFlow's graph.proto and node_def.proto.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fakecheck.wire import messages, text

NOTHING = memoryview(b"")


@dataclass(frozen=True)
class Node:
    """`inputs` are the nodes that it takes data from, `controls` those that it waits for.

    Of an input that is not the first output of its node the number is left: `name:1`. `attributes`
    are AttrValues by their names.
    """

    name: str
    op: str
    inputs: Sequence[str]
    controls: Sequence[str]
    attributes: Mapping[str, memoryview]

    def attribute(self, name: str) -> memoryview:
        """The AttrValue of this name, an empty one where there is none."""
        return self.attributes.get(name, NOTHING)


def read_nodes(graph: bytes) -> Iterator[Node]:
    """The nodes outside of functions, in their order. Raises WireError."""
    for _, node in messages(memoryview(graph), 1):
        name, op, sources, attributes = "", "", [], {}
        for number, value in messages(node, 1, 2, 3, 5):
            if number == 1:
                name = text(value)
            elif number == 2:
                op = text(value)
            elif number == 3:
                sources.append(text(value))
            else:
                entry = dict(messages(value, 1, 2))
                attributes[text(entry.get(1, NOTHING))] = entry.get(2, NOTHING)
        yield Node(
            name,
            op,
            [source.removesuffix(":0") for source in sources if not source.startswith("^")],
            [source[1:] for source in sources if source.startswith("^")],
            attributes,
        )

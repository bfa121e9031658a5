"""A frozen GraphDef that can be read and rewired: nodes, constants and who reads what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakecheck_training.compat import tf

# Pictures at a time: all activations of a detector for these fit into memory.
BATCH = 10
INPUT = "image_tensor:0"
CONVOLUTIONS = ("Conv2D", "DepthwiseConv2dNative")


class FrozenGraph:
    """The nodes of a frozen graph by name. They may stand in any order, as TensorFlow takes it."""

    def __init__(self, serialized: bytes) -> None:
        self._definition = tf.compat.v1.GraphDef()
        self._definition.ParseFromString(serialized)
        self.nodes = {node.name: node for node in self._definition.node if node.op != "NoOp"}
        # No node of a frozen graph has effects that another, which does not read it, must wait for.
        for node in self.nodes.values():
            node.input[:] = [source for source in node.input if not source.startswith("^")]

    def serialize(self) -> bytes:
        """The graph as it is now, without constants that nobody reads any more."""
        self._forget_unread()
        made = tf.compat.v1.GraphDef()
        made.CopyFrom(self._definition)
        del made.node[:]
        made.node.extend(self.nodes.values())
        serialized: bytes = made.SerializeToString(deterministic=True)
        return serialized

    def _forget_unread(self) -> None:
        read = self.readers()
        unread = [name for name in self.nodes if not read[name] and self.is_constant(name)]
        for name in unread:
            del self.nodes[name]
        if unread:  # what these have read may have no other reader
            self._forget_unread()

    def run(self, fetches: Sequence[str], pictures: NDArray[np.uint8]) -> Iterator[list[Any]]:
        """The values of these nodes for the pictures (n, h, w, 3), some pictures at a time."""
        definition = tf.compat.v1.GraphDef.FromString(self.serialize())
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(definition, name="")
        ends = [f"{producer(name)}:0" for name in fetches]
        with tf.compat.v1.Session(graph=graph) as session:
            for start in range(0, len(pictures), BATCH):
                yield session.run(ends, {INPUT: pictures[start : start + BATCH]})

    def readers(self) -> dict[str, list[str]]:
        """Name of a node → names of those that read it."""
        found = defaultdict(list)
        for node in self.nodes.values():
            for source in node.input:
                found[producer(source)].append(node.name)
        return found

    def constant(self, name: str) -> NDArray[Any]:
        """The value of a constant, also behind Identity."""
        value: NDArray[Any] = tf.make_ndarray(self._origin(name).attr["value"].tensor)
        return value

    def is_constant(self, name: str) -> bool:
        """Whether the node, or the one that it is the Identity of, is a constant."""
        return bool(self._origin(name).op == "Const")

    def _origin(self, name: str) -> Any:
        node = self.nodes[producer(name)]
        while node.op == "Identity":
            node = self.nodes[producer(node.input[0])]
        return node

    def convolutions(self) -> list[Any]:
        """The nodes of all convolutions whose weights are constant."""
        return [
            node
            for node in self.nodes.values()
            if node.op in CONVOLUTIONS and self.is_constant(node.input[1])
        ]

    def add_constant(self, name: str, value: Any) -> str:
        """A new constant of float32; its name."""
        with tf.Graph().as_default() as graph:
            tf.constant(np.asarray(value, np.float32), name="value")
        node = graph.as_graph_def().node[0]
        node.name = name
        self.nodes[name] = node
        return name

    def insert_behind(self, name: str, made: Any) -> None:
        """Puts the node `made` between `name`'s first output and all that read it."""
        for node in self.nodes.values():
            for place, source in enumerate(node.input):
                if source in (name, f"{name}:0"):
                    node.input[place] = made.name
        self.nodes[made.name] = made


def producer(source: str) -> str:
    """`name:1` → `name`: the node that an input is of."""
    return source.split(":")[0]

"""A reader of the protobuf wire format, for files that no protobuf library should see unchecked.

It knows no schema: a message is a run of numbered fields
(https://protobuf.dev/programming-guides/encoding/). Every length is checked against what is left,
so the work is bounded by the size of the file times the depth to which the caller descends.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# Longer than any name that TensorFlow or ONNX give; a message has to stay readable.
MAX_TEXT = 500


class WireError(ValueError):
    """Bytes that are no protobuf message."""


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of every field of `message` in order.

    The value is a memoryview for a field of bytes (a string, a message, packed numbers), else an
    int (of a fixed number, its bits). Raises WireError.
    """
    position, end = 0, len(message)
    while position < end:
        tag, position = _varint(message, position, end)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise WireError(f"field number {number}")
        value: int | memoryview
        if kind == BYTES:
            length, position = _varint(message, position, end)
            if length > end - position:
                raise WireError("a field is longer than the message around it")
            value = message[position : position + length]
            position += length
        elif kind == VARINT:
            value, position = _varint(message, position, end)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
            if length > end - position:
                raise WireError("a number is cut off")
            value = int.from_bytes(message[position : position + length], "little")
            position += length
        else:
            # Groups (3, 4) are in neither schema, and parsers differ in how they skip them.
            raise WireError(f"wire type {kind}")
        yield number, value


def messages(message: memoryview, *wanted: int) -> Iterator[tuple[int, memoryview]]:
    """The fields of bytes whose number is `wanted`."""
    for number, value in fields(message):
        if number in wanted and isinstance(value, memoryview):
            yield number, value


def varints(packed: memoryview) -> list[int]:
    """Packed numbers. Raises WireError."""
    values, position = [], 0
    while position < len(packed):
        value, position = _varint(packed, position, len(packed))
        values.append(value)
    return values


def text(value: memoryview) -> str:
    """A string, cut off at MAX_TEXT bytes, with a mark for what is no UTF-8."""
    return bytes(value[:MAX_TEXT]).decode("utf-8", "replace")


def _varint(message: memoryview, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while position < end:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise WireError("a number of more than 64 bits")
    raise WireError("a number is cut off")

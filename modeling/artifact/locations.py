"""Where an ONNX graph reads its tensors from, found without the onnx package."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

# Where a tensor can hide in an ONNX file: message -> {field number: message inside}. From onnx.proto3.
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}


MOST_FIELDS = 2_000_000  # a large network has some ten thousand
MOST_BYTES = 16_384  # of one entry of a tensor's external data


def external_locations(content: bytes | memoryview) -> Iterator[str]:
    """File names in the external data of an ONNX model, read without the onnx package.

    ValueError when malformed, and when there is more to look at than any network has.
    """
    return _locations(memoryview(content), "model", count())


def _locations(content: memoryview, message: str, seen: Iterator[int]) -> Iterator[str]:
    for number, value in _fields(content, seen):
        inside = _MESSAGES[message].get(number)
        if inside == "entry":
            if len(value) > MOST_BYTES:
                raise ValueError("an entry about external data is too long")
            entry = {key: bytes(text).decode() for key, text in _fields(value, seen)}
            if entry.get(1) == "location":
                yield entry.get(2, "")
        elif inside:
            yield from _locations(value, inside, seen)


def _fields(content: memoryview, seen: Iterator[int]) -> Iterator[tuple[int, memoryview]]:
    """The length-delimited fields of a protobuf message as (number, content). Every field is counted with `seen`."""
    position = 0
    while position < len(content):
        if next(seen) >= MOST_FIELDS:
            raise ValueError("it has more fields than a network can have")
        tag, position = _varint(content, position)
        if tag >> 32:  # protobuf would drop the upper bits, and see a field where this reader sees none
            raise ValueError(f"a field number before byte {position} is too large")
        if tag & 7 == 2:
            length, position = _varint(content, position)
            if position + length > len(content):
                raise ValueError("a field is longer than the file")
            yield tag >> 3, content[position : position + length]
            position += length
        elif tag & 7 == 0:
            _, position = _varint(content, position)
        elif tag & 7 in (1, 5):
            position += 8 if tag & 7 == 1 else 4
        else:
            raise ValueError(f"wire type {tag & 7} at byte {position}")


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[position]
        value, shift, position = value | (byte & 127) << shift, shift + 7, position + 1
        if byte < 128:
            return value, position
        if shift > 63:
            raise ValueError(f"a number at byte {position} is too long")

"""A JSON file of any size, one item of its list at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from modeling.datasets.encoding import WRONG
from modeling.datasets.textfile import TextFile
from modeling.errors import DataError
from modeling.text.normalisation import without_surrogates

MOST_CHARACTERS = 8 * 1024**2
"""Of one item, which is parsed as a whole."""
MOST_VALUES = 400_000
"""In one item: twenty times as much memory as characters can go into them."""
_CHUNK = 1024**2
_MOST_KEYS = 10_000  # of the object around the list
_NEAR_END = 16  # characters in which an escape or a word can be cut off
_DECODER = json.JSONDecoder()
_NOT_BLANK = re.compile(r"[^ \t\n\r]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def items_of(file: TextFile) -> Iterator[tuple[str, Any]]:
    """(key, item) of the one list in the file: it is the file (key ""), or the value of a key of an object.

    An object without a list is itself the only item. Raises DataError with the line.
    """
    scanner = _Scanner(file)
    if scanner.next() == "[":
        yield from (("", item) for item in scanner.items())
    elif scanner.next() == "{":
        yield from _items_of_object(scanner)
    else:
        scanner.value()
        raise _no_list()
    if scanner.next():
        raise DataError(f"the JSON goes on behind its end: line {scanner.line}", remedy="Mend it or export again")


def _items_of_object(scanner: _Scanner) -> Iterator[tuple[str, Any]]:
    rest: dict[str, Any] = {}
    lists = 0
    for key in scanner.keys():  # noqa: SIM118
        if scanner.next() == "[":
            lists += 1
            if lists > 1:
                raise _no_list()
            yield from ((key, item) for item in scanner.items())
        elif len(rest) < _MOST_KEYS:
            rest[key] = scanner.value()
        else:
            raise _no_list()
    if not lists:
        yield "", rest


def _no_list() -> DataError:
    return DataError("the JSON is not a list of objects", allowed="A list of objects, JSONL, or SQuAD's layout")


def loads(text: str) -> Any:
    """The value of a JSON text, without half characters. Raises ValueError, RecursionError."""
    value = json.loads(text)
    return _whole(value) if _SURROGATE.search(text) else value


def has_too_many_values(text: str) -> bool:
    """Whether parsing it would take much more memory than text does."""
    return len(text) > _CHUNK and text.count(",") > MOST_VALUES


def _whole(value: Any) -> Any:
    """Escapes such as a lone \\ud800 make half characters that no file and no tokenizer can hold."""
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): _whole(item) for key, item in value.items()}
    return value


class _Scanner:
    """Reads the file as far as the next value needs it."""

    def __init__(self, file: TextFile) -> None:
        self._file, self._text, self._at, self._ended, self.line = file, "", 0, False, 1

    def next(self) -> str:
        """The next character that is not blank; "" at the end."""
        while not (found := _NOT_BLANK.search(self._text, self._at)):
            self._at = len(self._text)
            if self._ended:
                return ""
            self._more()
        self._at = found.start()
        return found[0]

    def items(self) -> Iterator[Any]:
        yield from (self.value() for _ in self._places("[", "]"))

    def keys(self) -> Iterator[str]:
        """The keys of an object; whoever takes one has to read its value before the next."""
        for _ in self._places("{", "}"):
            key = self.value()
            self._skip(":")
            yield str(key)

    def _places(self, start: str, end: str) -> Iterator[None]:
        self._skip(start)
        if self.next() != end:
            yield
            while self.next() == ",":
                self._at += 1
                yield
        self._skip(end)

    def _skip(self, mark: str) -> None:
        if self.next() != mark:
            raise self._broken(f"Expecting {mark!r}", self._at)
        self._at += 1

    def value(self) -> Any:
        self.next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended:
                    break
            except RecursionError:
                raise DataError("the JSON is nested too deeply") from None
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith("Unterminated") or error.pos > len(self._text) - _NEAR_END
                if self._ended or not cut_off:
                    raise self._broken(error.msg, error.pos) from None
            except ValueError as error:  # a number of more digits than Python converts
                raise DataError(f"the JSON cannot be read: {error}") from None
            self._more()
        piece = self._text[self._at : end]
        self._at = end
        return _whole(value) if _SURROGATE.search(piece) else value

    def _more(self) -> None:
        """Drop what is read, and read as much again as is left."""
        self.line += self._text.count("\n", 0, self._at)
        left = self._text[self._at :]
        if has_too_many_values(left):
            raise DataError(f"an item of the JSON has more than {MOST_VALUES:,} values: line {self.line}",
                            remedy="Leave out what is no text")
        if len(left) > MOST_CHARACTERS:
            raise DataError(f"an item of the JSON has more than {MOST_CHARACTERS:,} characters: line {self.line}",
                            remedy="Export it as JSONL, one object a line")
        added = self._file.read(max(_CHUNK, len(left)))
        self._text, self._at, self._ended = left + added, 0, not added
        if WRONG in added:
            line = self.line + self._text.count("\n", 0, self._text.index(WRONG))
            raise DataError(f"line {line} has bytes that are no text in the file's encoding: {self._file.encoding}",
                            remedy="Mend the line")

    def _broken(self, message: str, position: int) -> DataError:
        line = self.line + self._text.count("\n", 0, position)
        return DataError(f"line {line} is no JSON: {message}", remedy="Mend the line or export again")

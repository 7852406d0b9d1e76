"""TextFile: a file of text as a stream of lines, of which none is longer than the memory allows."""

from __future__ import annotations

import codecs
import io
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from modeling.datasets.dataset import Problem
from modeling.datasets.encoding import MARKING, WRONG, detect
from modeling.errors import DataError

LONGEST_LINE = 8 * 1024**2
"""Characters."""
_PREFIX = 1024**2  # bytes that decide on the encoding
_HEAD = 8 * 1024**2  # characters that are read ahead at most


class BadLineError(Exception):
    """A line that holds no usable text."""


class TextFile:
    """Iterating gives the lines with their ends (LF, CR or both); `line` is the number of the last one.

    A line that is no text raises BadLineError and iterating can go on. Raises DataError on opening: empty, binary, in
    an unknown encoding.
    """

    def __init__(self, path: Path) -> None:
        self.name, self.size, self.line = path.name, os.path.getsize(path), 0
        self._bytes = path.open("rb")
        try:
            prefix = self._bytes.read(_PREFIX)
            self.encoding = detect(prefix, self.name, size=self.size)
            self.start = codecs.getincrementaldecoder(self.encoding)(MARKING).decode(prefix).removeprefix("\ufeff")
            if self.size <= _PREFIX and not self.start.strip():
                raise DataError(f"{self.name} is empty", allowed="A data file has at least one row",
                                remedy="Choose another file")
        except BaseException:
            self.close()
            raise
        self._bytes.seek(0)
        self._text = io.TextIOWrapper(self._bytes, self.encoding, errors=MARKING, newline="")
        self._head: deque[str] = deque()

    def close(self) -> None:
        self._bytes.close()

    def position(self) -> int:
        """Bytes read so far."""
        return self._bytes.tell() if not self._bytes.closed else self.size

    def peek(self, count: int) -> list[str]:
        """The next `count` lines, fewer at the end or when they are long; iterating gives them again."""
        size = sum(map(len, self._head))
        while len(self._head) < count and size < _HEAD and (line := self._text.readline(LONGEST_LINE)):
            self._head.append(line)
            size += len(line)
        return list(self._head)

    def __iter__(self) -> TextFile:
        return self

    def __next__(self) -> str:
        line = self._head.popleft() if self._head else self._text.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.line += 1
        if len(line) >= LONGEST_LINE:
            self._skip_rest(line)
        elif WRONG in line:
            raise BadLineError(f"there are bytes that are no text in the file's encoding: {self.encoding}")
        elif "\0" in line:
            raise BadLineError("there is a zero byte, as binary files have")
        return line

    def _skip_rest(self, line: str) -> None:
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(LONGEST_LINE)
        raise BadLineError(f"the line is longer than {LONGEST_LINE:,} characters")

    def lines(self) -> Iterator[tuple[int, str] | Problem]:
        """(number, line without its end); bad lines are Problems."""
        while True:
            try:
                line = next(self)
            except StopIteration:
                return
            except BadLineError as error:
                yield Problem(self.line, None, str(error))
                continue
            yield self.line, line.rstrip("\r\n")

    def read(self, count: int) -> str:
        """The next characters, wrong bytes as WRONG; not to be mixed with lines."""
        return self._text.read(count)

"""Vectors in the formats of the authors' programs: word2vec's text and binary, GloVe's text."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from modeling.embeddings.vectors import Vectors
from modeling.errors import DataError

Format = Literal["word2vec", "word2vec-binary", "glove"]

FORMATS: dict[str, str] = {"word2vec": ".txt", "word2vec-binary": ".bin", "glove": ".glove.txt"}
"""Format -> the suffix of its files."""

MOST_DIMENSIONS = 4096
MOST_WORDS = 5_000_000
"""All words are in memory wherever vectors are used, however few numbers each has."""
_LONGEST_WORD = 1000  # bytes
_PIECE = 256  # words that are written at once
_ALLOWED = "word2vec's text and binary and GloVe's text can be read"


def read_vectors(path: str | os.PathLike[str], *, format: Format | None = None, most: int | None = None) -> Vectors:
    """The vectors of a file, the first `most` of them; what format it has is seen where none is given.

    Of a word that comes twice the first counts; `facts` say how many were left out. Raises DataError with the line.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            kind = format or _format(file, path.name)
            file.seek(0)
            reader = _Reader(file, path.name, os.fstat(file.fileno()).st_size, most)
            words, matrix, left_out = {"word2vec": reader.text, "word2vec-binary": reader.binary,
                                       "glove": reader.glove}[kind]()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror or error}", remedy="Check the path") from None
    return Vectors(words, matrix, facts={"format": kind, "left_out": left_out})


def write_vectors(vectors: Vectors, path: str | os.PathLike[str], format: Format) -> None:
    """Write all vectors; the file appears when it is whole. Raises DataError for a word that the format cannot hold."""
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(encoded(vectors, format))
        part.replace(path)
    except OSError as error:
        raise DataError(f"{path.name} cannot be written: {error.strerror or error}", remedy="Check the path") from None
    finally:
        part.unlink(missing_ok=True)


def encoded(vectors: Vectors, format: Format) -> Iterator[bytes]:
    """The bytes of such a file, in pieces. Raises DataError, before the first one, as `write_vectors` does."""
    for word in vectors.words:
        if not word or word.split() != [word]:
            raise DataError(f"the word {word[:60]!r} has white space in it",
                            allowed=f"Words of the format {format} have none")
    encode: Callable[[np.ndarray], bytes] = _binary if format == "word2vec-binary" else _text
    head = b"" if format == "glove" else f"{len(vectors)} {vectors.dimensions}\n".encode()
    return _pieces(vectors, encode, head)


def _pieces(vectors: Vectors, encode: Callable[[np.ndarray], bytes], head: bytes) -> Iterator[bytes]:
    yield head
    for start in range(0, len(vectors), _PIECE):
        rows = zip(vectors.words[start : start + _PIECE], vectors.matrix[start : start + _PIECE], strict=True)
        yield b"".join(word.encode() + b" " + encode(row) + b"\n" for word, row in rows)


def _text(row: np.ndarray) -> bytes:
    return " ".join(f"{value:.7g}" for value in row.tolist()).encode()


def _binary(row: np.ndarray) -> bytes:
    return np.asarray(row, "<f4").tobytes()


def _format(file: BinaryIO, name: str) -> Format:
    """By the first line, and by whether what follows are numbers in letters."""
    first = file.readline(_LONGEST_WORD + 32 * MOST_DIMENSIONS).split()
    if len(first) != 2:
        if len(first) < 3 or not all(map(_is_number, first[-2:])):
            raise DataError(f"line 1 of {name} is neither a heading nor a word with its numbers", allowed=_ALLOWED)
        return "glove"
    second = file.readline(_LONGEST_WORD + 32 * MOST_DIMENSIONS)
    values = second.split()[-2:]
    return "word2vec" if len(values) == 2 and all(map(_is_number, values)) else "word2vec-binary"


def _is_number(text: bytes) -> bool:
    try:
        float(text)
        return True
    except ValueError:
        return False


class _Reader:
    """Reads an open file; what it has to hold is known or bounded before memory is taken."""

    def __init__(self, file: BinaryIO, name: str, size: int, most: int | None) -> None:
        self._file, self._name, self._size, self._most = file, name, size, most
        self._line = 0

    def text(self) -> tuple[list[str], np.ndarray, int]:
        count, dimensions = self._heading(2)
        return self._collect(self._rows(dimensions, count), count, dimensions)

    def glove(self) -> tuple[list[str], np.ndarray, int]:
        dimensions = len(self._file.readline().split()) - 1
        self._check_dimensions(dimensions)
        self._file.seek(0)
        count = sum(block.count(b"\n") for block in iter(lambda: self._file.read(1 << 20), b"")) + 1
        self._file.seek(0)
        return self._collect(self._rows(dimensions, None), count, dimensions)

    def binary(self) -> tuple[list[str], np.ndarray, int]:
        count, dimensions = self._heading(4)
        return self._collect(self._binary_rows(dimensions, count), count, dimensions)

    def _heading(self, bytes_a_number: int) -> tuple[int, int]:
        """Words and dimensions of the first line, as far as so many fit into the file."""
        self._line = 1
        try:
            count, dimensions = map(int, self._file.readline(200).split())
        except ValueError:
            raise self._error("is no heading", 'It has two numbers: "words dimensions"') from None
        self._check_dimensions(dimensions)
        if count < 1 or count * (2 + dimensions * bytes_a_number) > self._size + count:
            raise self._error(f"promises {count:,} words of {dimensions} dimensions, and the file has "
                              f"{self._size:,} bytes", "The file is whole")
        return count, dimensions

    def _check_dimensions(self, dimensions: int) -> None:
        if not 1 <= dimensions <= MOST_DIMENSIONS:
            self._line = 1
            raise self._error(f"has {dimensions:,} dimensions", f"There are 1 to {MOST_DIMENSIONS:,}")

    def _collect(self, rows: Iterator[tuple[bytes, np.ndarray]], count: int, dimensions: int,
                 ) -> tuple[list[str], np.ndarray, int]:
        wanted = min(count, self._most or count)
        if wanted > MOST_WORDS:
            raise DataError(f"{self._name} may have {wanted:,} words", allowed=f"Up to {MOST_WORDS:,} can be read")
        matrix, places, left_out = np.empty((wanted, dimensions), np.float32), dict[str, int](), 0
        for raw, numbers in rows:
            word = raw.decode("utf-8", errors="replace")
            if word in places:
                left_out += 1
                continue
            if not np.isfinite(numbers).all():
                raise self._error(f"has a number that is not finite ({word[:60]!r})", "All are finite")
            matrix[len(places)] = numbers
            places[word] = len(places)
            if len(places) == wanted:
                break
        if not places:
            raise self._error("is the end", "There is at least one word")
        return list(places), matrix[: len(places)], left_out

    def _rows(self, dimensions: int, count: int | None) -> Iterator[tuple[bytes, np.ndarray]]:
        """Words with their numbers, a line each. A word of GloVe's can have spaces in it."""
        longest, found = _LONGEST_WORD + 64 * dimensions, 0
        while found != count and (line := self._file.readline(longest)):
            self._line += 1
            parts = line.rstrip(b" \r\n").rsplit(b" ", dimensions)
            if not line.strip():
                continue
            if len(parts) != dimensions + 1 or not line.endswith(b"\n") and len(line) >= longest:
                raise self._error(f"has {len(parts) - 1} numbers", f"Each word has {dimensions}")
            try:
                yield parts[0], np.fromiter(map(float, parts[1:]), np.float32, dimensions)
            except ValueError:
                raise self._error("has something that is no number", f"Each word has {dimensions}") from None
            found += 1
        if count is not None and found < count:
            raise self._error(f"is the last, with word {found:,}", f"The heading promises {count:,}")

    def _binary_rows(self, dimensions: int, count: int) -> Iterator[tuple[bytes, np.ndarray]]:
        """Words with their numbers; `line` counts the words."""
        for _ in range(count):
            self._line += 1
            word = self._word()
            data = self._file.read(4 * dimensions)
            if len(data) < 4 * dimensions:
                raise self._error("is cut off", f"The heading promises {count:,} words")
            yield word, np.frombuffer(data, "<f4")

    def _word(self) -> bytes:
        letters = bytearray()
        while (letter := self._file.read(1)) != b" ":
            if not letter or len(letters) > _LONGEST_WORD:
                raise self._error("has no word at its beginning", "A word, a space, its numbers")
            if letter != b"\n" or letters:
                letters += letter
        return bytes(letters)

    def _error(self, found: str, allowed: str) -> DataError:
        return DataError(f"line {self._line:,} of {self._name} {found}", allowed=allowed)

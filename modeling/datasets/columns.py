"""Numbers of rows, one a row and too many for the memory: kept on disk, and handed out by what is equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Places = NDArray[np.int32]

_CHUNK = 1024**2  # rows read at once
_PART = 2 * 1024**2  # rows sorted at once


def hashes_of(texts: Sequence[str]) -> Hashes:
    """8 bytes of BLAKE2 each: the same in every process; among ten million texts two collide once in 300,000 sets."""
    digests = [blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), "<u8")


def mixed(first: Hashes, second: Hashes | int) -> Hashes:
    """One hash of two (the finaliser of SplitMix64)."""
    with np.errstate(over="ignore"):
        value = first * np.uint64(0x9E3779B97F4A7C15) + np.asarray(second, np.uint64)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


class Column:
    """One number for each row, in a file."""

    def __init__(self, path: Path, dtype: str = "<u8") -> None:
        self._file, self._dtype, self.count = path.open("w+b"), np.dtype(dtype), 0

    def append(self, values: NDArray[Any]) -> None:
        self._file.write(values.astype(self._dtype, copy=False).tobytes())
        self.count += len(values)

    def chunks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """(place of the first row, values), in the order of the rows."""
        self._file.flush()
        for start in range(0, self.count, _CHUNK):
            self._file.seek(start * self._dtype.itemsize)
            yield start, np.frombuffer(self._file.read(_CHUNK * self._dtype.itemsize), self._dtype)

    def whole(self) -> NDArray[Any]:
        return np.concatenate([values for _, values in self.chunks()] or [np.zeros(0, self._dtype)])

    def close(self) -> None:
        self._file.close()


def equal_rows(column: Column, *others: Column, leave_out: NDArray[np.bool_] | None = None,
               ) -> Iterator[tuple[NDArray[np.intp], Places, list[NDArray[Any]]]]:
    """(starts, places, values of `others`) in parts: rows of the same hash lie together, in their order.

    `starts` are the indexes in `places` at which a new hash begins. Memory: some 30 bytes for two million rows.
    """
    parts = -(-column.count // _PART)
    for part in range(parts):
        hashes, places, values = _part_of(column, others, part, parts, leave_out)
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])) if len(hashes) else order
        yield starts, places[order], [value[order] for value in values]


def _part_of(column: Column, others: Sequence[Column], part: int, parts: int, leave_out: NDArray[np.bool_] | None,
             ) -> tuple[Hashes, Places, list[NDArray[Any]]]:
    found: list[list[NDArray[Any]]] = [[] for _ in range(2 + len(others))]
    for (start, hashes), *rest in zip(column.chunks(), *(other.chunks() for other in others), strict=True):
        wanted = hashes % np.uint64(parts) == part
        if leave_out is not None:
            wanted &= ~leave_out[start : start + len(hashes)]
        chosen = np.flatnonzero(wanted)
        found[0].append(hashes[chosen])
        found[1].append((chosen + start).astype(np.int32))
        for kept, (_, values) in zip(found[2:], rest, strict=True):
            kept.append(values[chosen])
    hashes, places, *values = [np.concatenate(pieces) for pieces in found]
    return hashes, places, values


def run_lengths(starts: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """How many rows each run of equal ones has."""
    return np.diff(np.concatenate([starts, [count]]))

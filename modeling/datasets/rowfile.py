"""Rows on disk, read one at a time: as many as one likes, in no memory to speak of."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from modeling.datasets.dataset import Row


class RowFile(Sequence[Row]):
    """The rows of a file of JSON lines by their places, which lie in a file beside it."""

    def __init__(self, path: Path) -> None:
        self.path, self._places = path, np.memmap(places_of(path), "<i8", "r")
        self._file = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    @classmethod
    def write(cls, path: Path, rows: Iterable[Row]) -> RowFile:
        """The file is there with all rows or not at all; who reads an earlier one there goes on reading that one."""
        wanted = (path, places_of(path))
        drafts = [one.with_name(f"{one.name}.{os.getpid()}.new") for one in wanted]
        try:
            with drafts[0].open("wb") as file, drafts[1].open("wb") as places:
                end = 0
                places.write(end.to_bytes(8, "little"))
                for row in rows:
                    end += file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
                    places.write(end.to_bytes(8, "little"))
            for draft, one in zip(drafts, wanted, strict=True):
                draft.rename(one)
        finally:
            for draft in drafts:
                draft.unlink(missing_ok=True)
        return cls(path)

    def __len__(self) -> int:
        return len(self._places) - 1

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        start, end = (int(self._places[i]) for i in self._around(place))
        row: Row = json.loads(os.pread(self._file, end - start, start))
        return row

    def _around(self, place: int) -> tuple[int, int]:
        place += len(self) if place < 0 else 0
        if not 0 <= place < len(self):
            raise IndexError(place)
        return place, place + 1

    def __iter__(self) -> Iterator[Row]:
        with self.path.open("rb") as file:
            yield from map(json.loads, file)


def places_of(path: Path) -> Path:
    """Where each row begins, and the last one ends: 8 bytes each."""
    return path.with_suffix(".places")

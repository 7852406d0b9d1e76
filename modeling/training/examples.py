"""The examples of a training: in memory where the rows are, and else encoded once into a file of numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modeling.configs import characters_of
from modeling.datasets import RowFile
from modeling.training.objectives import Objective, Rows

MOST_ROWS, MOST_CHARACTERS = 4000, 2**18
"""Rows that are encoded at once, and their characters."""


def training_examples(
    objective: Objective, rows: Rows, folder: Path
) -> tuple[Sequence[Any], Sequence[int] | np.ndarray]:
    """The examples, and the cost of each; those of rows on disk lie on disk too, in `folder`, and are kept there."""
    if not isinstance(rows, RowFile) or objective.whole:
        examples = objective.examples(rows, training=True)
        return examples, [objective.cost(example) for example in examples]
    if not (folder / "examples.costs").exists():
        _write(objective, rows, folder)
    stored = StoredExamples(objective, folder)
    return stored, np.memmap(folder / "examples.costs", "<i4", "r") if len(stored) else ()


def _write(objective: Objective, rows: Rows, folder: Path) -> None:
    end = 0
    draft = folder / "examples.costs.new"
    with ((folder / "examples.numbers").open("wb") as numbers, (folder / "examples.places").open("wb") as places,
          draft.open("wb") as costs):  # fmt: skip
        places.write(end.to_bytes(8, "little"))
        for part in parts_of(rows):
            for example in objective.examples(part, training=True):
                end += numbers.write(np.array(objective.pack(example), "<i4").tobytes())
                places.write(end.to_bytes(8, "little"))
                costs.write(objective.cost(example).to_bytes(4, "little"))
    draft.rename(folder / "examples.costs")


def parts_of(rows: Rows) -> Iterator[list[Any]]:
    """The rows in lists that the memory holds with ease."""
    part: list[Any] = []
    characters = 0
    for row in rows:
        part.append(row)
        characters += characters_of(row)
        if len(part) == MOST_ROWS or characters > MOST_CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part


class StoredExamples(Sequence[Any]):
    """Examples in a file, read when they are asked for."""

    def __init__(self, objective: Objective, folder: Path) -> None:
        self._unpack, self._places = objective.unpack, np.memmap(folder / "examples.places", "<i8", "r")
        self._file = os.open(folder / "examples.numbers", os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def __len__(self) -> int:
        return len(self._places) - 1

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not 0 <= place < len(self):
            raise IndexError(place)
        start, end = int(self._places[place]), int(self._places[place + 1])
        return self._unpack(np.frombuffer(os.pread(self._file, end - start, start), "<i4").tolist())

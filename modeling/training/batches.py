"""Batches of like length: the same seed and epoch give the same batches in the same order."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

POOL = 100
"""Batches' worth of examples that are sorted by length together: little padding, and still a shuffled order."""


def epoch_batches(costs: Sequence[int] | np.ndarray, *, batch_tokens: int, seed: int, epoch: int) -> list[array[int]]:
    """Indices of the examples of each batch; a batch's longest cost times its size stays within `batch_tokens`."""
    generator = np.random.default_rng((seed, epoch))
    lengths = np.asarray(costs)
    order = generator.permutation(len(lengths))
    pool = max(1, round(POOL * batch_tokens / max(1.0, float(lengths.mean()))))
    batches: list[array[int]] = []  # four bytes an example, not forty
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        cut_part = cut(part[np.argsort(lengths[part], kind="stable")], lengths, batch_tokens)
        batches += [array("i", batch) for batch in cut_part]
    return [batches[i] for i in generator.permutation(len(batches))]


class Batches(list[list[int]]):
    """Batches that tell the watcher, where there is one, which share of them is done."""

    def __iter__(self) -> Iterator[list[int]]:
        for place, batch in enumerate(super().__iter__()):
            watcher(place / len(self))
            yield batch


watcher: Callable[[float], None] = lambda share: None  # noqa: E731


@contextmanager
def watched(by: Callable[[float], None]) -> Iterator[None]:
    """In this block whatever goes through its batches tells how far it is."""
    global watcher
    before, watcher = watcher, by
    try:
        yield
    finally:
        watcher = before


def cut(order: Sequence[int] | np.ndarray, lengths: np.ndarray, batch_tokens: int) -> Batches:
    """Cut indices in the given order into batches."""
    batches: list[list[int]] = [[]]
    longest = 0
    for index in order:
        longest = max(longest, int(lengths[index]))
        if batches[-1] and longest * (len(batches[-1]) + 1) > batch_tokens:
            batches.append([])
            longest = int(lengths[index])
        batches[-1].append(int(index))
    return Batches(batch for batch in batches if batch)


def by_length(costs: Sequence[int], batch_tokens: int = 8192) -> Batches:
    """Batches of like length, for an evaluation."""
    lengths = np.array(costs, np.int64)
    return cut(np.argsort(lengths, kind="stable"), lengths, batch_tokens)


def filled(costs: Sequence[int] | np.ndarray, *, batch_tokens: int, seed: int, epoch: int) -> list[array[int]]:
    """Batches in any order of lengths whose costs together stay within `batch_tokens`: for rows of several texts."""
    lengths, batches, total = np.asarray(costs), [array("i")], 0
    for index in np.random.default_rng((seed, epoch)).permutation(len(lengths)).tolist():
        total += int(lengths[index])
        if batches[-1] and total > batch_tokens:
            batches.append(array("i"))
            total = int(lengths[index])
        batches[-1].append(index)
    return batches


def packed(rows: Sequence[Sequence[int]], length: int) -> tuple[Tensor, Tensor]:
    """Rows of ids one behind the other in as few rows of `length` as first-fit decreasing finds: ids and the number of
    each id's row (from 1; 0 is padding), both (B, length)."""
    bins: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(rows)), key=lambda i: -len(rows[i])):
        place = next((i for i, free in enumerate(room) if free >= len(rows[index])), len(bins))
        if place == len(bins):
            bins.append([])
            room.append(length)
        bins[place].append(index)
        room[place] -= len(rows[index])
    ids = np.zeros((2, len(bins), length), np.int64)
    for place, chosen in enumerate(bins):
        start = 0
        for index in chosen:
            end = start + len(rows[index])
            ids[0, place, start:end] = rows[index]
            ids[1, place, start:end] = index + 1
            start = end
    found = torch.as_tensor(ids)
    return found[0], found[1]


def pad(rows: Sequence[Sequence[int]], *, value: int = 0) -> tuple[Tensor, Tensor]:
    """Rows of ids as (B, longest), padded at the right, and their lengths (B)."""
    lengths = [len(row) for row in rows]
    padded = np.full((len(rows), max(lengths)), value, np.int64)
    for index, row in enumerate(rows):
        padded[index, : len(row)] = row
    return torch.as_tensor(padded), torch.tensor(lengths)

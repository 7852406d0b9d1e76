"""Nested lists and tuples of whole numbers as one list of numbers, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

NUMBER, NUMBERS, LIST, TUPLE, NOTHING, ARRAY = range(6)


def flattened(value: Any) -> list[int]:
    """Each value begins with its kind, and what holds several with how many. Raises TypeError for another kind."""
    if value is None:
        return [NOTHING]
    if isinstance(value, int | np.integer):
        return [NUMBER, int(value)]
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind == "i":
        return [ARRAY, len(value), *value.tolist()]
    if isinstance(value, list) and all(type(item) is int for item in value):
        return [NUMBERS, len(value), *value]
    if isinstance(value, list | tuple):
        kind = LIST if isinstance(value, list) else TUPLE
        return [kind, len(value), *(number for item in value for number in flattened(item))]
    raise TypeError(f"{type(value).__name__} is no number, list or tuple")


def restored(numbers: list[int]) -> Any:
    """What `flattened` was given."""
    return _restored(numbers, 0)[0]


def _restored(numbers: list[int], at: int) -> tuple[Any, int]:
    """The value that begins there, and where the next one does."""
    kind = numbers[at]
    if kind == NOTHING:
        return None, at + 1
    count, at = numbers[at + 1], at + 2
    if kind == NUMBER:
        return count, at
    if kind in (NUMBERS, ARRAY):
        part = numbers[at : at + count]
        return np.array(part, np.int32) if kind == ARRAY else part, at + count
    items = []
    for _ in range(count):
        item, at = _restored(numbers, at)
        items.append(item)
    return items if kind == LIST else tuple(items), at

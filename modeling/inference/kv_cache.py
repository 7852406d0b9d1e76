"""What a model remembers of each sequence: keys and values [rows, heads, capacity, head size], or a state of fixed size
[rows, ...] as recurrent networks have, one buffer each, changed in place.

A row is a slot. Graphs read and write rows by address, so a run of rows needs no copy; only a row that moves does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

KEYS = 4  # axes of a buffer of keys or values


class Buffer(Protocol):
    """Memory of shape [rows, ...] on the device that the graph runs on: four axes for keys or values, else a state."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def address(self) -> int: ...

    def write_row(self, row: int, values: NDArray[Any]) -> None:
        """Set the first tokens of a row; `values` [heads, tokens, head size] are in main memory. A state whole."""
        ...

    def copy_rows(self, targets: Sequence[int], sources: Sequence[int], tokens: slice) -> None:
        """Set rows `targets` to what rows `sources` held before, for some places of the capacity. A state whole."""
        ...


View = tuple[int, np.dtype[np.generic], tuple[int, ...]]  # address, type, shape
Allocate = Callable[[tuple[int, ...], DTypeLike], Buffer]


class HostBuffer:
    """A Buffer in main memory. Pages that no row has touched cost nothing."""

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        self.array: NDArray[np.generic] = np.zeros(shape, dtype)
        self.shape, self.dtype = shape, self.array.dtype

    @property
    def address(self) -> int:
        return self.array.ctypes.data

    def write_row(self, row: int, values: NDArray[Any]) -> None:
        if self.array.ndim == KEYS:
            self.array[row, :, : values.shape[1]] = values
        else:
            self.array[row] = values

    def copy_rows(self, targets: Sequence[int], sources: Sequence[int], tokens: slice) -> None:
        if self.array.ndim == KEYS:
            self.array[list(targets), :, tokens] = self.array[list(sources), :, tokens]
        else:
            self.array[list(targets)] = self.array[list(sources)]


class KVCache:
    """The buffers of all layers, by the names that graphs give them, such as `k0`, without `past_` before it."""

    def __init__(
        self, *, rows: int, capacity: int, shapes: Mapping[str, Sequence[int | str]], dtypes: Mapping[str, DTypeLike],
        allocate: Allocate,
    ) -> None:
        """`shapes` are those of the graph's inputs: the first axis is the rows, another one with a name the tokens."""
        self.capacity = capacity
        self.buffers = {
            name: allocate((rows, *(size if isinstance(size, int) else capacity for size in shape[1:])), dtypes[name])
            for name, shape in shapes.items()
        }

    def clear(self, row: int) -> None:
        """Forget what a state of fixed size holds of a row; keys and values are read up to the row's length only."""
        for buffer in self.buffers.values():
            if len(buffer.shape) != KEYS:
                buffer.write_row(row, np.zeros(buffer.shape[1:], buffer.dtype))

    def view(self, name: str, first: int, rows: int) -> View:
        """Address, type and shape of some rows of the buffer `k0`, `v0`, `k1` ..."""
        buffer = self.buffers[name]
        row_bytes = int(np.prod(buffer.shape[1:])) * buffer.dtype.itemsize
        return buffer.address + first * row_bytes, buffer.dtype, (rows, *buffer.shape[1:])

    def copy_rows(self, targets: Sequence[int], sources: Sequence[int], tokens: slice) -> None:
        """Set rows to what other rows held before, for some of the tokens."""
        for buffer in self.buffers.values():
            buffer.copy_rows(targets, sources, tokens)

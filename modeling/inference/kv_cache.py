"""The key-value cache: one buffer a layer for keys and one for values, [rows, heads, capacity, head size], in place.

A row is a slot. Graphs read and write rows by address, so a run of rows needs no copy; only a row that moves does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Buffer(Protocol):
    """Memory of shape [rows, ...] on the device that the graph runs on."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def address(self) -> int: ...

    def write_row(self, row: int, values: NDArray[Any]) -> None:
        """Set the first tokens of a row; `values` [heads, tokens, head size] are in main memory."""
        ...

    def copy_rows(self, targets: Sequence[int], sources: Sequence[int], tokens: slice) -> None:
        """Set rows `targets` to what rows `sources` held before, for some places of the capacity."""
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
        self.array[row, :, : values.shape[1]] = values

    def copy_rows(self, targets: Sequence[int], sources: Sequence[int], tokens: slice) -> None:
        self.array[list(targets), :, tokens] = self.array[list(sources), :, tokens]


class KVCache:
    """The cache of all layers."""

    def __init__(
        self, *, rows: int, layers: int, heads: int, capacity: int, size: int, dtype: DTypeLike, allocate: Allocate
    ) -> None:
        shape = (rows, heads, capacity, size)
        self.capacity = capacity
        self.buffers = {f"{kind}{layer}": allocate(shape, dtype) for layer in range(layers) for kind in "kv"}

    def view(self, name: str, first: int, rows: int) -> View:
        """Address, type and shape of some rows of the buffer `k0`, `v0`, `k1` ..."""
        buffer = self.buffers[name]
        row_bytes = int(np.prod(buffer.shape[1:])) * buffer.dtype.itemsize
        return buffer.address + first * row_bytes, buffer.dtype, (rows, *buffer.shape[1:])

    def copy_rows(self, targets: Sequence[int], sources: Sequence[int], tokens: slice) -> None:
        """Set rows to what other rows held before, for some of the tokens."""
        for buffer in self.buffers.values():
            buffer.copy_rows(targets, sources, tokens)

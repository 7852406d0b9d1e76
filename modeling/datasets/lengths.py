"""Lengths: how long texts are, counted in flat memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_EXACT = 8192  # characters up to which each length has its own count
_FINE = 64  # counts for each doubling above
_BINS = 24  # bars of a histogram


class Lengths:
    """Counts of lengths in characters: exact up to 8,192, to one per cent above."""

    def __init__(self) -> None:
        self._counts = np.zeros(_EXACT + 40 * _FINE, np.int64)
        self._total, self._least, self._most = 0, 2**62, 0

    def add(self, lengths: NDArray[np.int64]) -> None:
        long = _EXACT + (_FINE * np.log2(np.maximum(lengths, _EXACT) / _EXACT)).astype(np.int64)
        places = np.where(lengths < _EXACT, lengths, long)
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._total += int(lengths.sum())
        self._least, self._most = min(self._least, int(lengths.min())), max(self._most, int(lengths.max()))

    def as_json(self, role: str) -> dict[str, Any]:
        """{"role", "min", "median", "mean", "p95", "max", "histogram"}; empty when nothing was added."""
        if not (rows := int(self._counts.sum())):
            return {}
        return {"role": role, "min": self._least, "median": self._quantile(0.5), "mean": round(self._total / rows, 1),
                "p95": self._quantile(0.95), "max": self._most, "histogram": self._histogram()}

    def _quantile(self, share: float) -> int:
        place = int(np.searchsorted(np.cumsum(self._counts), share * self._counts.sum()))
        return min(self._most, max(self._least, _length_at(place)))

    def _histogram(self) -> list[dict[str, int]]:
        """Bars of equal width up to where all but the longest lie; the last one holds these too."""
        least, most = self._least, self._quantile(0.99)
        width = max(1, -(-(most + 1 - least) // _BINS))
        edges = list(range(least, most + 1, width))
        filled = np.flatnonzero(self._counts)
        bins = np.minimum((np.array([_length_at(int(place)) for place in filled]) - least) // width, len(edges) - 1)
        rows = np.bincount(np.maximum(bins, 0).astype(np.int64), self._counts[filled], len(edges)).astype(int).tolist()
        ends = [*(edge - 1 for edge in edges[1:]), self._most]
        return [{"from": start, "to": end, "rows": count} for start, end, count in zip(edges, ends, rows, strict=True)]


def _length_at(place: int) -> int:
    return place if place < _EXACT else round(_EXACT * 2 ** ((place - _EXACT) / _FINE))

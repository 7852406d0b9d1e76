"""Indexes of documents in memory: passages to read, and lists of questions with their answers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from modeling.errors import DataError, RequestError
from modeling.faq import FILE as FAQ
from modeling.faq import FaqIndex
from modeling.retrieval import PassageIndex

Index = PassageIndex | FaqIndex
KEPT = 64
"""Indexes kept in memory."""
KEPT_BYTES = 256 * 2**20
"""What those have on the disk together, at most; in memory it is a few times as much."""


class IndexCache:
    """The indexes that were used last, loaded again when their folder changed. Safe between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, tuple[int, Index, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, folder: Path) -> Index:
        """Raises RequestError when there is no index that can be read."""
        try:
            kind, file = (FaqIndex, FAQ) if (folder / FAQ).exists() else (PassageIndex, "index.json")
            version = (folder / file).stat().st_mtime_ns
            with self._lock:
                if folder in self._kept and self._kept[folder][0] == version:
                    self._kept.move_to_end(folder)
                    return self._kept[folder][1]
            index: Index = kind.load(folder)
            size = sum(one.stat().st_size for one in folder.iterdir())
        except (OSError, DataError) as error:
            raise RequestError(f"The documents in {folder.name} cannot be read: {error}",
                               remedy="Add the document again") from error
        with self._lock:
            self._kept.pop(folder, None)
            self._kept[folder] = (version, index, size)
            while len(self._kept) > 1 and (len(self._kept) > KEPT or self._bytes() > KEPT_BYTES):
                self._kept.popitem(last=False)
        return index

    def _bytes(self) -> int:
        return sum(size for _, _, size in self._kept.values())

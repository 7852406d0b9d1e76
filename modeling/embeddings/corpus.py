"""A text as numbers on disk: read once, its words counted, the rare ones left out."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from modeling.embeddings.words import words
from modeling.errors import DataError

OnEvent = Callable[[dict[str, Any]], None]

LINE_END = -1
_OUT = -2
MOST_DISTINCT = 8_000_000  # words that are counted at the same time; beyond it the rarest are forgotten
PIECE = 1 << 22  # numbers that are handled at once


@dataclass(frozen=True, slots=True)
class Corpus:
    """Sentences of a text, as the ids of their words."""

    words: list[str]  # the commonest first; the id is the place
    counts: np.ndarray  # int64 [V]
    file: Path  # int32 ids, LINE_END behind each line; words without an id are left out
    total: int  # words that were read, also those without an id

    @property
    def tokens(self) -> np.ndarray:
        """int32 [N], mapped from the disk."""
        return np.memmap(self.file, np.int32, "r")


def read_corpus(texts: Iterable[str], folder: Path, *, min_count: int, most_words: int, lowercase: bool = True,
                on_event: OnEvent = lambda event: None) -> Corpus:
    """Read texts, each line by itself, into `folder`/tokens.i32. Raises DataError where too few words are left."""
    folder.mkdir(parents=True, exist_ok=True)
    raw, counter, told = folder / "raw.i32", _Counter(), time.monotonic()
    with raw.open("wb") as file:
        for text in texts:
            for line in text.splitlines():
                counter.add(words(line, lowercase=lowercase), file)
            if time.monotonic() - told > 1:
                told = time.monotonic()
                on_event({"event": "reading", "words": counter.total})
        counter.flush(file)
    numbers = np.fromiter(counter.ids.values(), np.int64, len(counter.ids))
    kept, counts, places = vocabulary_of(list(counter.ids), numbers, counter.counts, min_count, most_words)
    if len(kept) < 2:
        raise DataError(f"of {counter.total:,} words fewer than two occur {min_count} times",
                        allowed="Vectors need some ten thousand words of text, better millions",
                        remedy="Give more text, or lower min_count")
    renumber(raw, folder / "tokens.i32", places)
    raw.unlink()
    on_event({"event": "vocabulary", "words": counter.total, "distinct": len(counter.ids), "kept": len(kept)})
    return Corpus(kept, counts, folder / "tokens.i32", counter.total)


class _Ids(dict[str, int]):
    """Word -> number; an unknown word gets the next one."""

    following = 0

    def __missing__(self, word: str) -> int:
        self[word] = number = self.following
        self.following += 1
        return number


class _Counter:
    """Numbers words as they come, writes the numbers and counts them."""

    def __init__(self) -> None:
        self.ids, self.total, self._rare = _Ids(), 0, 0
        self.counts = np.zeros(0, np.int64)
        self._waiting: list[int] = []

    def add(self, line: list[str], file: BinaryIO) -> None:
        if line:
            self.total += len(line)
            self._waiting += map(self.ids.__getitem__, line)
            self._waiting.append(LINE_END)
        if len(self._waiting) > PIECE // 4:
            self.flush(file)

    def flush(self, file: BinaryIO) -> None:
        numbers = np.array(self._waiting, np.int32)
        self._waiting.clear()
        numbers.tofile(file)
        found = np.bincount(numbers[numbers >= 0], minlength=self.ids.following)
        found[: len(self.counts)] += self.counts
        self.counts = found
        while len(self.ids) > MOST_DISTINCT:
            self._forget()

    def _forget(self) -> None:
        """Let the rarest words go. Their numbers stay taken: a word that comes again is a new one."""
        self._rare += 1
        for word in [word for word, number in self.ids.items() if self.counts[number] <= self._rare]:
            del self.ids[word]


def vocabulary_of(names: list[str], numbers: np.ndarray, counts: np.ndarray, min_count: int, most: int,
                  ) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, the commonest first (ties as they stand), their counts, and number -> place, for `renumber`.

    `counts` are by number, and `numbers` those of the names.
    """
    order = np.argsort(-counts[numbers], kind="stable")
    order = order[counts[numbers[order]] >= min_count][:most]
    places = np.full(len(counts) + 1, _OUT, np.int32)
    places[numbers[order]] = np.arange(len(order), dtype=np.int32)
    places[LINE_END] = LINE_END
    return [names[place] for place in order], counts[numbers[order]], places


def renumber(raw: Path, out: Path, places: np.ndarray) -> None:
    """Write the numbers of a file as places, without those that have none."""
    numbers = np.memmap(raw, np.int32, "r")
    with out.open("wb") as file:
        for start in range(0, len(numbers), PIECE):
            ids = places[numbers[start : start + PIECE]]
            ids[ids != _OUT].tofile(file)


def save_corpus(corpus: Corpus, folder: Path) -> None:
    """Words and counts beside the ids, so that a killed training need not read the text again."""
    state = {"words": corpus.words, "counts": corpus.counts.tolist(), "total": corpus.total, "file": corpus.file.name}
    part = folder / "corpus.part"
    part.write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")
    part.replace(folder / "corpus.json")


def load_corpus(folder: Path) -> Corpus | None:
    """What `save_corpus` wrote; None where it is not whole."""
    try:
        state = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
        found = Corpus(state["words"], np.array(state["counts"], np.int64), folder / state["file"], state["total"])
        return found if found.file.is_file() else None
    except (OSError, ValueError, KeyError):
        return None

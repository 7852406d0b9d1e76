"""Vectors: words with a place in a space, and what is near to what."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from modeling.errors import DataError

Rule = Literal["add", "multiply"]

_PART = 65_536  # rows that are looked at together; a table on the disk is never in memory as a whole
_EPSILON = 1e-3  # of 3CosMul (Levy & Goldberg 2014, section 6)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A word and how near it is; 1 is the same direction."""

    word: str
    similarity: float


class Vectors:
    """`words` with their `counts` (int64 [V], 0 where unknown) and `matrix` (float32 [V, D], may be mapped from disk).

    `facts` says where they come from. Raises DataError when the parts do not fit each other.
    """

    def __init__(self, words: Sequence[str], matrix: np.ndarray, *, counts: np.ndarray | None = None,
                 norms: np.ndarray | None = None, facts: Mapping[str, Any] | None = None) -> None:
        self.words, self.matrix, self.facts = list(words), matrix, dict(facts or {})
        self.counts = np.zeros(len(self.words), np.int64) if counts is None else counts
        self.index = {word: place for place, word in enumerate(self.words)}
        if matrix.ndim != 2 or not len(words) == len(matrix) == len(self.counts) == len(self.index):
            raise DataError(f"there are {len(words):,} words ({len(self.index):,} different ones) and vectors of the "
                            f"shape {matrix.shape}", allowed="Each word has one vector")
        self._norms = norms if norms is not None else self._lengths()

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return self.find(word) is not None

    def __getitem__(self, word: str) -> np.ndarray:
        """The vector of a word, float32 [D]. Raises DataError for one that is not known."""
        return np.asarray(self.matrix[self._place(word)])

    @property
    def dimensions(self) -> int:
        return int(self.matrix.shape[1])

    @property
    def norms(self) -> np.ndarray:
        """Lengths of the vectors, float32 [V], 1 where a vector is zero."""
        return self._norms

    def find(self, word: str) -> int | None:
        """The place of a word, else of its small letters; None where there is neither."""
        found = self.index.get(word)
        return found if found is not None else self.index.get(word.lower())

    def similarity(self, one: str, other: str) -> float:
        """Cosine of two words. Raises DataError."""
        return float(self._unit(one) @ self._unit(other))

    def nearest(self, word: str, count: int = 10) -> list[Neighbour]:
        """The words whose vectors have the most similar direction, the word itself left out. Raises DataError."""
        return self._best(self._cosines(self._unit(word)), {self._place(word)}, count)

    def analogy(self, a: str, b: str, c: str, count: int = 10, *, rule: Rule = "add") -> list[Neighbour]:
        """What is to `c` as `b` is to `a`: 3CosAdd (Mikolov et al. 2013c) or 3CosMul (Levy & Goldberg 2014).

        The three words are no answer. `similarity` is the rule's score. Raises DataError.
        """
        first, second, third = self._unit(a), self._unit(b), self._unit(c)
        if rule == "add":
            wanted = second - first + third
            scores = self._cosines(wanted / (np.linalg.norm(wanted) or 1.0))
        else:
            near = (self._cosines(second) + 1) * (self._cosines(third) + 1) / 4
            scores = near / ((self._cosines(first) + 1) / 2 + _EPSILON)
        return self._best(scores, {self._place(a), self._place(b), self._place(c)}, count)

    def directions(self, places: Sequence[int] | np.ndarray) -> np.ndarray:
        """Vectors of length 1, float32 [N, D]."""
        return np.asarray(self.matrix[places] / self._norms[places][:, None])

    def _unit(self, word: str) -> np.ndarray:
        return np.asarray(self.directions([self._place(word)])[0])

    def _place(self, word: str) -> int:
        found = self.find(word)
        if found is None:
            alike = difflib.get_close_matches(word.lower(), self.words[:20_000], 3)
            raise DataError(f"the vectors do not know {word[:60]!r}", allowed=f"{len(self):,} words are known",
                            remedy=f"Did you mean {', '.join(alike)}" if alike else "Try a commoner word")
        return found

    def _lengths(self) -> np.ndarray:
        found = np.empty(len(self.matrix), np.float32)
        for start in range(0, len(found), _PART):
            found[start : start + _PART] = np.linalg.norm(self.matrix[start : start + _PART], axis=1)
        found[found == 0] = 1
        return found

    def _cosines(self, unit: np.ndarray) -> np.ndarray:
        """Cosine of each word with a vector of length 1, float32 [V]."""
        return np.asarray((self.matrix @ unit) / self._norms)

    def _best(self, scores: np.ndarray, without: Collection[int], count: int) -> list[Neighbour]:
        scores[list(without)] = -np.inf
        count = max(0, min(count, len(scores) - len(without)))
        best = np.argpartition(-scores, count - 1)[:count] if count else np.empty(0, np.int64)
        return [Neighbour(self.words[place], float(scores[place])) for place in best[np.argsort(-scores[best])]]

"""FaqIndex: a list of questions with answers, and which of them is meant.

Questions are compared by the cosine of their weighted terms (TF-IDF, Salton & Buckley 1988), English and Chinese alike,
and where an embedder was passed in by that of their vectors as well. Where it says "not sure" is tuned on the list
itself, without anybody's labels: each question is taken out and asked, and only few may then get another's answer.
"""

from __future__ import annotations

import json
import math
import os
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modeling.errors import DataError
from modeling.retrieval import LONGEST_QUERY, Dense, replace_folder, terms

FILE = "faq.json"
VERSION = 1
TUNED = 400
"""Questions that the threshold is tuned on."""
WRONG = 0.15
"""Share of the list's own questions that, taken out, may get another's answer. Of a real list's a third of these were
right: people ask the same in other words, and what is unlike the list gets an answer less often."""
USUAL = 0.6
"""The threshold where there are too few questions to tune it."""
MEANING = 0.5
"""What the cosine of the vectors counts; the rest is that of the terms."""


@dataclass(frozen=True, slots=True)
class Match:
    """A question of the list that is like the one asked."""

    question: str
    answer: str
    similarity: float
    """0 to 1."""
    sure: bool
    """Whether it is alike enough to be the one that is meant."""


class FaqIndex:
    """Questions and answers; for each term, in which questions it stands with what weight."""

    def __init__(self, entries: Sequence[tuple[str, str]], dense: Dense | None = None) -> None:
        self.entries, self.dense = list(entries), dense
        self.thresholds = {False: USUAL, True: USUAL}
        """Without and with vectors."""
        self._vocabulary: dict[str, int] = {}
        ids, places, counts = array("i"), array("i"), array("f")
        for place, (question, _) in enumerate(self.entries):
            tally = Counter(terms(question))
            ids.extend(self._vocabulary.setdefault(term, len(self._vocabulary)) for term in tally)
            places.extend([place] * len(tally))
            counts.extend(tally.values())
        self._weigh(np.asarray(ids), np.asarray(places), np.asarray(counts))

    def __len__(self) -> int:
        return len(self.entries)

    @classmethod
    def build(cls, entries: Sequence[tuple[str, str]]) -> FaqIndex:
        """An index with its threshold tuned."""
        index = cls(entries)
        index.thresholds[False] = _tuned(index)
        return index

    def add_vectors(self, vectors: np.ndarray, *, embedder: str, digest: str) -> None:
        """Compare questions by their vectors [entries, D] too."""
        self.dense = Dense(vectors.astype(np.float16), embedder, digest)
        self.thresholds[True] = _tuned(self, self.dense.vectors)

    def texts(self) -> list[str]:
        """What an embedder reads of each entry."""
        return [question for question, _ in self.entries]

    def search(self, query: str, limit: int = 5, *, vector: np.ndarray | None = None) -> list[Match]:
        """The questions most like this one, best first; only such as are like it at all. `vector` [D] is the query's.
        """
        similar = self.similar(query, vector)
        best = np.argsort(-similar, kind="stable")[:limit]
        enough = self.thresholds[vector is not None and self.dense is not None]
        found = ((*self.entries[place], float(similar[place])) for place in best)
        return [Match(question, answer, similarity, similarity >= enough)
                for question, answer, similarity in found if similarity > 0]

    def similar(self, query: str, vector: np.ndarray | None = None) -> np.ndarray:
        """How much alike each entry's question is: float32 [entries], 0 to 1."""
        similar = self._lexical(Counter(terms(query)[:LONGEST_QUERY]))
        if vector is None or self.dense is None:
            return similar
        meant = np.maximum(0.0, self.dense.vectors.astype(np.float32) @ vector.astype(np.float32))
        return (1 - MEANING) * similar + MEANING * np.minimum(1.0, meant)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write it as a folder; one that is there already is replaced in one step."""
        state: dict[str, Any] = {"version": VERSION, "threshold": self.thresholds[False], "entries": self.entries}
        files: dict[str, bytes] = {}
        if self.dense is not None:
            state |= {"threshold_with_vectors": self.thresholds[True], **self.dense.state()}
            files = self.dense.files()
        replace_folder(folder, files | {FILE: json.dumps(state, ensure_ascii=False).encode()})

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> FaqIndex:
        """Read what `save` wrote. Raises DataError."""
        try:
            state = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
            if state["version"] != VERSION:
                raise ValueError(f"it is of version {state['version']}")
            entries = [(str(question), str(answer)) for question, answer in state["entries"]]
            index = cls(entries, Dense.load(Path(folder), state, len(entries)))
            index.thresholds[False] = float(state["threshold"])
            if index.dense is not None:
                index.thresholds[True] = float(state["threshold_with_vectors"])
            return index
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"the questions in {Path(folder).name} cannot be read: {error}",
                            remedy="Add the file again") from None

    def _weigh(self, ids: np.ndarray, places: np.ndarray, counts: np.ndarray) -> None:
        """One entry of each array for each (term, question) pair; the weights of a question are of length 1 together.

        In arrays, since a list that a visitor sends may have millions of pairs.
        """
        frequency = np.bincount(ids, minlength=len(self._vocabulary))  # questions that have the term
        self._rarity = np.log1p(len(self.entries) / np.maximum(frequency, 1))
        weights = (1 + np.log(counts)) * self._rarity[ids]
        norms = np.sqrt(np.bincount(places, weights**2, minlength=len(self.entries)))
        order = np.argsort(ids, kind="stable")
        self._offsets = np.concatenate([[0], np.cumsum(frequency)])
        self._places, self._weights = places[order], (weights / norms[places])[order].astype(np.float32)

    def _lexical(self, counts: Counter[str]) -> np.ndarray:
        """The cosine with each question; terms that no question has count as the rarest."""
        similar, length = np.zeros(len(self.entries), np.float32), 0.0
        for term, count in counts.items():
            index = self._vocabulary.get(term)
            rarity = math.log(1 + max(1, len(self.entries))) if index is None else float(self._rarity[index])
            weight = (1 + math.log(count)) * rarity
            length += weight**2
            if index is not None:
                start, end = self._offsets[index], self._offsets[index + 1]
                similar[self._places[start:end]] += weight * self._weights[start:end]
        return similar / (math.sqrt(length) or 1.0)


def _tuned(index: FaqIndex, vectors: np.ndarray | None = None) -> float:
    """The least similarity that at most WRONG of the questions reach with one that has another answer."""
    reached = []
    for place in range(0, len(index), max(1, len(index) // TUNED)):
        question, answer = index.entries[place]
        similar = index.similar(question, None if vectors is None else vectors[place])
        wrong = [n for n in np.argsort(-similar)[:8] if n != place and index.entries[n][1] != answer]
        reached.append(float(similar[wrong[0]]) if wrong else 0.0)
    if len(reached) < 20:
        return USUAL
    return float(min(0.9, max(0.3, np.nextafter(np.quantile(reached, 1 - WRONG, method="higher"), 2))))

"""FaqIndex: a list of questions with answers, and which of them is meant.

Questions are compared by the cosine of their weighted terms (TF-IDF, Salton & Buckley 1988), English and Chinese alike.
Where it says "not sure" is tuned on the list itself, without anybody's labels: each question is asked again with some
of its words left out, which shall find it, and compared with all the others, which shall not.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from modeling.errors import DataError
from modeling.retrieval import replace_folder, terms

FILE = "faq.json"
VERSION = 1
TUNED = 400
"""Questions that the threshold is tuned on."""
DROPPED = 0.3
"""Share of the terms that are left out for it."""
USUAL = 0.6
"""The threshold where there are too few questions to tune it."""


@dataclass(frozen=True, slots=True)
class Match:
    """A question of the list that is like the one asked."""

    question: str
    answer: str
    similarity: float
    """0 to 1."""


class FaqIndex:
    """Questions and answers; for each term, in which questions it stands with what weight."""

    def __init__(self, entries: Sequence[tuple[str, str]], threshold: float = USUAL) -> None:
        self.entries, self.threshold = list(entries), threshold
        counted = [Counter(terms(question)) for question, _ in self.entries]
        frequency = Counter(term for found in counted for term in found)
        self._rarity = {term: math.log(1 + len(counted) / count) for term, count in frequency.items()}
        self._places: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._collect([self._weighted(found) for found in counted])

    def __len__(self) -> int:
        return len(self.entries)

    @classmethod
    def build(cls, entries: Sequence[tuple[str, str]]) -> FaqIndex:
        """An index with its threshold tuned."""
        index = cls(entries)
        index.threshold = _tuned(index)
        return index

    def search(self, query: str, limit: int = 5) -> list[Match]:
        """The questions most like this one, best first; only such as share a term with it."""
        similar = self._similar(Counter(terms(query)[:512]))
        best = np.argsort(-similar, kind="stable")[:limit]
        found = ((*self.entries[place], float(similar[place])) for place in best)
        return [Match(question, answer, similarity) for question, answer, similarity in found if similarity > 0]

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write it as a folder; one that is there already is replaced in one step."""
        state = {"version": VERSION, "threshold": self.threshold, "entries": self.entries}
        replace_folder(folder, {FILE: json.dumps(state, ensure_ascii=False).encode()})

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> FaqIndex:
        """Read what `save` wrote. Raises DataError."""
        try:
            state = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
            if state["version"] != VERSION:
                raise ValueError(f"it is of version {state['version']}")
            entries = [(str(question), str(answer)) for question, answer in state["entries"]]
            return cls(entries, float(state["threshold"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"the questions in {Path(folder).name} cannot be read: {error}",
                            remedy="Add the file again") from None

    def _weighted(self, counts: Counter[str]) -> dict[str, float]:
        """Term -> weight, of length 1 together; terms that no question has count as the rarest."""
        rarest = math.log(1 + max(1, len(self.entries)))
        weights = {term: (1 + math.log(count)) * self._rarity.get(term, rarest) for term, count in counts.items()}
        norm = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
        return {term: weight / norm for term, weight in weights.items()}

    def _collect(self, rows: Sequence[dict[str, float]]) -> None:
        found: dict[str, list[tuple[int, float]]] = {}
        for place, row in enumerate(rows):
            for term, weight in row.items():
                found.setdefault(term, []).append((place, weight))
        self._places = {term: (np.array([place for place, _ in pairs], np.int32),
                               np.array([weight for _, weight in pairs], np.float32)) for term, pairs in found.items()}

    def _similar(self, counts: Counter[str]) -> np.ndarray:
        similar = np.zeros(len(self.entries), np.float32)
        for term, weight in self._weighted(counts).items():
            if term in self._places:
                places, weights = self._places[term]
                similar[places] += weight * weights
        return similar


def _tuned(index: FaqIndex) -> float:
    """The similarity that parts best what shall be found from what shall not, both counting the same."""
    step = max(1, len(index) // TUNED)
    generator, asked = np.random.default_rng(0), range(0, len(index), step)
    same, other = [], []
    for place in asked:
        question, answer = index.entries[place]
        found = terms(question)
        kept = [term for term in found if generator.random() > DROPPED]
        same.append(float(index._similar(Counter(kept))[place]) if kept else 0.0)
        similar = index._similar(Counter(found))
        wrong = [n for n in np.argsort(-similar)[:8] if n != place and index.entries[n][1] != answer]
        other.append(float(similar[wrong[0]]) if wrong else 0.0)
    if len(same) < 20:
        return USUAL
    cuts = np.unique([*same, *other])
    errors = [(np.array(same) < cut).mean() + (np.array(other) >= cut).mean() for cut in cuts]
    return float(min(0.9, max(0.3, cuts[int(np.argmin(errors))])))

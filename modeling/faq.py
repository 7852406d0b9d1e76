"""FaqIndex: a list of questions with answers, and which of them is meant.

Questions are compared by the cosine of their weighted terms (TF-IDF, Salton & Buckley 1988), English and Chinese alike.
Where it says "not sure" is tuned on the list itself, without anybody's labels: each question is asked again with some
of its words left out, which shall find it, and compared with all the others, which shall not.
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

    def _similar(self, counts: Counter[str]) -> np.ndarray:
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

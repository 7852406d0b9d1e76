"""How often a search brings up the right passage: BM25, dense vectors, both fused, on SQuAD's dev questions.

PARLEY_EMBEDDER names an artifact of the model dual. The weight of the fusion is chosen on articles of the training
file; reciprocal ranks (Cormack et al. 2009) stand beside it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modeling.inference.embedding import Embedder
from modeling.recipes.squad_reader import VALIDATION, read_squad
from modeling.retrieval import PassageIndex

DATA = Path(os.environ.get("PARLEY_DATA") or "../shared/data") / "squad"
DEPTHS = (1, 5, 10, 20)
WEIGHTS = (0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0)
RANK = 60  # of reciprocal ranks
Rows = Sequence[dict[str, Any]]


def main() -> None:
    if not (folder := os.environ.get("PARLEY_EMBEDDER")):
        raise SystemExit("PARLEY_EMBEDDER is to name an artifact of the model dual")
    embedder = Embedder.load(Path(folder), threads=1)
    train = list(read_squad(DATA / "train-v1.1.json"))
    held = set(sorted({row["title"] for row in train})[VALIDATION])
    tuning = Scores([row for row in train if row["title"] in held], embedder)
    weight = max(WEIGHTS, key=lambda w: tuning.recall(tuning.fused(w), 1))
    print(f"weight {weight}: chosen on {len(tuning.right):,} questions, {tuning.lexical.shape[1]} passages")
    print("\n".join(Scores(list(read_squad(DATA / "dev-v1.1.json")), embedder).lines(weight)))


class Scores:
    """Of each question with each passage."""

    def __init__(self, rows: Rows, embedder: Embedder) -> None:
        titles = {row["context"]: row["title"].replace("_", " ") for row in rows}
        index = PassageIndex.build([(str(n), title, text) for n, (text, title) in enumerate(titles.items())],
                                   words=10**6)
        place = {text: n for n, text in enumerate(titles)}
        questions = [row["question"] for row in rows]
        self.right = np.array([place[row["context"]] for row in rows])
        self.lexical = np.stack([index.lexical(question) for question in questions])
        started = time.monotonic()
        passages = embedder(index.texts())
        self.per_passage = (time.monotonic() - started) / len(passages)
        self.dense = embedder(questions) @ passages.T

    def fused(self, weight: float) -> np.ndarray:
        """As PassageIndex.search does."""
        return self.lexical / np.maximum(1e-9, self.lexical.max(1, keepdims=True)) + weight * np.maximum(0, self.dense)

    def reciprocal(self) -> np.ndarray:
        ranks = [np.argsort(np.argsort(-scores, axis=1, kind="stable"), axis=1)
                 for scores in (self.lexical, self.dense)]
        return 1 / (RANK + ranks[0] + 1) + 1 / (RANK + ranks[1] + 1)

    def recall(self, scores: np.ndarray, depth: int) -> float:
        """Share of the questions whose passage is among the first `depth`."""
        own = scores[np.arange(len(scores)), self.right][:, None]
        return float(((scores > own).sum(1) < depth).mean())

    def lines(self, weight: float) -> Iterator[str]:
        yield (f"{len(self.right):,} questions, {self.lexical.shape[1]:,} passages; "
               f"{1000 * self.per_passage:.0f} ms a passage")
        yield "".join(f"{title:>24}" if not n else f"{title:>8}" for n, title in enumerate(["recall at", *DEPTHS]))
        for name, scores in (("BM25", self.lexical), ("dense", self.dense), (f"fused, {weight}", self.fused(weight)),
                             ("reciprocal ranks", self.reciprocal())):
            yield f"{name:>24}" + "".join(f"{100 * self.recall(scores, depth):8.1f}" for depth in DEPTHS)

"""Texts to the sentences that say most, by the likeness of their vectors: nothing is learnt from summaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from modeling import lexrank
from modeling.configs import TrainingConfig
from modeling.embeddings import load_vectors
from modeling.metrics import rouge
from modeling.models import SentenceVectors
from modeling.text import ClassifierInputs, Tokenizer, sentences
from modeling.training.batches import cut, pad
from modeling.training.evaluation import MEASURED
from modeling.training.objectives.base import Objective, Row, Rows, Sample
from modeling.training.word_vectors import known_tokens

LENGTH = 256
"""Words of a sentence that are read."""
TEXTS = 20_000
"""In which words are counted, at most."""
SENTENCES = 20_000
"""That show what all have in common, at most."""


class Ranking(Objective):
    counted = True
    measure = "unknown"
    higher_is_better = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inputs = ClassifierInputs(length=LENGTH)

    @classmethod
    def make_tokenizer(cls, rows: Rows, size: int, training: TrainingConfig) -> Tokenizer:
        """Its words are the commonest of the vectors, not those of the rows: later texts have others."""
        words = load_vectors(training.vectors).words[:size]
        return Tokenizer.train(words, vocabulary_size=size, kind="words", preprocessing=training.preprocessing)

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Row]:
        return list(rows)

    def cost(self, example: Row) -> int:
        return len(self.tokenizer.encode(example["text"]))

    def count(self, module: nn.Module, rows: Rows) -> None:
        some = [rows[i]["text"] for i in range(0, len(rows), -(-len(rows) // TEXTS))]
        whole = [text[start:end] for text in some for start, end in sentences(text)]
        ids = self.inputs.encode(self.tokenizer, whole)
        counts = torch.from_numpy(np.bincount(np.concatenate(ids), minlength=self.tokenizer.vocabulary_size))
        vectors = load_vectors(self.training.vectors)
        places = known_tokens(self.tokenizer, self.training, vectors)
        known = {token: torch.from_numpy(vectors.matrix[place].copy()) for token, place in places.items()}
        cast(SentenceVectors, module).make(known, _batches(ids[:: -(-len(ids) // SENTENCES)]), counts)

    def loss(self, module: nn.Module, examples: Sequence[Row]) -> Tensor:
        raise NotImplementedError(type(self).__name__)

    def validate(self, module: nn.Module, examples: Sequence[Row]) -> dict[str, float]:
        """Share of the words without a vector, marks and numbers left out; ROUGE where there are summaries."""
        return {"unknown": self.unknown(examples), **self.rouge(module, examples)}

    def unknown(self, rows: Rows) -> float:
        words = [word for row in rows for word in self.tokenizer.prepared(row["text"]).split() if word.isalpha()]
        lacking = sum(self.tokenizer.token_id(word) is None for word in words)
        return lacking / max(1, len(words))

    def rouge(self, module: nn.Module, rows: Rows) -> dict[str, float]:
        """Of as many sentences as a text of its length gets; nothing where no row has a summary."""
        good = [row for row in rows if row.get("summary")][:MEASURED]
        return rouge(self.summaries(module, good), [row["summary"] for row in good]) if good else {}

    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        return [{"input": row["text"], "output": output, "expected": row.get("summary", "")}
                for row, output in zip(rows, self.summaries(module, rows), strict=True)]

    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        return {**self.rouge(module, rows), "unknown": self.unknown(rows), "rows": len(rows)}

    def summaries(self, module: nn.Module, rows: Rows) -> list[str]:
        def vectors(found: Sequence[str]) -> np.ndarray:
            with torch.no_grad():
                return np.asarray(module(*pad(self.inputs.encode(self.tokenizer, found))).numpy())

        texts = [_readable(row["text"]) for row in rows]
        return [lexrank.joined(lexrank.summarise(text, vectors=vectors), of=text) for text in texts]

    def preprocessing(self) -> dict[str, Any]:
        return self.inputs.preprocessing()


def _readable(text: str) -> str:
    """The part of a text that LexRank takes."""
    ranges = sentences(text)[: lexrank.MOST_SENTENCES]
    return text[: ranges[-1][1]]


def _batches(ids: Sequence[list[int]]) -> list[tuple[Tensor, Tensor]]:
    lengths = np.array([len(one) for one in ids])
    return [pad([ids[i] for i in batch]) for batch in cut(np.argsort(lengths, kind="stable"), lengths, 8192)]

"""Questions and the passages that answer them, to vectors that lie near each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import TrainingConfig
from modeling.errors import ConfigError
from modeling.text import ClassifierInputs, Tokenizer
from modeling.training.batches import by_length, pad
from modeling.training.objectives.base import Objective, Rows, Sample

Pair = tuple[list[int], list[int]]
SCALE = 20.0
"""Logits of a cosine of 1."""
MOST = 5000
"""Passages that a figure searches at most."""


class Pairing(Objective):
    """Each question has to find its passage among those of the batch (in-batch negatives, Karpukhin et al. 2020, 3.2).

    Two questions of a batch that share a passage are no negatives of each other.
    """

    measure = "recall_1"

    @classmethod
    def make_tokenizer(cls, rows: Rows, size: int, training: TrainingConfig) -> Tokenizer:
        raise ConfigError("the finder of passages cannot start from nothing", remedy="Name a BERT folder with --from")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        marks = (self.tokenizer.first_id, self.tokenizer.separator_id)
        first, last = (() if mark is None else (mark,) for mark in marks)
        self.inputs = ClassifierInputs(length=self.config.length, first=first, last=last)

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Pair]:
        texts = list(dict.fromkeys(row["context"] for row in rows))
        contexts = dict(zip(texts, self.inputs.encode(self.tokenizer, texts), strict=True))
        questions = self.inputs.encode(self.tokenizer, [row["question"] for row in rows])
        return [(question, contexts[row["context"]]) for question, row in zip(questions, rows, strict=True)]

    def cost(self, example: Pair) -> int:
        return sum(map(len, example))

    def loss(self, module: nn.Module, examples: Sequence[Pair]) -> Tensor:
        questions, passages = (module(*pad(side)).float() for side in zip(*examples, strict=True))
        scores = SCALE * questions @ passages.T  # (B, B)
        texts = [tuple(passage) for _, passage in examples]
        same = torch.tensor([[a == b for b in texts] for a in texts]) & ~torch.eye(len(texts), dtype=torch.bool)
        return F.cross_entropy(scores.masked_fill(same, -1e4), torch.arange(len(examples)))

    @torch.no_grad()
    def vectors(self, module: nn.Module, encoded: Sequence[list[int]]) -> Tensor:
        """(texts, D)"""
        found = torch.zeros(len(encoded), self.config.width)
        for batch in by_length([len(ids) for ids in encoded]):
            found[batch] = module(*pad([encoded[i] for i in batch])).float()
        return found

    def ranks(self, module: nn.Module, examples: Sequence[Pair]) -> Tensor:
        """How many other passages lie nearer to each question than its own."""
        known = {tuple(passage): place for place, passage in enumerate(dict.fromkeys(tuple(p) for _, p in examples))}
        passages = self.vectors(module, [list(passage) for passage in known][:MOST])
        asked = [(question, known[tuple(passage)]) for question, passage in examples
                 if known[tuple(passage)] < MOST]
        scores = self.vectors(module, [question for question, _ in asked]) @ passages.T
        right = scores.gather(1, torch.tensor([place for _, place in asked])[:, None])
        return (scores > right).sum(1)

    def validate(self, module: nn.Module, examples: Sequence[Pair]) -> dict[str, float]:
        ranks = self.ranks(module, examples)
        return {f"recall_{n}": float((ranks < n).float().mean()) for n in (1, 5)}

    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        examples = self.examples(rows, training=False)
        questions, passages = (self.vectors(module, side) for side in zip(*examples, strict=True))
        best = (questions @ passages.T).argmax(1).tolist()
        return [{"input": row["question"], "output": rows[place]["context"][:200], "expected": row["context"][:200]}
                for row, place in zip(rows, best, strict=True)]

    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        return {**self.validate(module, self.examples(rows, training=False)), "rows": len(rows)}

    def preprocessing(self) -> dict[str, Any]:
        return self.inputs.preprocessing()

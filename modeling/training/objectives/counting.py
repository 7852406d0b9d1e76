"""Texts to more text of their kind, counted in one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any, cast

import torch
from torch import nn

from modeling.models import Ngram
from modeling.training.objectives.base import Rows
from modeling.training.objectives.generation import Generation

TEXTS = 500
"""That are measured at once."""
SHOWN = 60
"""Tokens of a sample at most."""


class Counting(Generation):
    """Each text stands between `<s>` and `</s>`, however long it is."""

    counted = True

    def examples(self, rows: Rows, *, training: bool) -> Sequence[list[int]]:
        bos, eos = self.tokenizer.bos_id, self.tokenizer.eos_id
        assert bos is not None and eos is not None  # the tokenizer is our own
        return [[bos, *ids, eos] for ids in self.tokenizer.encode_batch([row["text"] for row in rows])]

    def count(self, module: nn.Module, rows: Rows) -> None:
        cast(Ngram, module).count(self.examples(rows, training=True), start=self.tokenizer.bos_id or 0)

    @torch.no_grad()
    def validate(self, module: nn.Module, examples: Sequence[list[int]]) -> dict[str, float]:
        bos, total, tokens = self.tokenizer.bos_id, 0.0, 0
        for first in range(0, len(examples), TEXTS):  # contexts end at `<s>`, so that texts can stand in a row
            ids = torch.tensor(list(chain.from_iterable(examples[first : first + TEXTS])))
            found = cast(Ngram, module).surprises(ids)[ids[1:] != bos].double()
            total, tokens = total + float(found.sum()), tokens + len(found)
        mean = total / max(1, tokens)
        return {"loss": mean, "perplexity": math.exp(min(mean, 50.0))}

    @property
    def longest(self) -> int:
        return SHOWN

    def defaults(self) -> dict[str, Any]:
        return {"temperature": 0.8, "top_p": 0.95, "top_k": 50, "max_tokens": 128}

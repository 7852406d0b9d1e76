"""Texts to more text of their kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from modeling.configs import TrainingConfig
from modeling.models import Decoder
from modeling.text import Tokenizer
from modeling.training.batches import by_length, packed, pad
from modeling.training.head import linear_cross_entropy
from modeling.training.objectives.base import Objective, Rows, Sample

Example = list[int]
PROMPT, CONTINUED = 24, 40
"""Tokens of a sample: what it begins with, and what is added."""
TEMPERATURE = 0.7


class Generation(Objective):
    """Each text stands between `<s>` and `</s>`; one longer than the context is cut into overlapping pieces."""

    measure = "loss"
    higher_is_better = False

    @classmethod
    def make_tokenizer(cls, rows: Rows, size: int, training: TrainingConfig) -> Tokenizer:
        return Tokenizer.train(
            [row["text"] for row in rows], vocabulary_size=size, kind=training.tokenizer, lowercase=training.lowercase,
            preprocessing=training.preprocessing,
        )

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Example]:
        """Pieces of at most context + 1 ids. In training the pieces of a long text overlap by half."""
        length, found = self.config.context, []
        bos, eos = self.tokenizer.bos_id, self.tokenizer.eos_id
        assert bos is not None and eos is not None  # the tokenizer is our own
        for ids in self.tokenizer.encode_batch([row["text"] for row in rows]):
            whole = [bos, *ids, eos]
            stride = max(1, length // 2) if training else length
            last = max(1, len(whole) - 1 - (length - stride))
            found += [whole[start : start + length + 1] for start in range(0, last, stride)]
        return [piece for piece in found if len(piece) > 1]

    def cost(self, example: Example) -> int:
        return len(example)

    def loss(self, module: nn.Module, examples: Sequence[Example]) -> Tensor:
        summed = self.packed if self.training.packing else self.summed
        return summed(module, examples) / self.weight(examples)

    def packed(self, module: nn.Module, examples: Sequence[Example]) -> Tensor:
        """The same with several texts in a row; the last token of one does not foretell the first of the next."""
        ids, texts = packed(examples, max(self.config.context + 1, *map(len, examples)))
        within = (texts[:, 1:] == texts[:, :-1]) & (texts[:, 1:] > 0)
        network = cast(Decoder, module)
        states = network.states(ids[:, :-1], texts[:, :-1])[within]  # (N, D)
        return linear_cross_entropy(states, network.embedding.weight, ids[:, 1:][within])

    def weight(self, examples: Sequence[Example]) -> int:
        return sum(len(ids) - 1 for ids in examples)

    def summed(self, module: nn.Module, examples: Sequence[Example]) -> Tensor:
        """Cross-entropy in nats, summed over the tokens."""
        ids, lengths = pad(examples)
        real = torch.arange(1, ids.shape[1]) < lengths[:, None]
        network = cast(Decoder, module)
        states = network.states(ids[:, :-1])[real]  # (N, D)
        return linear_cross_entropy(states, network.embedding.weight, ids[:, 1:][real])

    @torch.no_grad()
    def validate(self, module: nn.Module, examples: Sequence[Example]) -> dict[str, float]:
        total = 0.0
        for batch in by_length([len(ids) for ids in examples]):
            total += float(self.summed(module, [examples[i] for i in batch]))
        mean = total / self.weight(examples)
        return {"loss": mean, "perplexity": math.exp(min(mean, 50.0))}

    @torch.no_grad()
    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        """The first words of each text, and how the model goes on, drawn with the same luck each time."""
        found: list[Sample] = []
        for row in rows:
            whole = self.tokenizer.encode(row["text"])
            size = max(1, min(PROMPT, self.longest // 2, len(whole) // 2))
            ids, generator = [self.tokenizer.bos_id or 0, *whole[:size]], torch.Generator().manual_seed(0)
            while len(ids) < min(self.longest, 1 + size + CONTINUED):
                logits = module(torch.tensor([ids]))[0, -1].float().cpu()
                ids.append(int(torch.multinomial((logits / TEMPERATURE).softmax(-1), 1, generator=generator)))
                if ids[-1] == self.tokenizer.eos_id:
                    break
            parts = (whole[:size], ids[1 + size :], whole[size : size + CONTINUED])
            texts = (self.tokenizer.decode(part) for part in parts)
            found.append(dict(zip(("input", "output", "expected"), texts, strict=True)))
        return found

    @property
    def longest(self) -> int:
        """Tokens of a text that a sample shows at most."""
        return int(self.config.context)

    def evaluate(self, module: nn.Module, rows: Rows) -> dict[str, Any]:
        return {**self.validate(module, self.examples(rows, training=False)), "rows": len(rows)}

    def defaults(self) -> dict[str, Any]:
        return {"temperature": 0.8, "top_p": 0.95, "top_k": 50, "repetition_penalty": 1.1,
                "max_tokens": self.config.context // 2}

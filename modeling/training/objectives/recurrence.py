"""Texts to more text of their kind, by a network that carries a state from token to token."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn

from modeling.models import RecurrentLM
from modeling.models.recurrent_lm import State
from modeling.training.batches import by_length, pad
from modeling.training.head import linear_cross_entropy
from modeling.training.objectives.base import Rows
from modeling.training.objectives.generation import Generation

Piece = tuple[list[int], bool]
"""Ids, and whether they follow those of the same row of the batch before."""
LEAST_WINDOWS = 8
"""Windows that a row of continuous batches has, at least: the state of the first one knows nothing."""


class Recurrence(Generation):
    """Rows by themselves, or with `continuous` all texts as one, cut into as many streams as a batch has rows, whose
    states go on from batch to batch (truncated backpropagation through time, Mikolov et al. 2010)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.carried: State | None = None
        self.streams, self.whole = 1, self.config.continuous

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Any]:
        if not self.config.continuous:
            return [(ids, False) for ids in super().examples(rows, training=training)]
        ends = [token for token in (self.tokenizer.bos_id, self.tokenizer.eos_id) if token is not None]
        texts = self.tokenizer.encode_batch([row["text"] for row in rows])
        whole = list(chain.from_iterable([ends[0], *ids, ends[-1]] for ids in texts))
        length = self.config.context
        streams = max(1, min(self.training.batch_tokens // length, len(whole) // (LEAST_WINDOWS * length)))
        size = (len(whole) - 1) // streams
        if training:
            self.streams = streams
        return [(whole[first + start : first + min(size, start + length) + 1], start > 0)
                for first in range(0, streams * size, size) for start in range(0, size, length)]  # fmt: skip

    def ordered(self, examples: Sequence[Any]) -> list[list[int]] | None:
        """The first window of every stream, then the second of every one ..."""
        if not self.config.continuous:
            return None
        windows = len(examples) // self.streams
        return [list(range(place, len(examples), windows)) for place in range(windows)]

    def cost(self, example: Any) -> int:
        return len(example[0])

    def loss(self, module: nn.Module, examples: Sequence[Any]) -> Tensor:
        """Cross-entropy a token with the pulls on the outputs (Merity et al. 2018, 4.6)."""
        state = self.carried if examples[0][1] else None
        total, count, (outputs, dropped, state) = self.read(module, examples, state)
        if self.config.continuous:
            self.carried = [tuple(part.detach() for part in layer) for layer in state]
        loss = total / count
        if self.config.activation:
            loss = loss + self.config.activation * dropped.float().pow(2).mean()
        if self.config.slowness and outputs.shape[1] > 1:
            loss = loss + self.config.slowness * (outputs[:, 1:] - outputs[:, :-1]).float().pow(2).mean()
        return loss

    def weight(self, examples: Sequence[Any]) -> int:
        return sum(len(ids) - 1 for ids, _ in examples)

    def read(
        self, module: nn.Module, examples: Sequence[Piece], state: State | None
    ) -> tuple[Tensor, int, tuple[Tensor, Tensor, State]]:
        """Cross-entropy in nats, summed over the tokens, their number, and what the network gave. That a text begins
        is not guessed: it counts nothing."""
        ids, lengths = pad([ids for ids, _ in examples])
        targets = ids[:, 1:]
        real = (torch.arange(1, ids.shape[1]) < lengths[:, None]) & (targets != self.tokenizer.bos_id)
        network = cast(RecurrentLM, module)
        found = network.run(ids[:, :-1], state)
        total = linear_cross_entropy(found[1][real], network.embedding.weight, targets[real])
        return total, max(1, int(real.sum())), found

    @torch.no_grad()
    def validate(self, module: nn.Module, examples: Sequence[Any]) -> dict[str, float]:
        total, tokens, state = 0.0, 0, None
        for batch in self.in_order(examples):
            chosen = [examples[index] for index in batch]
            part, count, (_, _, after) = self.read(module, chosen, state if chosen[0][1] else None)
            total, tokens, state = total + float(part), tokens + count, after
        mean = total / max(1, tokens)
        return {"loss": mean, "perplexity": math.exp(min(mean, 50.0))}

    def in_order(self, examples: Sequence[Piece]) -> list[list[int]]:
        """Batches for an evaluation."""
        if not self.config.continuous:
            return by_length([self.cost(example) for example in examples])
        windows = len(examples) // sum(not follows for _, follows in examples)
        return [list(range(place, len(examples), windows)) for place in range(windows)]

    def tensors(self) -> dict[str, Tensor]:
        layers = enumerate(self.carried or [])
        return {f"{layer}.{part}": tensor for layer, parts in layers for part, tensor in enumerate(parts)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        layers: dict[int, list[Tensor]] = {}
        for name in sorted(tensors):
            layers.setdefault(int(name.split(".")[0]), []).append(tensors[name])
        self.carried = [tuple(layers[number]) for number in sorted(layers)] or None

    def defaults(self) -> dict[str, Any]:
        return super().defaults() | {"max_tokens": 256}

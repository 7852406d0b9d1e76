"""Fine-tuning of causal models from elsewhere: on texts, or on conversations of which the answers are learnt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from modeling.models import Causal, network_of
from modeling.models.lora import adapt, merged
from modeling.text import PLAIN, Chat
from modeling.training.batches import by_length, pad
from modeling.training.head import linear_cross_entropy
from modeling.training.objectives.base import Row, Rows, Sample
from modeling.training.objectives.generation import CONTINUED, PROMPT, Generation

Taught = tuple[list[int], list[bool]]
"""Ids, and for each whether it is learnt."""


class CausalTuning(Generation):
    """A text stands between the tokens that its model expects; a conversation in the template of the model."""

    chat: Chat

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.inherit({})
        self._exact: dict[str, Tensor] = {}

    def inherit(self, preprocessing: Mapping[str, Any]) -> None:
        super().inherit(preprocessing)
        self.chat = Chat(self.tokenizer, preprocessing)

    def preprocessing(self) -> dict[str, Any]:
        return self.chat.preprocessing()

    def adapted(self, module: nn.Module) -> nn.Module:
        """With lora_rank, the network whose linear maps learn by pairs of small matrices."""
        if not self.training.lora_rank:
            return module
        self._exact = {name: tensor.detach() for name, tensor in module.state_dict().items()}
        return adapt(module, rank=self.training.lora_rank, scale=self.training.lora_scale)

    def settled(self, module: nn.Module) -> nn.Module:
        """The network with what was learnt added to its weights."""
        if not self.training.lora_rank:
            return module
        whole = network_of(self.config).eval()
        whole.load_state_dict(merged(module, self._exact))
        return whole

    def examples(self, rows: Rows, *, training: bool) -> Sequence[Taught]:  # type: ignore[override]
        """Texts in pieces of at most context + 1 ids, which in training overlap by half; conversations up to there."""
        found: list[Taught] = []
        length = self.config.context
        for row in rows:
            if messages := self.messages(row):
                ids, learnt = self.chat.taught(messages)
                found.append((ids[: length + 1], learnt[: length + 1]))
                continue
            ids = [*self.chat.start, *self.tokenizer.encode(row["text"]), *self.chat.ends[:1]]
            stride = max(1, length // 2) if training else length
            pieces = [ids[at : at + length + 1] for at in range(0, max(1, len(ids) - 1 - (length - stride)), stride)]
            found += [(piece, [True] * len(piece)) for piece in pieces]
        return [(ids, learnt) for ids, learnt in found if any(learnt[1:])]

    def messages(self, row: Row) -> list[Mapping[str, str]]:
        """The conversation of a row; none where it is a text. A model without a template gets a plain one."""
        found = list(row.get("messages") or ())
        if found and not self.chat.template:
            self.chat.template = PLAIN
            ends = [self.tokenizer.token(index) for index in self.chat.ends[:1]]
            self.chat.tokens.setdefault("eos_token", "".join(ends))
        return found

    def cost(self, example: Taught) -> int:  # type: ignore[override]
        return len(example[0])

    def loss(self, module: nn.Module, examples: Sequence[Taught]) -> Tensor:  # type: ignore[override]
        return self.summed(module, examples) / self.weight(examples)

    def weight(self, examples: Sequence[Taught]) -> int:  # type: ignore[override]
        return sum(sum(learnt[1:]) for _, learnt in examples)

    def summed(self, module: nn.Module, examples: Sequence[Taught]) -> Tensor:  # type: ignore[override]
        """Cross-entropy in nats, summed over the tokens that are learnt."""
        ids, _ = pad([ids for ids, _ in examples])
        wanted, _ = pad([list(map(int, learnt)) for _, learnt in examples])
        real = wanted[:, 1:].bool()
        network = cast(Causal, module)
        states = network.states(ids[:, :-1])[real]  # (N, D)
        return linear_cross_entropy(states, network.head_weight, ids[:, 1:][real])

    @torch.no_grad()
    def validate(self, module: nn.Module, examples: Sequence[Taught]) -> dict[str, float]:  # type: ignore[override]
        batches = by_length([len(ids) for ids, _ in examples])
        total = sum(float(self.summed(module, [examples[i] for i in batch])) for batch in batches)
        mean = total / self.weight(examples)
        return {"loss": mean, "perplexity": math.exp(min(mean, 50.0))}

    @torch.no_grad()
    def samples(self, module: nn.Module, rows: Rows) -> list[Sample]:
        """The likeliest answer to each conversation, and how the model goes on with the first words of each text."""
        found: list[Sample] = []
        for row in rows:
            if messages := self.messages(row):
                prompt, shown = self.chat.prompt(messages[:-1]), messages[-2]["content"]
                expected = messages[-1]["content"]
            else:
                whole = self.tokenizer.encode(row["text"])
                size = max(1, min(PROMPT, self.config.context // 2, len(whole) // 2))
                prompt, shown = [*self.chat.start, *whole[:size]], self.tokenizer.decode(whole[:size])
                expected = self.tokenizer.decode(whole[size : size + CONTINUED])
            found.append({"input": shown, "output": self._continued(module, prompt), "expected": expected})
        return found

    def _continued(self, module: nn.Module, prompt: list[int]) -> str:
        ids = prompt[-(self.config.context - 1) :]
        begin = len(ids)
        while len(ids) < min(self.config.context, begin + CONTINUED):
            ids.append(int(module(torch.tensor([ids]))[0, -1].argmax()))
            if ids[-1] in self.chat.ends:
                break
        return self.tokenizer.decode(ids[begin:])

"""What translation and summarisation share: a text in, another one out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from modeling.decoding import Rules
from modeling.errors import ConfigError
from modeling.text import Tokenizer
from modeling.training.batches import by_length, pad
from modeling.training.evaluation import written
from modeling.training.head import linear_cross_entropy
from modeling.training.objectives.base import Objective

Example = tuple[list[int], list[int], int]
"""Source as the encoder reads it, target with start and end, index of the direction."""
COVERED_FROM = 0.7
"""Share of the training after which attending twice to the same costs something (See et al. 2017, 5: at the end)."""


class Writing(Objective):
    measure = "loss"
    higher_is_better = False

    @property
    def reading(self) -> Tokenizer:
        """The tokenizer of the sources."""
        return self.source_tokenizer or self.tokenizer

    def ends(self) -> tuple[int, int]:
        """The target's `<s>` and `</s>`."""
        bos, eos = self.tokenizer.bos_id, self.tokenizer.eos_id
        if bos is None or eos is None or self.reading.eos_id is None:
            raise ConfigError("the tokenizer has no <s> and </s>", allowed="a tokenizer trained by Parley")
        return bos, eos

    def framed(self, source: Sequence[int], before: Sequence[int] = ()) -> list[int]:
        """A source cut to the encoder's length."""
        self.ends()
        return [*before, *source[: self.config.context - 1 - len(before)], self.reading.eos_id or 0]

    def cost(self, example: Example) -> int:
        return max(len(example[0]), len(example[1]))

    def weight(self, examples: Sequence[Example]) -> int:
        return sum(len(target) - 1 for _, target, _ in examples)

    def loss(self, module: nn.Module, examples: Sequence[Example]) -> Tensor:
        covered = float(self.done >= COVERED_FROM)
        return self.summed(module, examples, self.training.label_smoothing, covered) / self.weight(examples)

    def summed(self, module: nn.Module, examples: Sequence[Example], smoothing: float, covered: float) -> Tensor:
        """Cross-entropy in nats, summed over the target's tokens; `covered` weighs what is attended to twice."""
        network = cast(Any, module)
        source, lengths = pad([source for source, _, _ in examples])
        target, target_lengths = pad([target for _, target, _ in examples])
        real = torch.arange(1, target.shape[1]) < target_lengths[:, None]
        if network.copies:
            surprises, twice = network.surprises(source, lengths, target)
            return surprises[real].sum() + covered * twice[real].sum()
        states = network.states(source, lengths, target[:, :-1])[real]  # (N, D)
        return linear_cross_entropy(states, network.output_weight, target[:, 1:][real], smoothing=smoothing)

    @torch.no_grad()
    def surprise(self, module: nn.Module, examples: Sequence[Example]) -> tuple[float, int]:
        """Cross-entropy in nats of examples, and their tokens."""
        batches = by_length([self.cost(example) for example in examples])
        total = sum(float(self.summed(module, [examples[i] for i in batch], 0.0, 0.0)) for batch in batches)
        return total, self.weight(examples)

    def written(self, module: nn.Module, sources: Sequence[list[int]], *, beam: int) -> list[str]:
        """What the network makes of each source."""
        bos, eos = self.ends()
        longest = getattr(self.config, "target_context", self.config.context) - 1
        chosen = self.defaults()

        def rules(size: int) -> Rules:
            return Rules(end=eos, max_tokens=min(longest, 2 * size + 10), no_repeat=chosen.get("no_repeat", 0))

        found = written(module, sources, start=bos, rules=rules, beam=beam)
        return [self.tokenizer.decode(target).strip() for target in found]

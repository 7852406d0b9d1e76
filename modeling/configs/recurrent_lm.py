"""Configuration of the recurrent language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
DROPOUTS = ("dropout", "dropout_between", "dropout_input", "dropout_words", "dropout_weights")


@dataclass(frozen=True, kw_only=True, slots=True)
class RecurrentLMConfig:
    vocabulary_size: int = 8000
    """Tokens of the tokenizer."""
    cell: Literal["lstm", "gru", "rnn"] = "lstm"
    """lstm, gru (three gates instead of four) or rnn (none: quick, and forgets soon)."""
    embedding: int = 256
    """Size of a token's vector, and of the last layer's state: both ends share their table."""
    hidden: int = 512
    """Size of the states of the layers before the last."""
    layers: int = 2
    """Recurrent layers."""
    context: int = 96
    """Tokens that a step of the training looks back (truncated backpropagation through time); answers can be longer."""
    continuous: bool = False
    """Whether the state goes on from one piece of text to the next in training: for long texts."""
    dropout: float = 0.2
    """Share of the last layer's outputs dropped in training, the same for all places of a text."""
    dropout_between: float = 0.2
    """Share of the outputs of the other layers dropped in the same way."""
    dropout_input: float = 0.2
    """Share of the token vectors' numbers dropped in the same way."""
    dropout_words: float = 0.0
    """Share of the vocabulary that a step of the training does without."""
    dropout_weights: float = 0.2
    """Share of the weights from state to state dropped in training."""
    activation: float = 0.0
    """Pull of the outputs towards zero."""
    slowness: float = 0.0
    """Pull of neighbouring outputs towards each other."""

    def __post_init__(self) -> None:
        check_ranges(self, shares=DROPOUTS, least={"activation": 0, "slowness": 0, "context": 8},
                     most=SIZES | dict.fromkeys(DROPOUTS, 0.9) | {"context": 4096, "layers": 16})

    def sizes(self) -> list[tuple[int, int]]:
        """Inputs and states of each layer."""
        inner = [self.hidden] * (self.layers - 1)
        return list(zip([self.embedding, *inner], [*inner, self.embedding], strict=True))

    def _matrices(self) -> int:
        return GATES[self.cell] * sum(state * (read + state) for read, state in self.sizes())

    def parameters(self) -> int:
        biases = 2 * GATES[self.cell] * sum(state for _, state in self.sizes())
        return self.vocabulary_size * self.embedding + self._matrices() + biases

    def operations(self, length: float) -> float:
        return 6.0 * (self._matrices() + self.vocabulary_size * self.embedding)

    def kept(self, length: float) -> float:
        return 2 * self.embedding + sum((2 * GATES[self.cell] + 3) * state for _, state in self.sizes())

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        mean = tokens / max(1, rows)
        if self.continuous:
            return max(1.0, tokens / self.context), self.context
        pieces = 1 if mean <= self.context else 2 * mean / self.context  # they overlap by half
        return rows * pieces, min(self.context, mean + 2)

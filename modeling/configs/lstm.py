"""Configuration of the recurrent classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modeling.configs.classifier import ClassifierConfig

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
"""Matrices of a cell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LSTMConfig(ClassifierConfig):
    embedding: int = 128
    """Size of a token's vector."""
    hidden: int = 128
    """Size of the state, in each direction."""
    bidirectional: bool = False
    """Whether a second network reads from the end."""
    cell: Literal["lstm", "gru", "rnn"] = "lstm"
    """Cell: lstm, gru (three quarters of the weights) or rnn (the plain one, for short texts)."""
    layers: int = 1
    """Recurrent layers on top of each other."""
    attention: bool = False
    """Whether attention weighs all states; without it the last state stands for the text."""

    def __post_init__(self) -> None:
        self.check(most={"layers": 16})

    @property
    def state(self) -> int:
        """Size of the state, both directions together."""
        return self.hidden * (1 + self.bidirectional)

    def _recurrent(self) -> int:
        inputs = self.embedding + (self.layers - 1) * self.state
        return (1 + self.bidirectional) * GATES[self.cell] * self.hidden * (inputs + self.layers * self.hidden)

    def _pooling(self) -> int:
        return self.hidden * (self.state + 1) if self.attention else 0

    def parameters(self) -> int:
        biases = self.layers * (1 + self.bidirectional) * GATES[self.cell] * 2 * self.hidden + self.outputs
        biases += self.hidden if self.attention else 0
        tables = self.vocabulary_size * self.embedding
        return tables + self._recurrent() + self._pooling() + self.state * self.outputs + biases

    def operations(self, length: float) -> float:
        return 6.0 * (self._recurrent() + self._pooling() + self.state * self.outputs)

    def kept(self, length: float) -> float:
        layers = self.layers * (1 + self.bidirectional) * 2 * GATES[self.cell] * self.hidden
        return 2 * self.embedding + layers + (2 * self.hidden if self.attention else 0)

"""Configuration of a fine-tuned encoder that classifies: BERT and its kin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modeling.configs.classifier import ClassifierConfig
from modeling.configs.training import TrainingConfig
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class BertClassifierConfig(ClassifierConfig):
    vocabulary_size: int = 30_522
    """Tokens of the tokenizer."""
    dropout: float = 0.1
    """Share of hidden states dropped in training."""
    length: int = 128
    """Most tokens of a text that are read, the marks at its ends included."""
    width: int = 384
    """Size of the hidden states."""
    layers: int = 6
    """Encoder blocks."""
    heads: int = 12
    """Attention heads; they divide the width."""
    hidden: int = 1536
    """Inner size of the feed-forward parts."""
    positions: int = 512
    """Learned positions."""
    offset: int = 0
    """Position of the first token: 2 in RoBERTa, 0 in the others."""
    types: int = 2
    """Segments; DistilBERT has none."""
    epsilon: float = 1e-12
    """Of the layer norms."""
    pooling: Literal["mean", "first"] = "mean"
    """What stands for the text: mean of all states, or the state of the first mark."""

    def __post_init__(self) -> None:
        self.check(least={"offset": 0, "types": 0})
        if self.width % self.heads:
            raise ConfigError(f"{self.heads} heads do not divide the width {self.width}", field="heads")
        if not 3 <= self.length <= self.positions - self.offset:
            raise ConfigError(f"the length is {self.length}", field="length",
                              allowed=f"a number from 3 to {self.positions - self.offset}: its learned positions")

    def _matrices(self) -> int:
        return self.layers * (4 * self.width**2 + 2 * self.width * self.hidden)

    def parameters(self) -> int:
        tables = (self.vocabulary_size + self.positions + self.types) * self.width
        vectors = self.layers * (9 * self.width + self.hidden) + 2 * self.width
        return tables + self._matrices() + vectors + (self.width + 1) * self.outputs

    def operations(self, length: float) -> float:
        return 6.0 * (self._matrices() + 2 * self.layers * self.width * length)

    def kept(self, length: float) -> float:
        return self.layers * (10 * self.width + 3 * self.hidden + 3 * self.heads * length)

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        return rows, min(self.length, tokens / max(1, rows) + 2)

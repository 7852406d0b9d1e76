"""Configuration of the Transformer encoder that classifies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modeling.configs.classifier import ClassifierConfig
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderConfig(ClassifierConfig):
    dropout: float = 0.1
    """Share of the residual writes, of vectors and of final states dropped in training."""
    width: int = 128
    """Size of the residual stream."""
    layers: int = 2
    """Encoder blocks."""
    heads: int = 4
    """Attention heads; they divide the width."""
    hidden: int = 256
    """Inner size of the feed-forward parts."""
    pooling: Literal["mean", "first"] = "mean"
    """What stands for the text: mean of all states, or the state of a first token that is put before it."""
    theta: float = 10_000.0
    """Base of the rotary frequencies."""

    def __post_init__(self) -> None:
        self.check(least={"theta": 1}, most={"length": 8192})
        if self.width % self.heads or (self.width // self.heads) % 16:
            raise ConfigError(
                f"width {self.width} and heads {self.heads} do not fit",
                allowed="heads divide the width into multiples of 16 (the attention kernel)", field="width",
            )

    def _matrices(self) -> int:
        return self.layers * (4 * self.width**2 + 3 * self.width * self.hidden)

    def parameters(self) -> int:
        vectors = (2 * self.layers + 1) * self.width
        head = (self.width + 1) * self.outputs
        return self.vocabulary_size * self.width + self._matrices() + vectors + head

    def operations(self, length: float) -> float:
        return 6.0 * (self._matrices() + 2 * self.layers * self.width * length)

    def kept(self, length: float) -> float:
        return self.layers * (16 * self.width + 5 * self.hidden + 4 * self.heads * length)

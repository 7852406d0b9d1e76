"""Configuration of a fine-tuned encoder that reads: BERT and its kin."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class BertConfig:
    vocabulary_size: int = 30522
    """Tokens of the tokenizer."""
    width: int = 384
    """Size of the hidden states."""
    layers: int = 6
    """Encoder blocks."""
    heads: int = 12
    """Attention heads; they divide the width."""
    hidden: int = 1536
    """Inner size of the feed-forward part."""
    positions: int = 512
    """Learned positions."""
    offset: int = 0
    """Position of the first token: 2 in RoBERTa, 0 in the others."""
    types: int = 2
    """Segments: two tell question and passage apart; RoBERTa has one, DistilBERT none."""
    epsilon: float = 1e-12
    """Of the layer norms."""
    dropout: float = 0.0
    """Share of hidden states dropped in training."""
    window: int = 256
    """Tokens the reader sees at once, question and marks included."""
    stride: int = 96
    """Tokens that neighbouring windows share."""

    def __post_init__(self) -> None:
        check_ranges(self, shares=("dropout",), least={"stride": 0, "offset": 0, "types": 0}, most=SIZES)
        if self.width % self.heads:
            raise ConfigError(f"{self.heads} heads do not divide the width {self.width}", field="heads")
        most = self.positions - self.offset
        if not 2 * self.stride <= self.window <= most:
            raise ConfigError(
                f"stride {self.stride}, window {self.window} and positions {most} do not fit",
                allowed=f"window at most {most}, and stride at most half of it", field="window",
            )

    def _matrices(self) -> int:
        return self.layers * (4 * self.width**2 + 2 * self.width * self.hidden) + 2 * self.width

    def parameters(self) -> int:
        tables = (self.vocabulary_size + self.positions + self.types) * self.width
        return tables + self._matrices() + self.layers * (9 * self.width + self.hidden) + 2 * self.width + 2

    def operations(self, length: float) -> float:
        return 6.0 * (self._matrices() + 2 * self.layers * self.width * length)

    def kept(self, length: float) -> float:
        return self.layers * (10 * self.width + 3 * self.hidden + 3 * self.heads * length)

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        mean = tokens / max(1, rows)
        pieces = max(1.0, (mean - self.stride) / (self.window - self.stride))
        return rows * pieces * (1 + training.negatives), min(self.window, mean + 3)

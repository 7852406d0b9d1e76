"""Configuration of the language model."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderConfig:
    vocabulary_size: int = 8000
    """Tokens of the tokenizer."""
    width: int = 256
    """Size of the residual stream."""
    layers: int = 6
    """Blocks of attention and feed-forward."""
    heads: int = 8
    """Attention heads; they divide the width."""
    kv_heads: int = 4
    """Heads of keys and values; they divide the heads."""
    hidden: int = 704
    """Inner size of the feed-forward part."""
    context: int = 256
    """Most tokens of prompt and answer together."""
    dropout: float = 0.0
    """Share of the residual writes dropped in training."""
    theta: float = 10_000.0
    """Base of the rotary frequencies."""

    def __post_init__(self) -> None:
        check_ranges(self, shares=("dropout",), least={"context": 16, "theta": 1}, most=SIZES | {"context": 8192})
        if self.width % self.heads or self.heads % self.kv_heads or (self.width // self.heads) % 16:
            raise ConfigError(
                f"width {self.width}, heads {self.heads} and kv_heads {self.kv_heads} do not fit",
                allowed="kv_heads divide the heads, and heads the width into multiples of 16 (the attention kernel)",
                field="kv_heads" if self.heads % self.kv_heads else "width",
            )

    def _matrices(self) -> int:
        attention = 2 * self.width**2 + 2 * self.width**2 * self.kv_heads // self.heads
        return self.layers * (attention + 3 * self.width * self.hidden)

    def parameters(self) -> int:
        return self.vocabulary_size * self.width + self._matrices() + (2 * self.layers + 1) * self.width

    def operations(self, length: float) -> float:
        head = self.vocabulary_size * self.width
        return 6.0 * (self._matrices() + head + 2 * self.layers * self.width * length)

    def kept(self, length: float) -> float:
        return self.layers * (16 * self.width + 5 * self.hidden + 4 * self.heads * length)

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        mean = tokens / max(1, rows)
        pieces = 1 if mean <= self.context else 2 * mean / self.context  # they overlap by half
        return rows * pieces, min(self.context, mean + 2)

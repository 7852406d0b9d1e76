"""Configuration of causal language models from elsewhere: the families of Llama, Qwen, Mistral and GPT-2."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from modeling.configs.ranges import SIZES, check_ranges
from modeling.configs.training import TrainingConfig
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class CausalConfig:
    vocabulary_size: int = 32_000
    """Tokens of the tokenizer."""
    width: int = 512
    """Size of the residual stream."""
    layers: int = 8
    """Blocks of attention and feed-forward."""
    heads: int = 8
    """Attention heads."""
    kv_heads: int = 8
    """Heads of keys and values; they divide the heads."""
    head_size: int = 64
    """Numbers of a head's query, key and value."""
    hidden: int = 1536
    """Inner size of the feed-forward part."""
    context: int = 1024
    """Most tokens of prompt and answer together."""
    longest: int = 32_768
    """Tokens that its attention may span, which bounds the context."""
    dropout: float = 0.0
    """Share of the residual writes dropped in training."""
    norm: Literal["rms", "layer"] = "rms"
    """RMSNorm or LayerNorm."""
    epsilon: float = 1e-5
    """Added to the variance in a norm."""
    positions: Literal["rotary", "learned"] = "rotary"
    """How a token knows its place."""
    learned_positions: int = 0
    """Rows of the table of learned positions; 0 where they are rotary."""
    theta: float = 10_000.0
    """Base of the rotary frequencies."""
    scaling: Literal["none", "linear", "llama3"] = "none"
    """How rotary frequencies were stretched for a longer context."""
    factor: float = 1.0
    """By how much."""
    low_factor: float = 1.0
    """llama3: wavelengths above the original context over this are stretched whole."""
    high_factor: float = 4.0
    """llama3: wavelengths below the original context over this stay."""
    original_context: int = 8192
    """llama3: the context before stretching."""
    biases: Literal["none", "qkv", "all"] = "none"
    """Which linear maps have one."""
    qk_norm: bool = False
    """Whether queries and keys are normed, head by head."""
    activation: Literal["swiglu", "gelu_tanh", "gelu"] = "swiglu"
    """Of the feed-forward part."""
    tied: bool = True
    """Whether the head is the embedding."""

    def __post_init__(self) -> None:
        check_ranges(self, shares=("dropout",), least={"context": 16, "theta": 1, "learned_positions": 0},
                     most=SIZES | {"context": 32_768, "longest": 32_768, "epsilon": 0.1})
        if self.heads % self.kv_heads or self.head_size % 8:
            raise ConfigError(f"heads {self.heads}, kv_heads {self.kv_heads} and head_size {self.head_size} do not fit",
                              allowed="kv_heads divide the heads, whose size is a multiple of 8 (the attention kernel)")
        if self.context > self.longest or self.positions == "learned" and self.longest > self.learned_positions:
            raise ConfigError(f"context is {self.context}", field="context",
                              allowed=f"at most {self.longest}, which this model can span")

    def frequencies(self) -> list[float]:
        """Of the rotary pairs (Su et al. 2021), stretched as Chen et al. 2023 or as Llama 3.1 does."""
        plain = [self.theta ** (-2 * i / self.head_size) for i in range(self.head_size // 2)]
        if self.scaling == "llama3":
            return [self._stretched(frequency) for frequency in plain]
        return [frequency / self.factor for frequency in plain] if self.scaling == "linear" else plain

    def _stretched(self, frequency: float) -> float:
        turns = self.original_context * frequency / (2 * math.pi)  # in the original context
        share = (turns - self.low_factor) / (self.high_factor - self.low_factor)
        kept = min(1.0, max(0.0, share))
        return (1 - kept) * frequency / self.factor + kept * frequency

    def _matrices(self) -> int:
        attention = 2 * self.width * self.head_size * (self.heads + self.kv_heads)
        return self.layers * (attention + (3 if self.activation == "swiglu" else 2) * self.width * self.hidden)

    def parameters(self) -> int:
        tables = (2 - self.tied) * self.vocabulary_size + self.learned_positions
        return tables * self.width + self._matrices() + (2 * self.layers + 1) * self.width

    def operations(self, length: float) -> float:
        head = self.vocabulary_size * self.width
        return 6.0 * (self._matrices() + head + 2 * self.layers * self.heads * self.head_size * length)

    def kept(self, length: float) -> float:
        return self.layers * (16 * self.width + 5 * self.hidden + 4 * self.heads * length)

    def examples(self, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
        mean = tokens / max(1, rows)
        pieces = 1 if mean <= self.context else 2 * mean / self.context  # they overlap by half
        return rows * pieces, min(self.context, mean + 2)

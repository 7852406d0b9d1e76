"""Configuration of imported encoder-decoders of T5's kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modeling.configs.ranges import SIZES, check_ranges
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class T5Config:
    vocabulary_size: int = 32_128
    """Tokens of the tokenizer."""
    width: int = 512
    """Size of the residual stream."""
    encoder_layers: int = 6
    """Blocks that read the source."""
    decoder_layers: int = 6
    """Blocks that write the target."""
    heads: int = 8
    """Attention heads."""
    head_size: int = 64
    """Numbers of a head's query, key and value."""
    hidden: int = 2048
    """Inner size of the feed-forward parts."""
    context: int = 512
    """Most tokens of a source."""
    target_context: int = 512
    """Most tokens of a target."""
    activation: Literal["relu", "gated_gelu"] = "relu"
    """Of the feed-forward parts."""
    epsilon: float = 1e-6
    """Added to the mean square in a norm."""
    tied: bool = True
    """Whether the head is the embedding."""
    scaled: bool = True
    """Whether what the head reads is scaled down."""
    directions: tuple[str, ...] = ()
    """Of a translator: pairs of languages, source first."""

    def __post_init__(self) -> None:
        check_ranges(self, most=SIZES | {"context": 4096, "target_context": 4096, "epsilon": 0.1})
        if self.head_size % 8:
            raise ConfigError(f"head_size is {self.head_size}", allowed="a multiple of 8 (the attention kernel)",
                              field="head_size")

    def parameters(self) -> int:
        attention = 4 * self.width * self.heads * self.head_size
        feed_forward = (2 if self.activation == "relu" else 3) * self.width * self.hidden
        layers = self.encoder_layers * (attention + feed_forward) + self.decoder_layers * (2 * attention + feed_forward)
        return (2 - self.tied) * self.vocabulary_size * self.width + layers

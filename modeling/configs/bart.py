"""Configuration of imported encoder-decoders of BART's kind: BART itself and Marian."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from modeling.configs.ranges import SIZES, check_ranges
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class BartConfig:
    vocabulary_size: int = 50_000
    """Tokens of the tokenizer."""
    width: int = 512
    """Size of the residual stream."""
    encoder_layers: int = 6
    """Blocks that read the source."""
    decoder_layers: int = 6
    """Blocks that write the target."""
    heads: int = 8
    """Attention heads; they divide the width."""
    hidden: int = 2048
    """Inner size of the feed-forward parts."""
    context: int = 512
    """Most tokens of a source."""
    target_context: int = 512
    """Most tokens of a target."""
    activation: Literal["gelu", "gelu_tanh", "silu", "relu"] = "gelu"
    """Of the feed-forward parts."""
    scale: float = 1.0
    """What embeddings are multiplied by."""
    embedding_norm: bool = True
    """Whether embeddings are normed."""
    directions: tuple[str, ...] = ()
    """Of a translator: pairs of languages, source first."""

    def __post_init__(self) -> None:
        check_ranges(self, most=SIZES | {"context": 4096, "target_context": 4096})
        if self.width % self.heads or (self.width // self.heads) % 8:
            raise ConfigError(f"width {self.width} and heads {self.heads} do not fit", field="heads",
                              allowed="heads divide the width into multiples of 8 (the attention kernel)")

    def parameters(self) -> int:
        block = 4 * self.width**2 + 2 * self.width * self.hidden
        layers = self.encoder_layers * block + self.decoder_layers * (block + 4 * self.width**2)
        return (self.vocabulary_size + self.context + self.target_context) * self.width + layers

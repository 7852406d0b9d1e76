"""A language model: pre-norm decoder with rotary positions and grouped-query attention (Llama, Touvron et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from modeling.errors import ConfigError
from modeling.models.layers import Block, RMSNorm, causal_mask, initialise, rotary_tables


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
        if self.width % self.heads or self.heads % self.kv_heads or (self.width // self.heads) % 16:
            raise ConfigError(
                f"width {self.width}, heads {self.heads} and kv_heads {self.kv_heads} do not fit",
                allowed="kv_heads divide the heads, and heads the width into multiples of 16 (the attention kernel)",
            )


class Decoder(nn.Module):
    """Token ids (B, T) to logits (B, T, V); embedding and head share their weights."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.layers = nn.ModuleList(
            Block(config.width, config.heads, config.kv_heads, config.hidden, config.dropout)
            for _ in range(config.layers)
        )
        self.norm = RMSNorm(config.width)
        initialise(self, config.layers)

    def states(self, ids: Tensor) -> Tensor:
        """What the head reads, (B, T, D)."""
        x = self.embedding(ids)  # (B, T, D)
        tables = rotary_tables(ids.shape[1], self.config.width // self.config.heads, self.config.theta)
        mask = causal_mask(ids.shape[1], x)
        for layer in self.layers:
            x = layer(x, tables, mask)
        return self.norm(x)

    def forward(self, ids: Tensor) -> Tensor:
        return F.linear(self.states(ids), self.embedding.weight)

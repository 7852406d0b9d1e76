"""A language model: pre-norm decoder with rotary positions and grouped-query attention (Llama, Touvron et al. 2023)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import DecoderConfig
from modeling.models.layers import Block, RMSNorm, causal_mask, initialise, rotary_tables, text_mask


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

    def states(self, ids: Tensor, texts: Tensor | None = None) -> Tensor:
        """What the head reads, (B, T, D). Where a row holds several texts, `texts` (B, T) numbers them: none sees
        another, and rotary positions count from anywhere."""
        x = self.embedding(ids)  # (B, T, D)
        tables = rotary_tables(ids.shape[1], self.config.width // self.config.heads, self.config.theta)
        mask = causal_mask(ids.shape[1], x)
        if texts is not None:
            mask = mask + text_mask(texts, x)
        for layer in self.layers:
            x = layer(x, tables, mask)
        return self.norm(x)

    def forward(self, ids: Tensor) -> Tensor:
        return F.linear(self.states(ids), self.embedding.weight)

"""An encoder-decoder for translation (Vaswani et al. 2017), pre-norm, with rotary positions and SwiGLU."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import TransformerConfig
from modeling.models.dropout import Dropout
from modeling.models.layers import (
    Attention,
    Block,
    RMSNorm,
    SwiGLU,
    attend,
    causal_mask,
    initialise,
    padding_mask,
    rotary_tables,
)


class CrossAttention(nn.Module):
    """Attention of the target (B, T, D) to the encoded source (B, S, D); no positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.size = width // heads
        self.q = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (-1, self.size)).transpose(1, 2) for part in (self.q(x), *self.kv(source).chunk(2, -1))
        )  # (B, H, T or S, size)
        return self.out(attend(q, k, v, mask).transpose(1, 2).flatten(2))


class TargetLayer(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.width)
        self.attention = Attention(config.width, config.heads, config.heads)
        self.cross_norm = RMSNorm(config.width)
        self.cross_attention = CrossAttention(config.width, config.heads)
        self.feed_forward_norm = RMSNorm(config.width)
        self.feed_forward = SwiGLU(config.width, config.hidden)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, x: Tensor, tables: tuple[Tensor, Tensor], mask: Tensor, source: Tensor, source_mask: Tensor
    ) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), tables, mask))
        x = x + self.dropout(self.cross_attention(self.cross_norm(x), source, source_mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Stack(nn.Module):
    """Layers and their closing norm."""

    def __init__(self, layers: list[nn.Module], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = RMSNorm(width)


class Transformer(nn.Module):
    """Source ids (B, S) with lengths (B) and target ids (B, T) to logits (B, T, V)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        block = (config.width, config.heads, config.heads, config.hidden, config.dropout)
        self.encoder = Stack([Block(*block) for _ in range(config.encoder_layers)], config.width)
        self.decoder = Stack([TargetLayer(config) for _ in range(config.decoder_layers)], config.width)
        initialise(self, max(config.encoder_layers, config.decoder_layers))

    def tables(self, length: int) -> tuple[Tensor, Tensor]:
        return rotary_tables(length, self.config.width // self.config.heads, self.config.theta)

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The encoded source (B, S, D) and its mask."""
        x = self.embedding(ids)
        mask, tables = padding_mask(lengths, ids.shape[1], x), self.tables(ids.shape[1])
        for layer in self.encoder.layers:
            x = layer(x, tables, mask)
        return self.encoder.norm(x), mask

    def decode(self, ids: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """The states (B, T, D) from which the head predicts; the target is read from its start."""
        x = self.embedding(ids)
        mask, tables = causal_mask(ids.shape[1], x), self.tables(ids.shape[1])
        for layer in self.decoder.layers:
            x = layer(x, tables, mask, source, source_mask)
        return self.decoder.norm(x)

    def head(self, states: Tensor) -> Tensor:
        return F.linear(states, self.embedding.weight)

    def forward(self, source_ids: Tensor, lengths: Tensor, target_ids: Tensor) -> Tensor:
        return self.head(self.decode(target_ids, *self.encode(source_ids, lengths)))

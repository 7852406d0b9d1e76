"""A Transformer encoder (Vaswani et al. 2017) that classifies: pre-norm, with rotary positions and SwiGLU."""

from __future__ import annotations

from torch import Tensor, nn

from modeling.configs import EncoderConfig
from modeling.models.dropout import Dropout
from modeling.models.layers import Block, RMSNorm, initialise, mean_of, padding_mask, rotary_tables


class EncoderClassifier(nn.Module):
    """Token ids (B, T) with lengths (B) to logits (B, outputs)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.layers = nn.ModuleList(
            Block(config.width, config.heads, config.heads, config.hidden, config.dropout) for _ in range(config.layers)
        )
        self.norm = RMSNorm(config.width)
        self.head = nn.Linear(config.width, config.outputs)
        self.dropout = Dropout(config.dropout)
        initialise(self, config.layers)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.dropout(self.embedding(ids))  # (B, T, D)
        tables = rotary_tables(ids.shape[1], self.config.width // self.config.heads, self.config.theta)
        mask = padding_mask(lengths, ids.shape[1], x)
        for layer in self.layers:
            x = layer(x, tables, mask)
        x = self.norm(x)
        pooled = x[:, 0] if self.config.pooling == "first" else mean_of(x, lengths)
        return self.head(self.dropout(pooled))

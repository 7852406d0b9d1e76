"""A reader from nothing: a Transformer encoder (Vaswani et al. 2017), pre-norm, with rotary positions and SwiGLU.

Question and passage stand in one sequence, as in BERT (Devlin et al. 2019, 4.2). That a token stands in the other text
too is told by a vector of its own (Chen et al. 2017, DrQA, 3.2, "exact match"): without pretrained weights this is what
a reader learns most from.
"""

from __future__ import annotations

from torch import Tensor, nn

from modeling.configs.reading import ReaderConfig, TransformerReaderConfig
from modeling.models.dropout import Dropout
from modeling.models.layers import Block, RMSNorm, initialise, padding_mask, rotary_tables
from modeling.text import SPECIAL_TOKENS

THETA = 10_000.0


def matched(ids: Tensor, types: Tensor) -> Tensor:
    """(B, T): 1 where the same token, and no special one, stands in the other text as well."""
    same = (ids[:, :, None] == ids[:, None, :]) & (types[:, :, None] != types[:, None, :])  # (B, T, T)
    return (same.any(-1) & (ids >= len(SPECIAL_TOKENS))).long()


class ReaderEmbeddings(nn.Module):
    """Ids and types (B, T) to vectors (B, T, D): of the token, of its text, of whether the other text has it too."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(config.vocabulary_size, config.width)
        self.segment = nn.Embedding(2, config.width)
        self.match = nn.Embedding(2, config.width)
        self.dropout = Dropout(config.dropout)

    def forward(self, ids: Tensor, types: Tensor) -> Tensor:
        return self.dropout(self.word(ids) + self.segment(types) + self.match(matched(ids, types)))


class TransformerReader(nn.Module):
    """`mark question mark passage mark` (B, T) to the logits of starts and ends, each (B, T)."""

    def __init__(self, config: TransformerReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = ReaderEmbeddings(config)
        self.layers = nn.ModuleList(
            Block(config.width, config.heads, config.heads, config.hidden, config.dropout) for _ in range(config.layers)
        )
        self.norm = RMSNorm(config.width)
        self.span = nn.Linear(config.width, 2)
        initialise(self, config.layers)

    def forward(self, ids: Tensor, types: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embeddings(ids, types)  # (B, T, D)
        tables = rotary_tables(ids.shape[1], self.config.width // self.config.heads, THETA)
        mask = padding_mask(lengths, ids.shape[1], x)
        for layer in self.layers:
            x = layer(x, tables, mask)
        start, end = self.span(self.norm(x)).unbind(-1)
        return start, end

"""Sentences as vectors: the sum of their words' vectors, the common words' made small and what all sentences share
taken out (Arora, Liang & Ma 2017, SIF).

Made from word vectors and texts in one pass, not trained. Weighing and taking out are linear, so both are done to the
table of words once, and a sentence is a sum of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import LexRankConfig
from modeling.models.layers import is_real


class SentenceVectors(nn.Module):
    """Ids of words (B, T) with lengths (B) to vectors (B, D) of length 1, or of zeros where no word is known."""

    def __init__(self, config: LexRankConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.dimensions)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.embedding(ids)  # (B, T, D)
        return F.normalize((x * is_real(lengths, x)).sum(1), dim=-1)

    @torch.no_grad()
    def make(self, known: Mapping[int, Tensor], sentences: Sequence[tuple[Tensor, Tensor]], counts: Tensor) -> None:
        """Weigh the vectors of the `known` tokens by their `counts` (V) in texts, then take out the direction that
        `sentences`, batches of ids and lengths, have in common (Arora et al., algorithm 1). Other tokens are zero."""
        a, table = self.config.smoothing, self.embedding.weight
        table.zero_()
        for token, vector in known.items():
            table[token] = vector * (a / (a + counts[token] / counts.sum().clamp_min(1)))
        found = torch.cat([self(ids, lengths) for ids, lengths in sentences])  # (N, D)
        _, vectors = torch.linalg.eigh(found.double().T @ found.double())
        common = vectors[:, -1].float()  # of the largest eigenvalue
        table -= torch.outer(table @ common, common)

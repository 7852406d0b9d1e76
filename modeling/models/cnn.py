"""Convolutions over a text's tokens, of each filter its highest answer (Kim 2014)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import CNNConfig
from modeling.models.dropout import Dropout
from modeling.models.layers import is_real


class CNNClassifier(nn.Module):
    """Token ids (B, T) with lengths (B) to logits (B, outputs). Beyond its ends a text is zeros."""

    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.embedding)
        self.filters = nn.ModuleList(nn.Conv1d(config.embedding, config.filters, width) for width in config.widths)
        self.head = nn.Linear(config.features, config.outputs)
        self.dropout = Dropout(config.dropout)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.dropout(self.embedding(ids))  # (B, T, E)
        real = is_real(lengths, x)  # (B, T, 1)
        x = (x * real).transpose(1, 2)  # (B, E, T)
        found = []
        for width, filters in zip(self.config.widths, self.filters, strict=True):
            answers = F.relu(filters(F.pad(x, ((width - 1) // 2, width // 2))))  # (B, F, T)
            found.append((answers * real.transpose(1, 2)).amax(2))  # (B, F)
        return self.head(self.dropout(torch.cat(found, 1)))

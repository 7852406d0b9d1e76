"""A bag of n-grams: the mean of the vectors of tokens and hashed n-grams, and a linear layer (Joulin et al. 2017)."""

from __future__ import annotations

from torch import Tensor, nn

from modeling.configs import BagConfig
from modeling.models.dropout import Dropout
from modeling.models.layers import mean_of


class BagClassifier(nn.Module):
    """Ids of tokens and n-grams (B, T) with lengths (B) to logits (B, outputs)."""

    def __init__(self, config: BagConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.table, config.embedding)
        self.head = nn.Linear(config.embedding, config.outputs)
        self.dropout = Dropout(config.dropout)
        nn.init.uniform_(self.embedding.weight, -1 / config.embedding, 1 / config.embedding)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.embedding(ids)  # (B, T, E)
        return self.head(self.dropout(mean_of(x, lengths)))

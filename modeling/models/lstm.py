"""A classifier of texts: embeddings, one LSTM (Hochreiter & Schmidhuber 1997), a linear head on its last state."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from modeling.configs import LSTMConfig
from modeling.models.dropout import Dropout


class LSTMClassifier(nn.Module):
    """Token ids (B, T) with lengths (B) to logits: (B, 1) for two labels (of the second), else (B, labels)."""

    def __init__(self, config: LSTMConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.embedding)
        self.lstm = nn.LSTM(config.embedding, config.hidden, batch_first=True, bidirectional=config.bidirectional)
        self.head = nn.Linear(config.hidden * (1 + config.bidirectional), 1 if config.labels == 2 else config.labels)
        self.dropout = Dropout(config.dropout)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.dropout(self.embedding(ids))  # (B, T, E)
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, (state, _) = self.lstm(packed)  # (directions, B, H)
        return self.head(self.dropout(state.transpose(0, 1).flatten(1)))

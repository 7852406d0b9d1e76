"""A recurrent classifier of texts: LSTM (Hochreiter & Schmidhuber 1997), GRU (Cho et al. 2014) or plain (Elman 1990).

The last state stands for the text, or the mean of all states weighed by additive attention (Yang et al. 2016, 2.2).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from modeling.configs import LSTMConfig
from modeling.models.dropout import Dropout
from modeling.models.layers import padding_mask

CELLS: dict[str, Any] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class LSTMClassifier(nn.Module):
    """Token ids (B, T) with lengths (B) to logits: (B, 1) for two labels (of the second), else (B, labels)."""

    def __init__(self, config: LSTMConfig) -> None:
        super().__init__()
        self.config = config
        cell = CELLS[config.cell]
        self.embedding = nn.Embedding(config.vocabulary_size, config.embedding)
        # The first layer is called lstm whatever its cell: so do the weights of older artifacts.
        self.lstm = cell(config.embedding, config.hidden, batch_first=True, bidirectional=config.bidirectional)
        self.more = nn.ModuleList(
            cell(config.state, config.hidden, batch_first=True, bidirectional=config.bidirectional)
            for _ in range(config.layers - 1)
        )
        self.head = nn.Linear(config.state, config.outputs)
        self.dropout = Dropout(config.dropout)
        nn.init.normal_(self.embedding.weight, std=0.1)
        if config.attention:
            self.attention = nn.Linear(config.state, config.hidden)
            self.query = nn.Linear(config.hidden, 1, bias=False)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.dropout(self.embedding(ids))  # (B, T, E)
        states, last = self.lstm(pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False))
        for layer in self.more:
            states, last = layer(self._dropped(states))
        if self.config.attention:
            return self.head(self.dropout(self._attended(pad_packed_sequence(states, batch_first=True)[0], lengths)))
        last = last[0] if self.config.cell == "lstm" else last  # (directions, B, H)
        return self.head(self.dropout(last.transpose(0, 1).flatten(1)))

    def _dropped(self, states: PackedSequence) -> PackedSequence:
        return states._replace(data=self.dropout(states.data))

    def _attended(self, states: Tensor, lengths: Tensor) -> Tensor:
        """The mean (B, D) of the states (B, T, D), weighed by how each answers a learned query."""
        scores = self.query(torch.tanh(self.attention(states)))  # (B, T, 1)
        mask = padding_mask(lengths, states.shape[1], states)[:, 0, 0, :, None]
        return ((scores + mask).softmax(1) * states).sum(1)

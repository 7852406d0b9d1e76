"""A recurrent language model with the regularisation of AWD-LSTM (Merity et al. 2018).

Weight drop on the state-to-state matrices (4.1 there), variational dropout with one mask for all places of a text (4.2;
Gal & Ghahramani 2016), embedding dropout (4.3), tied embeddings (4.4), a last layer of the embedding's size (4.5),
activation regularisation (4.6, in the objective). Cells: LSTM (Hochreiter & Schmidhuber 1997), GRU (Cho et al. 2014),
simple recurrence (Elman 1990).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import RecurrentLMConfig
from modeling.models.dropout import Dropout

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
RUN: dict[str, Any] = {"lstm": torch._VF.lstm, "gru": torch._VF.gru, "rnn": torch._VF.rnn_tanh}
State = list[tuple[Tensor, ...]]
"""Of each layer: h (1, B, H), and of an LSTM c besides."""


class LockedDropout(Dropout):
    """Drops the same numbers at all places of a text: x (B, T, D)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * super().forward(x.new_ones(len(x), 1, x.shape[-1])) if self.training and self.p else x


class Recurrent(nn.Module):
    """One layer whose state-to-state matrix loses a share of its weights in each step of a training."""

    def __init__(self, cell: str, read: int, state: int, dropout_weights: float) -> None:
        super().__init__()
        self.cell, self.size = cell, state
        self.inner = CELLS[cell](read, state, batch_first=True)
        self.drop = Dropout(dropout_weights)

    def forward(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        inner = self.inner
        weights = [inner.weight_ih_l0, self.drop(inner.weight_hh_l0), inner.bias_ih_l0, inner.bias_hh_l0]
        start = state if self.cell == "lstm" else state[0]
        outputs, *rest = RUN[self.cell](x, start, weights, True, 1, 0.0, self.training, False, True)
        return outputs, tuple(rest)  # (B, T, H), of (1, B, H)

    def fresh(self, x: Tensor) -> tuple[Tensor, ...]:
        """The state before the first token."""
        return tuple(x.new_zeros(1, len(x), self.size) for _ in range(2 if self.cell == "lstm" else 1))


class RecurrentLM(nn.Module):
    """Token ids (B, T) to logits (B, T, V); embedding and head share their weights."""

    def __init__(self, config: RecurrentLMConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.embedding)
        self.layers = nn.ModuleList(
            Recurrent(config.cell, read, state, config.dropout_weights) for read, state in config.sizes()
        )
        self.drop_words = Dropout(config.dropout_words)
        self.drop_input, self.drop_between = LockedDropout(config.dropout_input), LockedDropout(config.dropout_between)
        self.drop_output = LockedDropout(config.dropout)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)

    def run(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, Tensor, State]:
        """The last layer's outputs (B, T, E), the same after dropout, which the head reads, and the new state."""
        x = self.drop_input(self.embedded(ids))  # (B, T, E)
        last, after = len(self.layers) - 1, []
        for number, layer in enumerate(self.layers):
            x, new = layer(x, state[number] if state else cast(Recurrent, layer).fresh(x))
            after.append(new)
            if number < last:
                x = self.drop_between(x)
        return x, self.drop_output(x), after

    def embedded(self, ids: Tensor) -> Tensor:
        x = self.embedding(ids)  # (B, T, E)
        if self.training and self.drop_words.p:
            x = x * self.drop_words(x.new_ones(self.config.vocabulary_size, 1))[ids]
        return x

    def states(self, ids: Tensor) -> Tensor:
        """What the head reads, (B, T, E)."""
        return self.run(ids)[1]

    def forward(self, ids: Tensor) -> Tensor:
        return F.linear(self.states(ids), self.embedding.weight)

"""A variational autoencoder of sentences (Bowman et al. 2016): an LSTM reads one into a Gaussian, another writes it.

The encoder gives the mean and the log variance of q(z | x); the decoder sees z (B, L) beside each of its input tokens,
as in Li et al. 2019, and starts from a zero state. The head shares the embedding's table.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from modeling.configs import VAEConfig
from modeling.models.dropout import Dropout


class SentenceVAE(nn.Module):
    """Token ids (B, T) with lengths (B) to the logits (B, T, V) that the decoder gives at the mean of q(z | x)."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.embedding)
        self.encoder = nn.LSTM(config.embedding, config.hidden // 2, batch_first=True, bidirectional=True)
        self.posterior = nn.Linear(2 * (config.hidden // 2), 2 * config.latent)
        self.decoder = nn.LSTM(config.embedding + config.latent, config.hidden, batch_first=True)
        self.out = nn.Linear(config.hidden, config.embedding)
        self.dropout = Dropout(config.dropout)
        nn.init.normal_(self.embedding.weight, std=0.1)

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | x), each (B, L)."""
        packed = pack_padded_sequence(self.embedding(ids), lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, (state, _) = self.encoder(packed)  # (2, B, H / 2)
        mean, log_variance = self.posterior(state.transpose(0, 1).flatten(1)).chunk(2, dim=-1)
        return mean, log_variance

    def states(self, ids: Tensor, z: Tensor) -> Tensor:
        """What the head reads (B, T, E), for the decoder's inputs (B, T) and latent numbers (B, L)."""
        beside = z[:, None].expand(-1, ids.shape[1], -1)  # (B, T, L)
        x = torch.cat((self.dropout(self.embedding(ids)), beside), dim=-1)
        outputs, _ = self.decoder(x)  # (B, T, H)
        return self.out(self.dropout(outputs))

    def decode(self, ids: Tensor, z: Tensor) -> Tensor:
        """Logits (B, T, V)."""
        return F.linear(self.states(ids, z), self.embedding.weight)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.decode(ids, self.encode(ids, lengths)[0])

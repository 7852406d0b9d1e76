"""Writing a word of one's own or copying one of the source: the mixture of See et al. 2017, 2.2.

Copies are counted over token ids. The tokenizer spells what it does not know in bytes, so nothing is outside of the
vocabulary, and no extended vocabulary for each text is needed: a rare name is copied piece by piece.
"""

from __future__ import annotations

import torch
from torch import Tensor

LEAST = 1e-9
"""Added to each probability, so that its logarithm exists; also in the graphs."""


def mixed(logits: Tensor, writing: Tensor, shares: Tensor, source_ids: Tensor) -> Tensor:
    """Log probabilities (B, T, V) of logits (B, T, V) that count `writing` (B, T, 1), and for the rest of the source's
    tokens (B, S) by the shares (B, T, S) of attention."""
    own = logits.float().softmax(-1) * writing.float()
    copies = (1 - writing.float()) * shares.float()
    return (own.scatter_add(2, source_ids[:, None].expand_as(shares), copies) + LEAST).log()


def surprises(logits: Tensor, writing: Tensor, shares: Tensor, source_ids: Tensor, target: Tensor) -> Tensor:
    """Minus the log probability (B, T) of each target token (B, T), without the whole distribution."""
    logits, writing = logits.float(), writing.float()[..., 0]
    own = (logits.gather(2, target[..., None])[..., 0] - logits.logsumexp(-1)).exp() * writing
    copied = (shares.float() * (source_ids[:, None] == target[..., None])).sum(-1) * (1 - writing)
    return -torch.log(own + copied + LEAST)

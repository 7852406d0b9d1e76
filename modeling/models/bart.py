"""Encoder-decoders with norms behind their parts (Vaswani et al. 2017): BART (Lewis et al. 2020) and Marian
(Junczys-Dowmunt et al. 2018), as they are imported. Positions, learnt or sinusoidal, are a table either way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs.bart import BartConfig
from modeling.models.folder import Folder, load_mapped
from modeling.models.layers import attend, causal_mask, padding_mask
from modeling.models.seq2seq_folder import bart_config, bart_weights

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu, "gelu_tanh": partial(F.gelu, approximate="tanh"), "silu": F.silu, "relu": F.relu,
}


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.size = width // heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (-1, self.size)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        return self.out(attend(q, k, v, mask).transpose(1, 2).flatten(2))  # q, k, v: (B, H, T, size)


class SourceAttention(nn.Module):
    """Attention of the target (B, T, D) to the encoded source (B, S, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.size = width // heads
        self.q, self.kv, self.out = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (-1, self.size)).transpose(1, 2)
                   for part in (self.q(x), *self.kv(source).chunk(2, -1)))  # (B, H, T or S, size)
        return self.out(attend(q, k, v, mask).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, config: BartConfig) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.activation]
        self.up, self.down = nn.Linear(config.width, config.hidden), nn.Linear(config.hidden, config.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.activation(self.up(x)))


class BartBlock(nn.Module):
    """Self-attention, in the decoder attention to the source, feed-forward: each added to x, and then normed."""

    def __init__(self, config: BartConfig, *, cross: bool) -> None:
        super().__init__()
        self.attention, self.attention_norm = SelfAttention(config.width, config.heads), nn.LayerNorm(config.width)
        if cross:
            self.cross_attention = SourceAttention(config.width, config.heads)
            self.cross_norm = nn.LayerNorm(config.width)
        self.feed_forward, self.feed_forward_norm = FeedForward(config), nn.LayerNorm(config.width)

    def forward(self, x: Tensor, mask: Tensor, source: Tensor | None = None, source_mask: Tensor | None = None
                ) -> Tensor:
        x = self.attention_norm(x + self.attention(x, mask))
        if source is not None:
            x = self.cross_norm(x + self.cross_attention(x, source, source_mask))
        return self.feed_forward_norm(x + self.feed_forward(x))


class BartStack(nn.Module):
    """Positions, perhaps a norm, and layers."""

    def __init__(self, config: BartConfig, layers: int, positions: int, *, cross: bool) -> None:
        super().__init__()
        self.positions = nn.Embedding(positions, config.width)
        self.norm = nn.LayerNorm(config.width) if config.embedding_norm else nn.Identity()
        self.layers = nn.ModuleList(BartBlock(config, cross=cross) for _ in range(layers))

    def placed(self, x: Tensor) -> Tensor:
        return self.norm(x + self.positions.weight[: x.shape[1]])


class Bart(nn.Module):
    """Source ids (B, S) with lengths (B) and target ids (B, T) to logits (B, T, V)."""

    def __init__(self, config: BartConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.encoder = BartStack(config, config.encoder_layers, config.context, cross=False)
        self.decoder = BartStack(config, config.decoder_layers, config.target_context, cross=True)
        self.head_bias = nn.Parameter(torch.zeros(config.vocabulary_size))

    def embedded(self, ids: Tensor) -> Tensor:
        return self.embedding(ids) * self.config.scale

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The encoded source (B, S, D) and its mask."""
        x = self.encoder.placed(self.embedded(ids))
        mask = padding_mask(lengths, ids.shape[1], x)
        for layer in self.encoder.layers:
            x = layer(x, mask)
        return x, mask

    def decode(self, ids: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """The states (B, T, D) from which the head predicts."""
        x = self.decoder.placed(self.embedded(ids))
        mask = causal_mask(ids.shape[1], x)
        for layer in self.decoder.layers:
            x = layer(x, mask, source, source_mask)
        return x

    def forward(self, source_ids: Tensor, lengths: Tensor, target_ids: Tensor) -> Tensor:
        states = self.decode(target_ids, *self.encode(source_ids, lengths))
        return F.linear(states, self.embedding.weight, self.head_bias)

    @classmethod
    def from_folder(cls, path: Path, *, context: int | None = None, directions: tuple[str, ...] = ()) -> Bart:
        """Read a Hugging Face folder with a BART or a Marian. Raises ConfigError."""
        folder = Folder.open(path)
        config = bart_config(folder, context, directions)
        return load_mapped(cls(config), bart_weights(folder, config), path)

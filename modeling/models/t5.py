"""T5 (Raffel et al. 2020) and its version 1.1 (Shazeer 2020), as they are imported: RMSNorm before each part, scores
that are not scaled, and a bias by the distance of two tokens instead of positions. The bias is kept by distance, which
leaves nothing of its buckets to compute.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs.t5 import T5Config
from modeling.models.folder import Folder, load_mapped
from modeling.models.layers import RMSNorm, causal_mask, padding_mask
from modeling.models.seq2seq_folder import t5_config, t5_weights


def unscaled(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Attention (B, H, T, size) whose scores are not divided by anything, as (B, T, H * size)."""
    shares = (q @ k.transpose(-1, -2) + bias).softmax(-1)
    return (shares @ v).transpose(1, 2).flatten(2)


class T5Attention(nn.Module):
    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.size, inner = config.head_size, config.heads * config.head_size
        self.qkv = nn.Linear(config.width, 3 * inner, bias=False)
        self.out = nn.Linear(inner, config.width, bias=False)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (-1, self.size)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        return self.out(unscaled(q, k, v, bias))  # q, k, v: (B, H, T, size)


class T5SourceAttention(nn.Module):
    """Attention of the target (B, T, D) to the encoded source (B, S, D)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.size, inner = config.head_size, config.heads * config.head_size
        self.q = nn.Linear(config.width, inner, bias=False)
        self.kv = nn.Linear(config.width, 2 * inner, bias=False)
        self.out = nn.Linear(inner, config.width, bias=False)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (-1, self.size)).transpose(1, 2)
                   for part in (self.q(x), *self.kv(source).chunk(2, -1)))  # (B, H, T or S, size)
        return self.out(unscaled(q, k, v, mask))


class T5FeedForward(nn.Module):
    """down(relu(up)), or down(gelu(gate) * up) with gate and up packed in this order."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.gated = config.activation == "gated_gelu"
        self.up = nn.Linear(config.width, config.hidden * (1 + self.gated), bias=False)
        self.down = nn.Linear(config.hidden, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.gated:
            gate, up = self.up(x).chunk(2, -1)
            return self.down(F.gelu(gate, approximate="tanh") * up)
        return self.down(F.relu(self.up(x)))


class T5Block(nn.Module):
    """Self-attention, in the decoder attention to the source, feed-forward: each of what is normed, added to x."""

    def __init__(self, config: T5Config, *, cross: bool) -> None:
        super().__init__()
        self.attention_norm, self.attention = RMSNorm(config.width, config.epsilon), T5Attention(config)
        if cross:
            self.cross_norm, self.cross_attention = RMSNorm(config.width, config.epsilon), T5SourceAttention(config)
        self.feed_forward_norm, self.feed_forward = RMSNorm(config.width, config.epsilon), T5FeedForward(config)

    def forward(self, x: Tensor, bias: Tensor, source: Tensor | None = None, source_mask: Tensor | None = None
                ) -> Tensor:
        x = x + self.attention(self.attention_norm(x), bias)
        if source is not None:
            x = x + self.cross_attention(self.cross_norm(x), source, source_mask)
        return x + self.feed_forward(self.feed_forward_norm(x))


class T5Stack(nn.Module):
    """Layers, their closing norm, and the bias of each head by distance: (distances, H)."""

    def __init__(self, config: T5Config, layers: int, distances: int, *, cross: bool) -> None:
        super().__init__()
        self.bias = nn.Embedding(distances, config.heads)
        self.layers = nn.ModuleList(T5Block(config, cross=cross) for _ in range(layers))
        self.norm = RMSNorm(config.width, config.epsilon)

    def between(self, length: int, nearest: int) -> Tensor:
        """(1, H, T, T) of the rows `nearest` + query's place - key's place."""
        places = torch.arange(length)
        rows = (nearest + places[:, None] - places).clamp(min=0)
        return self.bias(rows).permute(2, 0, 1)[None]


class T5(nn.Module):
    """Source ids (B, S) with lengths (B) and target ids (B, T) to logits (B, T, V)."""

    def __init__(self, config: T5Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.encoder = T5Stack(config, config.encoder_layers, 2 * config.context - 1, cross=False)
        self.decoder = T5Stack(config, config.decoder_layers, config.target_context, cross=True)
        if not config.tied:
            self.head = nn.Linear(config.width, config.vocabulary_size, bias=False)

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The encoded source (B, S, D) and its mask."""
        x = self.embedding(ids)
        mask = padding_mask(lengths, ids.shape[1], x)
        bias = self.encoder.between(ids.shape[1], self.config.context - 1) + mask
        for layer in self.encoder.layers:
            x = layer(x, bias)
        return self.encoder.norm(x), mask

    def decode(self, ids: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """The states (B, T, D) from which the head predicts."""
        x = self.embedding(ids)
        bias = self.decoder.between(ids.shape[1], 0) + causal_mask(ids.shape[1], x)
        for layer in self.decoder.layers:
            x = layer(x, bias, source, source_mask)
        return self.decoder.norm(x)

    def forward(self, source_ids: Tensor, lengths: Tensor, target_ids: Tensor) -> Tensor:
        states = self.decode(target_ids, *self.encode(source_ids, lengths))
        states = states * self.config.width**-0.5 if self.config.scaled else states
        return F.linear(states, self.embedding.weight if self.config.tied else self.head.weight)

    @classmethod
    def from_folder(cls, path: Path, *, context: int | None = None, directions: tuple[str, ...] = ()) -> T5:
        """Read a Hugging Face folder with a T5. Raises ConfigError."""
        folder = Folder.open(path)
        config = t5_config(folder, context, directions)
        return load_mapped(cls(config), t5_weights(folder, config), path)

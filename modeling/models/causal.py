"""Causal language models from elsewhere, as one network: Llama (Touvron et al. 2023; Dubey et al. 2024), Mistral (Jiang
et al. 2023), Qwen2 and Qwen3 (Yang et al. 2024, 2025), GPT-2 (Radford et al. 2019). The configuration says which parts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import CausalConfig
from modeling.models.causal_folder import chat_of, config_of, weights_of
from modeling.models.dropout import Dropout
from modeling.models.folder import Folder, load_mapped
from modeling.models.layers import RMSNorm, attend, causal_mask, initialise, rotate
from modeling.text import Tokenizer


def norm_of(config: CausalConfig, width: int) -> nn.Module:
    kind = RMSNorm if config.norm == "rms" else nn.LayerNorm
    return kind(width, config.epsilon)


def tables_of(config: CausalConfig, length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (length, head_size / 2)."""
    frequencies = torch.tensor(config.frequencies(), dtype=torch.float32)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    return angles.cos(), angles.sin()


class CausalAttention(nn.Module):
    """q, k and v packed into one matrix, which may have a bias; queries and keys may be normed before they turn."""

    def __init__(self, config: CausalConfig) -> None:
        super().__init__()
        self.config, size = config, config.head_size
        self.qkv = nn.Linear(config.width, (config.heads + 2 * config.kv_heads) * size, bias=config.biases != "none")
        self.out = nn.Linear(config.heads * size, config.width, bias=config.biases == "all")
        self.q_norm = norm_of(config, size) if config.qk_norm else nn.Identity()
        self.k_norm = norm_of(config, size) if config.qk_norm else nn.Identity()

    def forward(self, x: Tensor, tables: tuple[Tensor, Tensor] | None, mask: Tensor) -> Tensor:
        heads, kv_heads = self.config.heads, self.config.kv_heads
        packed = self.qkv(x).unflatten(-1, (-1, self.config.head_size)).transpose(1, 2)  # (B, H + 2 KV, T, size)
        q, k, v = packed.split((heads, kv_heads, kv_heads), dim=1)
        q, k = self.q_norm(q), self.k_norm(k)
        if tables is not None:
            q, k = rotate(q, tables), rotate(k, tables)
        if kv_heads != heads:
            k, v = (part.repeat_interleave(heads // kv_heads, dim=1) for part in (k, v))
        return self.out(attend(q, k, v, mask).transpose(1, 2).flatten(2))


class CausalFeedForward(nn.Module):
    """down(silu(gate) * up) as Shazeer 2020, gate and up packed in this order, or down(gelu(up))."""

    def __init__(self, config: CausalConfig) -> None:
        super().__init__()
        self.activation, bias = config.activation, config.biases == "all"
        if config.activation == "swiglu":
            self.gate_up = nn.Linear(config.width, 2 * config.hidden, bias=bias)
        else:
            self.up = nn.Linear(config.width, config.hidden, bias=bias)
        self.down = nn.Linear(config.hidden, config.width, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.activation == "swiglu":
            gate, up = self.gate_up(x).chunk(2, dim=-1)
            return self.down(F.silu(gate) * up)
        return self.down(F.gelu(self.up(x), approximate="tanh" if self.activation == "gelu_tanh" else "none"))


class CausalBlock(nn.Module):
    """Pre-norm self-attention and feed-forward, each added to the residual stream x (B, T, width)."""

    def __init__(self, config: CausalConfig) -> None:
        super().__init__()
        self.attention_norm, self.attention = norm_of(config, config.width), CausalAttention(config)
        self.feed_forward_norm, self.feed_forward = norm_of(config, config.width), CausalFeedForward(config)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, tables: tuple[Tensor, Tensor] | None, mask: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), tables, mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Causal(nn.Module):
    """Token ids (B, T) to logits (B, T, V)."""

    def __init__(self, config: CausalConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        if config.positions == "learned":
            self.positions = nn.Embedding(config.learned_positions, config.width)
        self.layers = nn.ModuleList(CausalBlock(config) for _ in range(config.layers))
        self.norm = norm_of(config, config.width)
        if not config.tied:
            self.head = nn.Linear(config.width, config.vocabulary_size, bias=False)
        initialise(self, config.layers)

    @property
    def head_weight(self) -> Tensor:
        """(V, D)."""
        return self.embedding.weight if self.config.tied else self.head.weight

    def states(self, ids: Tensor) -> Tensor:
        """What the head reads, (B, T, D)."""
        x = self.embedding(ids)  # (B, T, D)
        tables = None
        if self.config.positions == "learned":
            x = x + self.positions.weight[: ids.shape[1]]
        else:
            tables = tables_of(self.config, ids.shape[1])
        mask = causal_mask(ids.shape[1], x)
        for layer in self.layers:
            x = layer(x, tables, mask)
        return self.norm(x)

    def forward(self, ids: Tensor) -> Tensor:
        return F.linear(self.states(ids), self.head_weight)

    @classmethod
    def from_folder(cls, path: Path, *, context: int | None = None) -> Causal:
        """Read a Hugging Face folder of one of the families; `context` may be less than the model's own.

        Raises ConfigError for other families, and for parts that this network does not have.
        """
        folder, tokenizer = Folder.open(path), Tokenizer.load(path)
        config = config_of(folder, tokenizer.vocabulary_size, context)
        return load_mapped(cls(config), weights_of(folder, config), path)

    @staticmethod
    def served(path: Path, tokenizer: Tokenizer) -> dict[str, Any]:
        """What serving has to know beside the graph."""
        return chat_of(path, tokenizer)

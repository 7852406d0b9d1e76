"""An encoder-decoder (Vaswani et al. 2017), pre-norm, with rotary positions and SwiGLU: for translation, and for
summaries with a copying head (See et al. 2017, 2.2, on one more attention to the source)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs.transformer import CopyingTransformerConfig, TransformerConfig, TransformerSizes
from modeling.models.copying import mixed, surprises
from modeling.models.dropout import Dropout
from modeling.models.layers import (
    Attention,
    Block,
    RMSNorm,
    SwiGLU,
    attend,
    causal_mask,
    initialise,
    padding_mask,
    rotary_tables,
)

Memory = dict[str, Tensor]
"""What a step reads and changes, rows first. "source..." stays as it is: keys and values of each layer (B, H, S, size),
"source_mask" (B, 1, 1, S), "source_ids" (B, S). State: "k0", "v0" ... (B, H, T, size), what was written so far."""


class CrossAttention(nn.Module):
    """Attention of the target (B, T, D) to the encoded source (B, S, D); no positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.size = width // heads
        self.q = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], -1, self.size).transpose(1, 2)  # (B, H, T or S, size)

    def read(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, H, S, size)."""
        keys, values = self.kv(source).view(*source.shape[:2], -1, self.size).transpose(1, 2).chunk(2, 1)
        return keys, values

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        return self.out(attend(self.heads(self.q(x)), keys, values, mask).transpose(1, 2).flatten(2))


class TargetLayer(nn.Module):
    def __init__(self, config: TransformerSizes) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.width)
        self.attention = Attention(config.width, config.heads, config.heads)
        self.cross_norm = RMSNorm(config.width)
        self.cross_attention = CrossAttention(config.width, config.heads)
        self.feed_forward_norm = RMSNorm(config.width)
        self.feed_forward = SwiGLU(config.width, config.hidden)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, x: Tensor, tables: tuple[Tensor, Tensor], mask: Tensor, source: Tensor, source_mask: Tensor
    ) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), tables, mask))
        return self._beyond(x, *self.cross_attention.read(source), source_mask)

    def step(self, x: Tensor, tables: tuple[Tensor, Tensor], memory: Memory, number: int) -> Tensor:
        """One token x (B, 1, D) behind those in the memory, which gets it."""
        written, keys, values = self.attention.step(self.attention_norm(x), tables, memory.get(f"k{number}"),
                                                    memory.get(f"v{number}"))
        memory |= {f"k{number}": keys, f"v{number}": values}
        return self._beyond(x + written, memory[f"source_k{number}"], memory[f"source_v{number}"],
                            memory["source_mask"])

    def _beyond(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """What follows on self-attention."""
        x = x + self.dropout(self.cross_attention(self.cross_norm(x), keys, values, mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


class Stack(nn.Module):
    """Layers and their closing norm."""

    def __init__(self, layers: list[nn.Module], width: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.norm = RMSNorm(width)


class TransformerBase(nn.Module):
    """What the translator and the summariser share."""

    def __init__(self, config: TransformerSizes) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        own = config.source_vocabulary_size
        self.source_embedding = nn.Embedding(own, config.width) if own else None
        block = (config.width, config.heads, config.heads, config.hidden, config.dropout)
        self.encoder = Stack([Block(*block) for _ in range(config.encoder_layers)], config.width)
        self.decoder = Stack([TargetLayer(config) for _ in range(config.decoder_layers)], config.width)
        self.output = None if config.tied else nn.Linear(config.width, config.vocabulary_size, bias=False)

    def tables(self, length: int) -> tuple[Tensor, Tensor]:
        return rotary_tables(length, self.config.width // self.config.heads, self.config.theta)

    @property
    def output_weight(self) -> Tensor:
        """(V, D)"""
        return self.embedding.weight if self.output is None else self.output.weight

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The encoded source (B, S, D) and its mask."""
        x = (self.source_embedding or self.embedding)(ids)
        mask, tables = padding_mask(lengths, ids.shape[1], x), self.tables(ids.shape[1])
        for layer in self.encoder.layers:
            x = layer(x, tables, mask)
        return self.encoder.norm(x), mask

    def decode(self, ids: Tensor, source: Tensor, source_mask: Tensor) -> Tensor:
        """The states (B, T, D) from which the head predicts; the target is read from its start."""
        x = self.embedding(ids)
        mask, tables = causal_mask(ids.shape[1], x), self.tables(ids.shape[1])
        for layer in self.decoder.layers:
            x = layer(x, tables, mask, source, source_mask)
        return self.decoder.norm(x)

    def head(self, states: Tensor) -> Tensor:
        return F.linear(states, self.output_weight)

    def begin(self, ids: Tensor, lengths: Tensor) -> Memory:
        """Read the sources (B, S), for `step`."""
        source, mask = self.encode(ids, lengths)
        memory = {"source_mask": mask, "source_ids": ids, "source": source}
        for number, layer in enumerate(self.decoder.layers):
            keys, values = cast(TargetLayer, layer).cross_attention.read(source)
            memory |= {f"source_k{number}": keys, f"source_v{number}": values}
        return memory

    def stepped(self, ids: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The newest tokens (B, 1) to states (B, 1, D), and the memory with them."""
        memory, x = memory.copy(), self.embedding(ids)
        at = memory["k0"].shape[2] if "k0" in memory else 0
        cosine, sine = self.tables(at + 1)
        for number, layer in enumerate(self.decoder.layers):
            x = cast(TargetLayer, layer).step(x, (cosine[at:], sine[at:]), memory, number)
        return self.decoder.norm(x), memory


class Transformer(TransformerBase):
    """Source ids (B, S) with lengths (B) and target ids (B, T) to logits (B, T, V)."""

    copies = False

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        initialise(self, max(config.encoder_layers, config.decoder_layers))

    def states(self, source_ids: Tensor, lengths: Tensor, target_ids: Tensor) -> Tensor:
        """The states (B, T, D) from which the head predicts."""
        return self.decode(target_ids, *self.encode(source_ids, lengths))

    def forward(self, source_ids: Tensor, lengths: Tensor, target_ids: Tensor) -> Tensor:
        return self.head(self.states(source_ids, lengths, target_ids))

    def step(self, ids: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The newest tokens (B, 1) to log probabilities (B, V) of the next."""
        states, memory = self.stepped(ids, memory)
        return self.head(states)[:, 0].float().log_softmax(-1), memory


class CopyingTransformer(TransformerBase):
    """Text ids (B, S) with lengths (B) and summary ids (B, T) to log probabilities (B, T, V).

    The copying head is an attention of its own to the source, with one head whose shares are the chances to copy.
    """

    copies = True

    def __init__(self, config: CopyingTransformerConfig) -> None:
        super().__init__(config)
        self.copy_query = nn.Linear(config.width, config.width, bias=False)
        self.copy_key = nn.Linear(config.width, config.width, bias=False)
        self.writing = nn.Linear(config.width, 1)
        initialise(self, max(config.encoder_layers, config.decoder_layers))

    def mixture(self, states: Tensor, source: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (B, T, V), the chance to write (B, T, 1) and the shares of the source's tokens (B, T, S)."""
        scores = self.copy_query(states) @ self.copy_key(source).transpose(1, 2) * self.config.width**-0.5
        return self.head(states), self.writing(states).sigmoid(), (scores + mask[:, 0]).softmax(-1)

    def surprises(self, ids: Tensor, lengths: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Minus the log probability of each token after the first (B, T - 1); nothing is attended to twice."""
        source, mask = self.encode(ids, lengths)
        found = self.mixture(self.decode(target[:, :-1], source, mask), source, mask)
        wanted = surprises(*found, ids, target[:, 1:])
        return wanted, torch.zeros_like(wanted)

    def forward(self, source_ids: Tensor, lengths: Tensor, target_ids: Tensor) -> Tensor:
        source, mask = self.encode(source_ids, lengths)
        return mixed(*self.mixture(self.decode(target_ids, source, mask), source, mask), source_ids)

    def step(self, ids: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The newest tokens (B, 1) to log probabilities (B, V) of the next."""
        states, memory = self.stepped(ids, memory)
        found = self.mixture(states, memory["source"], memory["source_mask"])
        return mixed(*found, memory["source_ids"])[:, 0], memory

"""Building blocks shared by the decoder and the translation transformer.

RMSNorm (Zhang & Sennrich 2019), rotary positions (Su et al. 2021), grouped-query attention (Ainslie et al. 2023),
SwiGLU (Shazeer 2020). Weights are named and laid out as `modeling.export` reads them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.models.dropout import Dropout


class RMSNorm(nn.Module):
    def __init__(self, width: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight, self.epsilon)


def rotary_tables(length: int, size: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (length, size / 2), of positions 0 to length - 1."""
    frequencies = theta ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, tables: tuple[Tensor, Tensor]) -> Tensor:
    """Turn x (B, H, T, size) by the angles of its positions; the halves form the pairs."""
    cosine, sine = (table.to(x.dtype) for table in tables)  # (T, size / 2)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout: Dropout | None = None) -> Tensor:
    """Softmax attention, scaled by the root of the head size; mask (additive) broadcasts to (B, H, T, S).

    `dropout` is for the attention's weights, where a network wants it.

    Written out: for short sequences in bf16 on a CPU this is faster than the fused kernel, which a GPU takes.
    """
    if q.device.type == "cuda":
        share = dropout.p if dropout and dropout.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=share)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # (B, H, T, S)
    if mask is not None:
        scores = scores + mask
    shares = scores.softmax(-1)
    return (dropout(shares) if dropout else shares) @ v


def causal_mask(length: int, like: Tensor) -> Tensor:
    """(length, length): 0 where a position may look, -inf where it lies ahead."""
    return torch.full((length, length), float("-inf"), dtype=like.dtype, device=like.device).triu(1)


def padding_mask(lengths: Tensor, size: int, like: Tensor) -> Tensor:
    """(B, 1, 1, size): 0 for the first `lengths` positions, a large negative number after them."""
    ahead = torch.arange(size, device=lengths.device) >= lengths[:, None]
    return torch.zeros(ahead.shape, dtype=like.dtype, device=like.device).masked_fill(ahead, -1e4)[:, None, None]


def is_real(lengths: Tensor, like: Tensor) -> Tensor:
    """(B, T, 1): 1 for the first `lengths` positions of like (B, T, ...), 0 for the padding after them."""
    return (torch.arange(like.shape[1], device=like.device) < lengths[:, None])[:, :, None].to(like.dtype)


def mean_of(x: Tensor, lengths: Tensor) -> Tensor:
    """Mean (B, D) of the real positions of x (B, T, D)."""
    real = is_real(lengths, x)
    return (x * real).sum(1) / real.sum(1)


def text_mask(texts: Tensor, like: Tensor) -> Tensor:
    """(B, 1, T, T): 0 where both positions are of the same text, a large negative number where they are not."""
    other = texts[:, None, :, None] != texts[:, None, None, :]
    return torch.zeros(other.shape, dtype=like.dtype, device=like.device).masked_fill(other, -1e4)


class Attention(nn.Module):
    """Self-attention with rotary positions; q, k and v packed into one matrix."""

    def __init__(self, width: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = heads, kv_heads, width // heads
        self.qkv = nn.Linear(width, (heads + 2 * kv_heads) * self.size, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, tables: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        batch, length, width = x.shape
        heads = self.qkv(x).view(batch, length, -1, self.size).transpose(1, 2)  # (B, H + 2 KV, T, size)
        q, k, v = heads.split((self.heads, self.kv_heads, self.kv_heads), dim=1)
        q, k = rotate(q, tables), rotate(k, tables)
        if self.kv_heads != self.heads:
            k, v = (part.repeat_interleave(self.heads // self.kv_heads, dim=1) for part in (k, v))
        y = attend(q, k, v, mask)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))

    def step(self, x: Tensor, tables: tuple[Tensor, Tensor], keys: Tensor | None, values: Tensor | None,
             ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        """One token x (B, 1, width) behind keys and values (B, H, T, size): what comes of it, and both with it. Of as
        many heads for keys as for queries; `tables` are those of its position."""
        q, k, v = self.qkv(x).view(len(x), 1, -1, self.size).transpose(1, 2).chunk(3, dim=1)
        k = rotate(k, tables)
        k, v = (part if past is None else torch.cat((past, part), 2) for past, part in ((keys, k), (values, v)))
        return self.out(attend(rotate(q, tables), k, v, None).transpose(1, 2).flatten(2)), k, v


class SwiGLU(nn.Module):
    """down(silu(gate) * up), gate and up packed in this order."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate_up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward, each added to the residual stream x (B, T, width)."""

    def __init__(self, width: int, heads: int, kv_heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(width)
        self.attention = Attention(width, heads, kv_heads)
        self.feed_forward_norm = RMSNorm(width)
        self.feed_forward = SwiGLU(width, hidden)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, tables: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), tables, mask))
        return x + self.dropout(self.feed_forward(self.feed_forward_norm(x)))


def initialise(module: nn.Module, layers: int) -> None:
    """Normal weights of deviation 0.02, those that write into the residual stream smaller with the depth."""
    for name, parameter in module.named_parameters():
        if parameter.dim() > 1:
            ends_block = name.endswith(("out.weight", "down.weight"))
            nn.init.normal_(parameter, std=0.02 / (2 * layers) ** 0.5 if ends_block else 0.02)

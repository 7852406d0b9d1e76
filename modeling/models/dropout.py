"""Dropout (Srivastava et al. 2014) with cheap random bits: PyTorch's own takes up to 40 % of a step on a CPU.

`bernoulli_` draws on one thread. Here one number of PyTorch's generator seeds a counter, and a multiplicative hash of
it (after MurmurHash3's finaliser, Appleby 2011) gives eight random bytes a word on all threads. The same state of the
generator gives the same bytes on any number of threads, so that a resumed training stays the same bit by bit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

FIRST, SECOND = -0xAE502812AA7333, -0x3B314601E57A13AD
"""MurmurHash3's multipliers, as signed 64-bit numbers."""


def random_bytes(like: Tensor) -> Tensor:
    """Uniform bytes (int8) in the shape of `like`; moves PyTorch's generator on by one number."""
    seed = int(torch.randint(2**62, ()))
    words = torch.arange(seed, seed + (like.numel() + 7) // 8)
    words.mul_(FIRST).bitwise_xor_(words >> 32).mul_(SECOND)
    words.add_(words >> 32)  # not XORed: a signed shift repeats the sign, which would wipe out the highest bit
    return words.view(torch.int8)[: like.numel()].view(like.shape)


class _Drop(torch.autograd.Function):
    """Keeps the bytes, not the mask: comparing them again is as quick as reading a mask, and half its size in bf16."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dropped: int) -> Tensor:
        drawn = random_bytes(x)
        ctx.save_for_backward(drawn)
        ctx.dropped = dropped
        return _masked(x, drawn, dropped)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _masked(grad, ctx.saved_tensors[0], ctx.dropped), None


def _masked(x: Tensor, drawn: Tensor, dropped: int) -> Tensor:
    # `out` makes the comparison write 1 and 0 in the kind of x: a mask of bool would be converted on a slow path.
    kept = torch.ge(drawn, dropped - 128, out=torch.empty(drawn.shape, dtype=x.dtype))
    return kept.mul_(x).mul_(256 / (256 - dropped))


class Dropout(nn.Module):
    """Sets a share `p` of x to 0, in steps of 1/256, and scales the rest so that the mean stays; in training only."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p, self.dropped = p, min(255, max(1, round(256 * p)))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return F.dropout(x, self.p)
        return _Drop.apply(x, self.dropped)  # type: ignore[no-untyped-call]

    def extra_repr(self) -> str:
        return f"p={self.p}"

"""Low-rank adaptation (Hu et al. 2021): a frozen linear map learns a difference of few numbers, which is added to it
at the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LoRALinear(nn.Module):
    """x W^T + b + scale * x A^T B^T: W (out, in) and b frozen, A (rank, in) and B (out, rank) learnt; B starts at 0."""

    def __init__(self, linear: nn.Linear, rank: int, scale: float) -> None:
        super().__init__()
        self.scale, like = scale, linear.weight
        self.weight, self.bias = linear.weight.requires_grad_(False), linear.bias
        self.a = nn.Parameter(torch.empty(rank, linear.in_features, device=like.device))
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank, device=like.device))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias) + F.linear(F.linear(x, self.a), self.b) * self.scale


def adapt(module: nn.Module, *, rank: int, scale: float) -> nn.Module:
    """Freeze a network, and let each linear map within its `layers` learn by a pair of small matrices."""
    module.requires_grad_(False)
    for parent in list(module.get_submodule("layers").modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, LoRALinear(child, rank, scale))
    return module


def merged(module: nn.Module, exact: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of the network without pairs: `exact` are its frozen weights in fp32, as they were before."""
    state = dict(exact)
    for name, part in module.named_modules():
        if isinstance(part, LoRALinear):
            state[f"{name}.weight"] = exact[f"{name}.weight"] + part.scale * (part.b.float() @ part.a.float())
    return state

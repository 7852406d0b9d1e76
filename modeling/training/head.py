"""Cross-entropy straight from the states: the head's logits exist for a slice of the positions at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

SLICE = 512  # positions; their logits stay in the cache's neighbourhood instead of filling memory with fresh pages


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, target: Tensor, smoothing: float) -> Tensor:
        total = states.new_zeros((), dtype=torch.float32)
        states_grad, weight_grad = torch.empty_like(states), torch.zeros_like(weight, dtype=torch.float32)
        # What smoothing adds is the same for all words: a mean of the head, not another pass over the logits.
        mean = weight.mean(0, dtype=torch.float32)
        for start in range(0, len(target), SLICE):
            part, wanted = states[start : start + SLICE], target[start : start + SLICE, None]
            logits = part @ weight.T  # (N, V)
            total += logits.logsumexp(-1).sum(dtype=torch.float32)
            total -= (1 - smoothing) * logits.gather(1, wanted).sum(dtype=torch.float32)
            grad = torch.softmax(logits, -1, out=logits)
            grad.scatter_add_(1, wanted, grad.new_full(wanted.shape, smoothing - 1))
            torch.mm(grad, weight, out=states_grad[start : start + SLICE])
            weight_grad += grad.T @ part
        if smoothing:
            total -= smoothing * (states.float() @ mean).sum()
            states_grad -= smoothing * mean.to(states.dtype)
            weight_grad -= smoothing / len(weight) * states.sum(0, dtype=torch.float32)
        ctx.save_for_backward(states_grad, weight_grad.to(weight.dtype))
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        states_grad, weight_grad = ctx.saved_tensors  # type: ignore[attr-defined]
        return states_grad * grad, weight_grad * grad, None, None


def linear_cross_entropy(states: Tensor, weight: Tensor, target: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy in nats of `states @ weight.T` against `target`, summed over the positions.

    `states` (N, D), `weight` (V, D), `target` (N,). The gradient is computed on the way forward, in slices, so that
    the logits (N, V) never exist as a whole (after Hsu et al. 2024, Liger Kernel, 3.2). With label smoothing as in
    Szegedy et al. 2016, 7.
    """
    loss: Tensor = _LinearCrossEntropy.apply(states, weight, target, smoothing)  # type: ignore[no-untyped-call]
    return loss

import pytest
import torch
from torch.nn import functional as F

from modeling.training.head import SLICE, linear_cross_entropy


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradients_are_those_of_cross_entropy_over_whole_logits(smoothing: float) -> None:
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2 * SLICE + 7, 16, generator=generator, requires_grad=True)
    weight = torch.randn(50, 16, generator=generator, requires_grad=True)
    target = torch.randint(0, 50, (len(states),), generator=generator)

    whole = F.cross_entropy(states @ weight.T, target, reduction="sum", label_smoothing=smoothing)
    expected = torch.autograd.grad(whole / 7, (states, weight))
    sliced = linear_cross_entropy(states, weight, target, smoothing=smoothing)
    found = torch.autograd.grad(sliced / 7, (states, weight))

    assert sliced.item() == pytest.approx(whole.item(), rel=1e-5)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)

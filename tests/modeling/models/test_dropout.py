import pytest
import torch
from torch import Tensor

from modeling.models.dropout import Dropout, random_bytes


def dropped(*shape: int, p: float = 0.25, seed: int = 3, kind: torch.dtype = torch.float32) -> Tensor:
    torch.manual_seed(seed)
    return Dropout(p)(torch.ones(*shape, dtype=kind))


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_the_share_dropped_is_the_one_asked_for_and_the_mean_stays(p: float) -> None:
    x = dropped(1000, 1000, p=p)
    assert float((x == 0).float().mean()) == pytest.approx(round(256 * p) / 256, abs=0.003)
    assert float(x.mean()) == pytest.approx(1.0, abs=0.01)
    assert len(x.unique()) == 2


def test_bytes_are_uniform_in_every_place_of_a_word_and_know_nothing_of_their_neighbours() -> None:
    torch.manual_seed(0)
    drawn = random_bytes(torch.empty(1 << 20)).long() + 128
    for place in range(8):
        counts = torch.bincount(drawn[place::8], minlength=256).float()
        expected = len(drawn) / 8 / 256
        chi_square = float((counts - expected).square().sum() / expected)
        assert 160 < chi_square < 370  # 255 degrees of freedom: within five deviations
    centred = drawn.float() - 127.5
    for distance in (1, 7, 8, 9, 16, 384, 4096):
        correlation = float((centred[distance:] * centred[:-distance]).mean() / centred.square().mean())
        assert abs(correlation) < 0.005


def test_the_same_state_of_the_generator_gives_the_same_mask_whatever_the_threads() -> None:
    threads = torch.get_num_threads()
    first = dropped(300, 77)
    torch.set_num_threads(1 if threads > 1 else 2)
    assert torch.equal(first, dropped(300, 77))
    torch.set_num_threads(threads)
    assert not torch.equal(first, dropped(300, 77, seed=4))
    torch.manual_seed(3)
    layer, x = Dropout(0.25), torch.ones(300, 77)
    assert not torch.equal(layer(x), layer(x))


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_the_gradient_goes_where_the_values_went(kind: torch.dtype) -> None:
    x = torch.randn(40, 30).to(kind).requires_grad_()
    y = Dropout(0.3)(x)
    y.backward(torch.ones_like(y))
    assert y.dtype == kind
    torch.testing.assert_close(y, x * x.grad, rtol=1e-2, atol=1e-6)
    assert x.grad.unique().tolist() == pytest.approx([0.0, 256 / (256 - 77)], rel=0.01)


def test_it_is_silent_in_evaluation_and_without_a_share() -> None:
    x = torch.randn(5)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x

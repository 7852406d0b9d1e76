import pytest
import torch
from torch import nn

from modeling.configs import TrainingConfig
from modeling.training.optimization import Optimization, blocks_of, from_blocks, orthogonalise, rate_at


@pytest.mark.parametrize("shape", [(8, 8), (24, 8), (8, 24), (10, 8), (8, 10)])
def test_blocks_put_together_are_the_matrix(shape: tuple[int, int]) -> None:
    matrix = torch.randn(*shape)
    assert torch.equal(from_blocks(blocks_of(matrix), matrix.shape), matrix)


def test_orthogonalised_blocks_have_singular_values_near_one() -> None:
    values = torch.linalg.svdvals(orthogonalise(torch.randn(3, 32, 32)))
    assert 0.3 < float(values.median()) < 1.5
    assert float(values.max()) < 1.5


def test_the_rate_rises_stays_and_falls_to_zero() -> None:
    config = TrainingConfig(learning_rate=1.0, warmup=0.1, decay=0.5)
    rates = [rate_at(step, 100, config) for step in range(101)]
    assert rates[0] == 0.1
    assert rates[9] == rates[30] == rates[50] == 1.0
    assert rates[75] == 0.5
    assert rates[100] == 0.0


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_bf16_weights_follow_their_fp32_masters(optimizer: str) -> None:
    torch.manual_seed(0)
    network = nn.ModuleDict({"layers": nn.Sequential(nn.Linear(16, 16), nn.Linear(16, 1))})
    optimization = Optimization(network, TrainingConfig(optimizer=optimizer), bf16=True)
    x, losses = torch.randn(64, 16), []
    for _ in range(60):
        loss = (optimization.module["layers"](x.bfloat16()).float()[:, 0] - x[:, 0]).square().mean()
        loss.backward()
        losses.append(float(loss.detach()))
        optimization.gather()
        optimization.update(0.02)
    assert losses[-1] < 0.2 * losses[0]
    for working, master in zip(optimization.working, optimization.masters, strict=True):
        assert torch.equal(working, master.bfloat16())


def test_unknown_choices_and_shares_are_refused() -> None:
    with pytest.raises(Exception, match="adamw, muon"):
        TrainingConfig(optimizer="sgd")
    with pytest.raises(Exception, match="share from 0 to 1"):
        TrainingConfig(warmup=2.0)


def test_averages_are_the_mean_of_the_weights_since_they_began_and_are_what_was_learnt() -> None:
    torch.manual_seed(0)
    optimization = Optimization(nn.Linear(4, 1), TrainingConfig(optimizer="nt-asgd"), bf16=False)
    seen: list[torch.Tensor] = []
    for step in range(6):
        optimization.module(torch.randn(8, 4)).square().mean().backward()
        optimization.gather()
        optimization.update(0.5)
        if step == 2:
            optimization.average()
        if step >= 2:
            seen.append(optimization.masters[0].detach().clone())
    torch.testing.assert_close(optimization.weights()[0], torch.stack(seen).mean(0))
    with optimization.learnt():
        assert torch.equal(optimization.module.weight, optimization.averages[0])
    assert torch.equal(optimization.module.weight, optimization.masters[0])

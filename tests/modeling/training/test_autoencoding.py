"""The bound of a sentence autoencoder: what it counts, what it gives for nothing, what it says of itself."""

from __future__ import annotations

import math

import pytest
import torch

from modeling.configs import TrainingConfig, VAEConfig
from modeling.text import Tokenizer
from modeling.training.objectives.autoencoding import Autoencoding, divergence

ROWS = [{"text": f"{a}{b}{c}"} for a in "abcd" for b in "efgh" for c in "ijkl"]


def objective(**settings: float) -> Autoencoding:
    tokenizer = Tokenizer.train([row["text"] for row in ROWS], vocabulary_size=32, kind="characters")
    config = VAEConfig(vocabulary_size=tokenizer.vocabulary_size, embedding=12, hidden=24, latent=3, context=8,
                       **({"dropout": 0.0, "word_dropout": 0.0} | settings))  # type: ignore[arg-type]
    return Autoencoding(tokenizer, config, TrainingConfig(threads=1))


def test_the_divergence_is_that_of_two_gaussians() -> None:
    mean, variance = torch.tensor([1.5]), torch.tensor([0.3])
    two = torch.distributions.Normal(mean, variance.sqrt()), torch.distributions.Normal(0.0, 1.0)
    assert torch.allclose(divergence(mean, variance.log()), torch.distributions.kl_divergence(*two))


def test_telling_costs_nothing_at_first_and_its_whole_price_at_last() -> None:
    task = objective(autoencoding=0.2, annealing=0.4)
    costs = []
    for task.done in (0.0, 0.1, 0.3, 0.5, 0.7, 1.0):
        costs.append(task.cost_of_telling())
    assert costs == pytest.approx([0, 0, 0.25, 0.75, 1, 1])


def test_free_bits_leave_a_number_alone_that_tells_little() -> None:
    def gradient(bits: float) -> float:
        task = objective(free_bits=bits)
        task.done = 1.0
        torch.manual_seed(0)
        module = task.module()
        torch.manual_seed(1)
        task.loss(module, task.examples(ROWS, training=True)).backward()  # type: ignore[no-untyped-call]
        return float(module.posterior.bias.grad[3:].abs().sum())

    assert gradient(10.0) < gradient(0.0)


def test_words_are_hidden_from_the_decoder_and_never_its_first_input() -> None:
    task = objective(word_dropout=0.5)
    torch.manual_seed(0)
    ids = torch.full((50, 9), 7)
    ids[:, 0] = task.tokenizer.bos_id
    inputs = task.hidden_words(ids)
    assert (inputs[:, 0] == task.tokenizer.bos_id).all()
    assert 0.3 < (inputs[:, 1:] == task.tokenizer.unk_id).float().mean() < 0.7


def test_it_learns_and_the_importance_weighted_bound_is_the_tighter_one() -> None:
    task = objective(free_bits=0.5, autoencoding=0.7, word_dropout=0.5)
    torch.manual_seed(0)
    module, examples = task.module(), task.examples(ROWS, training=True)
    optimizer = torch.optim.Adam(module.parameters(), 0.02)
    for step in range(160):
        task.done = step / 160
        task.loss(module, examples).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
    found = task.evaluate(module.eval(), ROWS)
    assert found["negative_elbo"] < 1.6 * math.log(64)  # 64 texts, all as likely: log 64 is the least there is
    assert found["kl"] > 1 and found["active_units"] >= 2
    assert math.log(64) - 0.2 < found["importance_weighted"] < found["negative_elbo"] + 0.1
    assert {"input", "output", "expected"} == set(task.samples(module, ROWS[:1])[0])

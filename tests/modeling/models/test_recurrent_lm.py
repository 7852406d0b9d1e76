"""AWD-LSTM's regularisation, and the state that goes on."""

from __future__ import annotations

import pytest
import torch

from modeling.configs import RecurrentLMConfig
from modeling.models import RecurrentLM
from modeling.models.recurrent_lm import LockedDropout


def network(**settings: object) -> RecurrentLM:
    torch.manual_seed(0)
    plain = {name: 0.0 for name in RecurrentLMConfig.__dataclass_fields__ if name.startswith("dropout")}
    sizes = {"vocabulary_size": 40, "embedding": 8, "hidden": 12, "layers": 2}
    return RecurrentLM(RecurrentLMConfig(**(sizes | plain | settings)))  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_text_in_two_pieces_gives_what_it_gives_whole(cell: str) -> None:
    model, ids = network(cell=cell).eval(), torch.randint(0, 40, (3, 10))
    with torch.no_grad():
        whole, _, _ = model.run(ids)
        first, _, state = model.run(ids[:, :4])
        second, _, _ = model.run(ids[:, 4:], state)
    assert torch.allclose(torch.cat((first, second), 1), whole, atol=1e-6)


def test_a_mask_is_the_same_for_all_places_of_a_text_and_another_for_the_next_text() -> None:
    dropped = LockedDropout(0.5).train()(torch.ones(2, 6, 64)) == 0
    assert (dropped == dropped[:, :1]).all() and (dropped[0] != dropped[1]).any()
    assert 0.3 < dropped.float().mean() < 0.7


def test_weights_from_state_to_state_are_dropped_in_training_only() -> None:
    model, ids = network(dropout_weights=0.5), torch.randint(0, 40, (2, 6))
    first, second = model.train()(ids), model(ids)
    assert not torch.allclose(first, second)
    first.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert torch.equal(model.eval()(ids), model(ids))


def test_a_step_can_do_without_some_words() -> None:
    model = network(dropout_words=0.5).train()
    vectors = model.embedded(torch.arange(40)[None])[0]
    gone = (vectors == 0).all(1)
    assert 5 < int(gone.sum()) < 35
    assert torch.allclose(vectors[~gone], 2 * model.embedding.weight[~gone], rtol=1e-2)


def test_the_configuration_counts_the_weights() -> None:
    for cell in ("lstm", "gru", "rnn"):
        model = network(cell=cell, layers=3)
        assert model.config.parameters() == sum(p.numel() for p in model.parameters())

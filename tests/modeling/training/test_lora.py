"""Low-rank adaptation learns what peft's does, and leaves a network without a trace of itself."""

from __future__ import annotations

import copy

import torch
from peft import LoraConfig, get_peft_model

from modeling.configs import CausalConfig
from modeling.models import Causal
from modeling.models.lora import adapt, merged

CONFIG = CausalConfig(vocabulary_size=60, width=32, layers=2, heads=2, kv_heads=1, head_size=16, hidden=48, context=32,
                      biases="all", norm="layer", activation="gelu")
IDS = torch.arange(120).view(4, 30) % 60


def learn(module: torch.nn.Module, parameters: list[torch.nn.Parameter]) -> list[float]:
    optimizer, losses = torch.optim.AdamW(parameters, lr=3e-2), []
    for _ in range(12):
        logits = module(IDS[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), IDS[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def test_the_losses_and_the_merged_weights_are_those_of_peft() -> None:
    torch.manual_seed(0)
    base = Causal(CONFIG)
    theirs_base, ours = copy.deepcopy(base), copy.deepcopy(base)
    names = [name for name, part in base.named_modules() if isinstance(part, torch.nn.Linear)]
    theirs = get_peft_model(theirs_base, LoraConfig(r=4, lora_alpha=8, target_modules=names, lora_dropout=0.0))
    exact = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    ours = adapt(ours, rank=4, scale=2.0)
    parts = dict(theirs.base_model.model.named_modules())
    with torch.no_grad():  # the same draws, whatever the order in which the two make them
        for name in names:
            own = ours.get_submodule(name)
            own.a.copy_(parts[name].lora_A["default"].weight)
            assert not own.b.any() and own.a.std() > 0
    expected = learn(theirs, [p for p in theirs.parameters() if p.requires_grad])
    found = learn(ours, [p for p in ours.parameters() if p.requires_grad])
    assert found[-1] < found[0] - 0.05
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), atol=1e-5, rtol=1e-5)
    whole = Causal(CONFIG)
    whole.load_state_dict(merged(ours, exact))
    wanted = theirs.merge_and_unload().state_dict()
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(tensor, wanted[name], atol=1e-5, rtol=1e-4)


def test_only_the_pairs_learn_and_they_begin_with_what_the_network_was() -> None:
    torch.manual_seed(0)
    base = Causal(CONFIG).eval()
    adapted = adapt(copy.deepcopy(base), rank=2, scale=2.0)
    torch.testing.assert_close(adapted(IDS), base(IDS))
    learning = {name for name, p in adapted.named_parameters() if p.requires_grad}
    assert learning and all(name.endswith((".a", ".b")) for name in learning)
    spread = [float(part.a.detach().std()) for part in adapted.modules() if hasattr(part, "a")]
    assert all(0.05 < value < 0.2 for value in spread)  # uniform within the root of 3 / (3 width): about 0.1

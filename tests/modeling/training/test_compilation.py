"""Compiled layers have the weights' names, and what cannot be compiled is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from modeling.configs import DecoderConfig
from modeling.errors import ConfigError
from modeling.models import Decoder
from modeling.training.compilation import compile_layers, repeated, without_compilation

CONFIG = DecoderConfig(vocabulary_size=40, width=32, layers=2, heads=2, kv_heads=1, hidden=24, context=16)


def compiled(module: nn.Module) -> list[bool]:
    return [layer._compiled_call_impl is not None for layer in repeated(module)]


def test_a_compiled_network_keeps_the_names_and_is_itself_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name or None)
    module = Decoder(CONFIG)
    names, ids = list(module.state_dict()), torch.arange(5)[None]
    before = module(ids)
    compile_layers(module)
    assert compiled(module) == [True, True] and list(module.state_dict()) == names
    assert compiled(without_compilation(module)) == [False, False]
    assert torch.equal(module(ids), before)


def test_a_machine_without_a_compiler_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ConfigError, match=r"no C\+\+ compiler.*install g\+\+") as error:
        compile_layers(Decoder(CONFIG))
    assert error.value.field == "compile"


def test_a_network_that_repeats_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name or None)
    with pytest.raises(ConfigError, match="repeats no layers"):
        compile_layers(nn.Sequential(nn.Linear(2, 2), nn.ModuleList([nn.LSTM(2, 2)])))

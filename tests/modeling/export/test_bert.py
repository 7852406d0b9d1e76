"""The reader's graph against PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from modeling.artifact import Artifact
from modeling.export import Storage
from modeling.export.session import Session

Build = Callable[..., tuple[nn.Module, Artifact]]


@pytest.mark.parametrize("storage", ["fp32", "fp16", "int8"])
def test_windows_of_unlike_length_get_pytorchs_logits(build: Build, storage: Storage) -> None:
    module, artifact = build("bert", storage)
    random = np.random.default_rng(0)
    ids, types, lengths = random.integers(0, 300, (3, 20)), random.integers(0, 2, (3, 20)), np.array([20, 5, 13])
    mask = (np.arange(20) < lengths[:, None]).astype(np.int64)
    inputs = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
    found = Session(artifact.graph("reader")).run(inputs, ["start_logits", "end_logits"])
    wanted = module(*(torch.from_numpy(array) for array in (ids, types, lengths)))
    for logits, expected in zip(found, wanted, strict=True):
        assert np.abs((logits - expected.numpy()) * mask).max() < 2e-5


def test_the_longest_window_uses_every_position(build: Build) -> None:
    module, artifact = build("bert")
    ids = np.random.default_rng(1).integers(0, 300, (1, 64))
    ones, zeros = np.ones_like(ids), np.zeros_like(ids)
    found = Session(artifact.graph("reader")).run(
        {"input_ids": ids, "token_type_ids": zeros, "attention_mask": ones}, ["start_logits"])[0]
    wanted = module(torch.from_numpy(ids), torch.from_numpy(zeros), torch.tensor([64]))[0]
    assert np.abs(found - wanted.numpy()).max() < 2e-5

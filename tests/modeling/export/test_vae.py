"""The autoencoder's two graphs against PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from modeling.artifact import Artifact
from modeling.export import Storage
from modeling.export.parity import _greedy
from modeling.export.session import Session
from modeling.models import SentenceVAE

Build = Callable[..., tuple[nn.Module, Artifact]]


@pytest.mark.parametrize("storage", ["fp32", "int8"])
def test_sentences_of_unlike_length_become_pytorchs_numbers_and_come_back_step_by_step(
    build: Build, storage: Storage
) -> None:
    module, artifact = build("vae", storage)
    assert isinstance(module, SentenceVAE)
    ids, lengths = np.random.default_rng(0).integers(4, 300, (4, 9)), np.array([9, 2, 5, 7])
    mean, log_variance = module.encode(torch.from_numpy(ids), torch.from_numpy(lengths))
    inputs = {"input_ids": ids, "lengths": lengths.astype(np.int32)}
    found = Session(artifact.graph("encoder")).run(inputs, ["mean", "log_variance"])
    assert np.abs(found[0] - mean.numpy()).max() < 2e-5 and np.abs(found[1] - log_variance.numpy()).max() < 2e-5
    decoder, expected = Session(artifact.graph("decoder")), module.decode(torch.from_numpy(ids), mean).numpy()
    cache = decoder.cache(4, 0)
    cache["past_z"][...] = mean.numpy()
    for step in range(9):
        inputs = {**_greedy(ids[:, step : step + 1]), "last": np.zeros((4, 1), np.int64)}
        logits = decoder.run(inputs, ["logits"], cache)[0]
        assert np.abs(logits - expected[:, step]).max() < 5e-5
    assert np.array_equal(cache["past_z"], mean.numpy())

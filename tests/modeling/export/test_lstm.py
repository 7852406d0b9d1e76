"""The classifier's graph against PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from modeling.artifact import Artifact
from modeling.configs import LSTMConfig
from modeling.export import Storage
from modeling.export.session import Session

Build = Callable[..., tuple[nn.Module, Artifact]]


@pytest.mark.parametrize("storage", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize(("labels", "bidirectional"), [(2, False), (2, True), (5, False), (5, True)])
def test_texts_of_unlike_length_get_pytorchs_probabilities(
    build: Build, storage: Storage, labels: int, bidirectional: bool
) -> None:
    config = LSTMConfig(vocabulary_size=300, embedding=16, hidden=24, labels=labels, bidirectional=bidirectional)
    module, artifact = build("lstm", storage, config)
    ids, lengths = np.random.default_rng(0).integers(0, 300, (4, 11)), np.array([11, 1, 7, 3])
    inputs = {"input_ids": ids, "lengths": lengths.astype(np.int32)}
    logits, probabilities = Session(artifact.graph("classifier")).run(inputs, ["logits", "probabilities"])
    expected = module(torch.from_numpy(ids), torch.from_numpy(lengths))
    share = expected.sigmoid()
    wanted = torch.cat([1 - share, share], 1) if labels == 2 else expected.softmax(-1)
    assert np.abs(logits - expected.numpy()).max() < 2e-5
    assert np.abs(probabilities - wanted.numpy()).max() < 2e-6
    assert np.allclose(probabilities.sum(-1), 1, atol=1e-6)

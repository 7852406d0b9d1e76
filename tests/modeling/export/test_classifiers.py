"""The graphs of the classifiers against PyTorch, for texts of unlike length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modeling.configs import BagConfig, BertClassifierConfig, CNNConfig, EncoderConfig, LSTMConfig
from modeling.export import Storage, assemble, rounded_state_dict
from modeling.export.session import Session
from modeling.models import NETWORKS
from tests.modeling.export.conftest import network

SIZE = {"vocabulary_size": 300, "length": 32}
SMALL = {"width": 32, "heads": 2, "layers": 2, "hidden": 48}
CONFIGS: list[Any] = [
    BagConfig(**SIZE, embedding=8, buckets=40),
    BagConfig(**SIZE, embedding=8, ngrams=1, labels=4),
    CNNConfig(**SIZE, embedding=8, filters=6, widths=(1, 2, 5)),
    CNNConfig(**SIZE, embedding=8, filters=6, labels=3, several=True),
    LSTMConfig(**SIZE, embedding=8, hidden=12, cell="gru", layers=2, bidirectional=True, labels=3),
    LSTMConfig(**SIZE, embedding=8, hidden=12, cell="gru", attention=True),
    LSTMConfig(**SIZE, embedding=8, hidden=12, cell="rnn", layers=3, bidirectional=True, attention=True),
    LSTMConfig(**SIZE, embedding=8, hidden=12, layers=2, labels=2, several=True),
    EncoderConfig(**SIZE, **SMALL),
    EncoderConfig(**SIZE, **SMALL, pooling="first", labels=3),
    BertClassifierConfig(**SIZE, **SMALL, positions=64),
    BertClassifierConfig(**SIZE, **SMALL, positions=64, types=1, offset=2, epsilon=1e-5, pooling="first", labels=3),
    BertClassifierConfig(**SIZE, **SMALL, positions=64, types=0, labels=3, several=True),
]


@pytest.mark.parametrize("storage", ["fp32", "int8"])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: f"{type(config).__name__}-{config.labels}")
def test_texts_of_unlike_length_get_pytorchs_probabilities(
    tmp_path: Path, config: Any, storage: Storage
) -> None:
    module = network(NETWORKS[type(config)], config)
    state = module.state_dict()
    artifact = assemble(tmp_path / "model", task="classification", model="any", config=config, state=state,
                        storage=storage)
    module.load_state_dict(rounded_state_dict(state, storage))
    table = config.table if isinstance(config, BagConfig) else 300
    ids, lengths = np.random.default_rng(0).integers(0, table, (4, 11)), np.array([11, 1, 7, 3])
    inputs = {"input_ids": ids, "lengths": lengths.astype(np.int32)}
    logits, probabilities = Session(artifact.graph("classifier")).run(inputs, ["logits", "probabilities"])
    expected = module(torch.from_numpy(ids), torch.from_numpy(lengths))
    share = expected.sigmoid()
    one_of = torch.cat([1 - share, share], 1) if config.labels == 2 else expected.softmax(1)
    wanted = share if config.several else one_of
    assert np.abs(logits - expected.numpy()).max() < 5e-5
    assert np.abs(probabilities - wanted.numpy()).max() < 1e-5
    short = module(torch.from_numpy(ids[3:, :3]), torch.tensor([3]))
    assert torch.allclose(expected[3:], short, atol=1e-5)  # padding changes nothing
    assert sum(p.numel() for p in module.parameters()) == config.parameters()

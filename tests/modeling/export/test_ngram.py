"""The n-gram graph against PyTorch, its last tokens kept from step to step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from modeling.configs import NgramConfig
from modeling.export import assemble
from modeling.export.parity import _greedy
from modeling.export.session import Session
from modeling.models import Ngram

CHUNKS = (4, 1, 1, 3, 1, 1)


def test_chunks_and_steps_give_what_pytorch_gives(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    texts = [[2, *random.integers(4, 12, 20).tolist(), 3] for _ in range(60)]
    module = Ngram(NgramConfig(vocabulary_size=16, order=4))
    module.count(texts, start=2)
    state = module.state_dict()
    artifact = assemble(tmp_path / "a", task="generation", model="ngram", config=module.config, state=state,
                        storage="int8")
    session, place = Session(artifact.graph("decoder")), 0
    ids = np.concatenate([np.array(texts[:3])[:, :11], np.array([[2, *random.integers(4, 16, 10)]])])
    expected, cache = module(torch.from_numpy(ids)).numpy(), session.cache(4, 0)
    for size in CHUNKS:
        inputs = {**_greedy(ids[:, place : place + size]), "last": np.full((4, 1), size - 1)}
        logits = session.run(inputs, ["logits"], cache)[0]
        place += size
        assert np.abs(logits - expected[:, place - 1]).max() < 1e-4
    assert np.array_equal(cache["past_ids"], ids[:, -3:])

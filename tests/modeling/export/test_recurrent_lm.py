"""The recurrent language model's graph against PyTorch, its state written where it was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from torch import nn

from modeling.artifact import Artifact
from modeling.configs import RecurrentLMConfig
from modeling.export import Storage
from modeling.export.parity import _greedy
from modeling.export.session import Session

Build = Callable[..., tuple[nn.Module, Artifact]]
CHUNKS = (3, 1, 1, 5, 1, 1, 1)


def config(cell: str) -> RecurrentLMConfig:
    return RecurrentLMConfig(vocabulary_size=300, embedding=16, hidden=24, layers=3, cell=cell)  # type: ignore[arg-type]


def logits(session: Session, ids: np.ndarray, cache: Mapping[str, np.ndarray]) -> np.ndarray:
    last = np.full((len(ids), 1), ids.shape[1] - 1)
    return session.run({**_greedy(ids), "last": last}, ["logits"], cache)[0]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("storage", ["fp32", "int8"])
def test_chunks_and_steps_over_one_memory_answer_as_pytorch_does(build: Build, cell: str, storage: Storage) -> None:
    module, artifact = build("recurrent", storage, config(cell))
    session, ids = Session(artifact.graph("decoder")), np.random.default_rng(0).integers(4, 300, (5, sum(CHUNKS)))
    expected, cache, place = module(torch.from_numpy(ids)).numpy(), session.cache(5, 0), 0
    for size in CHUNKS:
        found = logits(session, ids[:, place : place + size], cache)
        place += size
        assert np.abs(found - expected[:, place - 1]).max() < 2e-5


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_writing_a_state_over_itself_is_the_same_as_writing_it_elsewhere(build: Build, cell: str) -> None:
    """Engine and export give past and present one memory; ONNX Runtime documents no such thing for its operators."""
    _, artifact = build("recurrent", "fp32", config(cell))
    session, ids = Session(artifact.graph("decoder")), np.random.default_rng(1).integers(4, 300, (7, 9))
    shared, states = session.cache(7, 0), session.cache(7, 0)
    names = [name.replace("past_", "present_") for name in states]
    for place in range(9):
        step = ids[:, place : place + 1]
        inputs = {**_greedy(step), "last": np.zeros((7, 1), np.int64)}
        apart, *after = session.run({**inputs, **states}, ["logits", *names])
        assert np.array_equal(apart, logits(session, step, shared))
        states = dict(zip(states, after, strict=True))
        assert all(np.array_equal(shared[name], states[name]) for name in states)


def test_rows_in_the_middle_of_the_memory_leave_the_others_alone(build: Build) -> None:
    _, artifact = build("recurrent", "fp32", config("lstm"))
    session, ids = Session(artifact.graph("decoder")), np.random.default_rng(2).integers(4, 300, (6, 4))
    cache = session.cache(6, 0)
    logits(session, ids, cache)
    before = {name: array.copy() for name, array in cache.items()}
    logits(session, ids[2:4, :1], {name: array[2:4] for name, array in cache.items()})
    for name, array in cache.items():
        assert np.array_equal(array[[0, 1, 4, 5]], before[name][[0, 1, 4, 5]])
        assert not np.allclose(array[2:4], before[name][2:4])

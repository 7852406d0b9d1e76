"""The translation graphs against PyTorch: ragged sources, hypotheses that share a source, reordered caches."""

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
TOLERANCE = 2e-5
LENGTHS = np.array([9, 4, 6])


def encode(artifact: Artifact) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    ids = np.random.default_rng(0).integers(4, 300, (3, 9))
    mask = (np.arange(9) < LENGTHS[:, None]).astype(np.int32)
    names = [f"cross_{part}{layer}" for layer in range(2) for part in "kv"]
    found = Session(artifact.graph("encoder")).run({"input_ids": ids, "attention_mask": mask}, names)
    return ids, {**dict(zip(names, found, strict=True)), "cross_mask": mask}


def expected(module: nn.Module, ids: np.ndarray, beams: int, targets: np.ndarray) -> np.ndarray:
    sources, lengths = (torch.from_numpy(array).repeat_interleave(beams, 0) for array in (ids, LENGTHS))
    return module(sources, lengths, torch.from_numpy(targets)).numpy()


def step(session: Session, shared: dict[str, np.ndarray], cache: dict[str, np.ndarray], ids: np.ndarray, at: int,
         beams: int) -> list[np.ndarray]:
    inputs = {**shared, "input_ids": ids[:, None], "seqlens_k": np.full(len(ids), at, np.int32),
              "total": np.array(at + 1, np.int32), "query_shape": np.array([3, beams, 64])}
    return session.run(inputs, ["logits", "top_ids", "top_logprobs"], cache)


@pytest.mark.parametrize("storage", ["fp32", "fp16", "int8"])
@pytest.mark.parametrize("beams", [1, 2, 4])
def test_hypotheses_of_ragged_sources_answer_as_pytorch_does(build: Build, storage: Storage, beams: int) -> None:
    module, artifact = build("transformer", storage)
    ids, shared = encode(artifact)
    targets = np.random.default_rng(1).integers(4, 300, (3 * beams, 7))
    wanted = expected(module, ids, beams, targets)
    session = Session(artifact.graph("decoder"))
    cache = session.cache(3 * beams, 16)
    for at in range(7):
        logits, best, logprobs = step(session, shared, cache, targets[:, at], at, beams)
        assert np.abs(logits - wanted[:, at]).max() < TOLERANCE
        assert (best[:, 0] == wanted[:, at].argmax(-1)).all()
        full = torch.from_numpy(wanted[:, at]).log_softmax(-1).numpy()
        assert np.allclose(logprobs, np.take_along_axis(full, best, 1), atol=1e-4)
        assert best.shape == (3 * beams, 16)


def test_a_hypothesis_that_changes_its_row_keeps_its_past(build: Build) -> None:
    module, artifact = build("transformer")
    ids, shared = encode(artifact)
    targets = np.random.default_rng(2).integers(4, 300, (6, 6))
    session = Session(artifact.graph("decoder"))
    cache = session.cache(6, 16)
    for at in range(3):
        step(session, shared, cache, targets[:, at], at, 2)
    parents = np.array([1, 1, 2, 2, 5, 4])  # rows move inside of their source's group
    for array in cache.values():
        array[:] = array[parents]
    moved = np.concatenate([targets[parents, :3], targets[:, 3:]], axis=1)
    wanted = expected(module, ids, 2, moved)
    for at in range(3, 6):
        assert np.abs(step(session, shared, cache, moved[:, at], at, 2)[0] - wanted[:, at]).max() < TOLERANCE


def test_padding_of_a_source_changes_nothing(build: Build) -> None:
    module, artifact = build("transformer")
    ids, shared = encode(artifact)
    alone = Session(artifact.graph("encoder")).run(
        {"input_ids": ids[1:2, :4], "attention_mask": np.ones((1, 4), np.int32)}, ["cross_k1"])[0]
    assert np.abs(alone[0] - shared["cross_k1"][1, :, :4]).max() < TOLERANCE

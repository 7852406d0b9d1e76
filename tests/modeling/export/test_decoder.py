"""The language model's graph against PyTorch: ragged prompts, chunks, decoding, slots used again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from modeling.artifact import Artifact
from modeling.export import Storage
from modeling.export.session import Session

Build = Callable[..., tuple[nn.Module, Artifact]]
TOLERANCE = 2e-5


class Slots:
    """A cache of rows that a test fills step by step, and the sequences that should be in it."""

    def __init__(self, module: nn.Module, artifact: Artifact, rows: int = 4, capacity: int = 64) -> None:
        self.module, self.session = module, Session(artifact.graph("decoder"))
        self.cache = self.session.cache(rows, capacity)
        self.texts: list[list[int]] = [[] for _ in range(rows)]

    def add(self, first: int, chunks: list[list[int]]) -> None:
        """Append a chunk to each row from `first` on, and compare logits and choice with PyTorch's."""
        ids = np.zeros((len(chunks), max(map(len, chunks))), np.int64)
        for row, chunk in enumerate(chunks):
            ids[row, : len(chunk)] = chunk
            self.texts[first + row] = self.texts[first + row] + chunk
        texts = self.texts[first : first + len(chunks)]
        used = np.array([len(text) for text in texts])
        one = np.ones((len(chunks), 1), np.float32)
        inputs = {
            "input_ids": ids, "last": np.array([[len(chunk) - 1] for chunk in chunks]),
            "seqlens_k": (used - 1).astype(np.int32), "total": np.array(used.max(), np.int32),
            "inverse_temperature": one, "top_p": one, "repetition_penalty": one, "uniform": one * np.float32(0.7),
            "top_k": np.ones((len(chunks), 1), np.int64), "recent": np.repeat(ids[:, :1], 64, axis=1),
        }
        view = {name: array[first : first + len(chunks)] for name, array in self.cache.items()}
        logits, chosen = self.session.run(inputs, ["logits", "next"], view)
        for row, text in enumerate(texts):
            expected = self.module(torch.tensor([text]))[0, -1].numpy()
            assert np.abs(expected - logits[row]).max() < TOLERANCE
            assert expected.argmax() == chosen[row, 0]


def tokens(count: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(4, 300, count).tolist()


@pytest.mark.parametrize("storage", ["fp32", "fp16", "int8"])
def test_prompts_of_unlike_length_and_the_steps_after_them_answer_as_pytorch_does(
    build: Build, storage: Storage
) -> None:
    slots = Slots(*build("decoder", storage))
    slots.add(0, [tokens(16), tokens(3, 1), tokens(9, 2), tokens(1, 3)])
    for step in range(5):
        slots.add(0, [tokens(1, 10 * step + row) for row in range(4)])


def test_a_slot_is_used_again_and_filled_in_chunks_while_the_others_go_on(build: Build) -> None:
    slots = Slots(*build("decoder"))
    for row, length in enumerate((17, 40, 5, 23)):
        slots.add(row, [tokens(length, row)])
    slots.add(0, [[7], [8], [9], [10]])
    slots.texts[1] = []
    slots.add(1, [tokens(12, 5)])
    slots.add(1, [tokens(8, 6)])
    slots.add(0, [[7], [8], [9], [10]])


def test_a_row_answers_the_same_whoever_shares_its_batch(build: Build) -> None:
    module, artifact = build("decoder")
    alone, together = Slots(module, artifact), Slots(module, artifact)
    alone.add(0, [tokens(6)])
    together.add(0, [tokens(6), tokens(11, 1), tokens(2, 2)])
    for name, array in alone.cache.items():
        assert np.abs(array[0, :, :6] - together.cache[name][0, :, :6]).max() < TOLERANCE


def test_the_context_can_be_filled_to_its_last_position(build: Build) -> None:
    slots = Slots(*build("decoder"), rows=1)
    slots.add(0, [tokens(63)])
    slots.add(0, [[5]])


@pytest.mark.parametrize("storage", ["fp16", "int8"])
def test_stored_weights_are_widened_when_the_graph_is_loaded_and_not_at_each_step(
    build: Build, storage: Storage, tmp_path: object
) -> None:
    _, artifact = build("decoder", storage)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = f"{tmp_path}/optimised.onnx", 3
    onnxruntime.InferenceSession(artifact.graph("decoder"), options, providers=["CPUExecutionProvider"])
    graph = onnx.load(options.optimized_model_filepath, load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    left = [node for node in graph.node if set(node.input) & constants and node.op_type in ("Cast", "Mul", "Transpose")]
    assert not left
    widened = sum(node.op_type == "FusedMatMul" for node in graph.node)
    assert widened == 2 * 4 + 1

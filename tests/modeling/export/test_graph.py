"""All graphs: valid ONNX, true to their manifest, small, and the ones for CUDA computing in fp16."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from modeling.artifact import Artifact

Build = Callable[..., tuple[nn.Module, Artifact]]
MODELS = ["lstm", "bert", "decoder", "transformer"]
NAMES = {"i32": "tensor(int32)", "i64": "tensor(int64)", "f16": "tensor(float16)", "f32": "tensor(float)"}


PROVIDERS = pytest.mark.parametrize(
    "provider", ["CPUExecutionProvider", pytest.param("CUDAExecutionProvider", marks=pytest.mark.gpu)]
)


def session(
    artifact: Artifact, role: str, device: str, provider: str = "CPUExecutionProvider"
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(artifact.graph(role, device), options, providers=[provider])


def run(artifact: Artifact, role: str, inputs: dict[str, np.ndarray], provider: str) -> dict[str, np.ndarray]:
    """Answers of the graph for CUDA; a CPU computes its fp16 as well, only slowly."""
    graph = session(artifact, role, "cuda", provider)
    names = [output.name for output in graph.get_outputs()]
    return dict(zip(names, graph.run(names, inputs), strict=True))


@pytest.mark.parametrize("model", MODELS)
def test_graphs_are_valid_small_and_true_to_their_manifest(build: Build, model: str) -> None:
    _, artifact = build(model, "int8")
    for entry in artifact.graphs:
        path = artifact.path / entry["file"]
        onnx.checker.check_model(path)
        assert path.stat().st_size < 100_000
        found = session(artifact, entry["role"], entry["device"])
        for side, values in (("inputs", found.get_inputs()), ("outputs", found.get_outputs())):
            wanted = {value["name"]: (NAMES[value["type"]], value["shape"]) for value in entry[side]}
            assert {value.name: (value.type, value.shape) for value in values} == wanted


@pytest.mark.parametrize("model", ["decoder", "transformer"])
def test_caches_for_cuda_are_fp16_and_logits_fp32(build: Build, model: str) -> None:
    _, artifact = build(model)
    entry = next(e for e in artifact.graphs if (e["role"], e["device"]) == ("decoder", "cuda"))
    types = {value["name"]: value["type"] for value in entry["inputs"] + entry["outputs"]}
    caches = ("past", "present", "cross_k", "cross_v")
    assert {kind for name, kind in types.items() if name.startswith(caches)} == {"f16"}
    assert types["logits"] == "f32"


@PROVIDERS
def test_the_language_models_graph_for_cuda_answers_as_pytorch_does_within_fp16(build: Build, provider: str) -> None:
    module, artifact = build("decoder")
    ids, lengths = np.random.default_rng(0).integers(4, 300, (3, 9)), np.array([9, 4, 1])
    one = np.ones((3, 1), np.float32)
    inputs = {
        "input_ids": ids, "last": lengths[:, None] - 1, "seqlens_k": (lengths - 1).astype(np.int32),
        "total": np.array(9, np.int32), "inverse_temperature": one, "top_p": one, "repetition_penalty": one,
        "uniform": 0 * one, "top_k": one.astype(np.int64), "recent": np.repeat(ids[:, :1], 64, axis=1),
        **{f"past_{part}{layer}": np.zeros((3, 2, 16, 16), np.float16) for part in "kv" for layer in range(2)},
    }
    wanted = module(torch.from_numpy(ids)).numpy()[np.arange(3), lengths - 1]
    assert np.abs(run(artifact, "decoder", inputs, provider)["logits"] - wanted).max() < 0.03


@PROVIDERS
def test_the_translation_graphs_for_cuda_answer_as_pytorch_does_within_fp16(build: Build, provider: str) -> None:
    module, artifact = build("transformer")
    ids, lengths = np.random.default_rng(0).integers(4, 300, (3, 9)), np.array([9, 4, 6])
    mask = (np.arange(9) < lengths[:, None]).astype(np.int32)
    cross = run(artifact, "encoder", {"input_ids": ids, "attention_mask": mask}, provider)
    targets = ids[:, :1]
    inputs = {
        **cross, "cross_mask": mask, "input_ids": targets, "seqlens_k": np.zeros(3, np.int32),
        "total": np.array(1, np.int32), "query_shape": np.array([3, 1, 64]),
        **{f"past_{part}{layer}": np.zeros((3, 4, 8, 16), np.float16) for part in "kv" for layer in range(2)},
    }
    wanted = module(*(torch.from_numpy(array) for array in (ids, lengths, targets)))[:, 0].numpy()
    assert np.abs(run(artifact, "decoder", inputs, provider)["logits"] - wanted).max() < 0.05


@PROVIDERS
def test_the_readers_graph_for_cuda_answers_as_pytorch_does_within_fp16(build: Build, provider: str) -> None:
    module, artifact = build("bert")
    ids = np.random.default_rng(0).integers(0, 300, (2, 12))
    inputs = {"input_ids": ids, "token_type_ids": 0 * ids, "attention_mask": np.ones_like(ids)}
    wanted = module(torch.from_numpy(ids), torch.from_numpy(0 * ids), torch.tensor([12, 12]))[0].numpy()
    assert np.abs(run(artifact, "reader", inputs, provider)["start_logits"] - wanted).max() < 0.02

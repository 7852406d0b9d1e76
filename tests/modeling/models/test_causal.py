"""Causal models from Hugging Face folders answer as transformers does, and what we cannot read is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.configs import CausalConfig
from modeling.errors import ConfigError
from modeling.export import assemble
from modeling.export.session import Session
from modeling.models import Causal
from tests.modeling.folders import CAUSAL, causal_folder

IDS = torch.tensor(np.random.default_rng(0).integers(3, 300, (2, 40)))


@pytest.fixture(scope="module", params=CAUSAL)
def pair(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    theirs = causal_folder(folder, request.param)
    return theirs, Causal.from_folder(folder).eval().requires_grad_(False)


def test_logits_are_those_of_transformers(pair) -> None:
    theirs, ours = pair
    expected, found = theirs(IDS).logits, ours(IDS)
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())


def test_the_graph_answers_as_the_network_does_in_chunks_with_ragged_rows_and_step_by_step(pair, tmp_path) -> None:
    _, ours = pair
    artifact = assemble(tmp_path / "a", task="generation", model="causal", config=ours.config, state=ours.state_dict())
    session = Session(artifact.graph("decoder"))
    cache, expected = session.cache(2, 64), ours(IDS).numpy()
    used = np.array([9, 20])
    chunks = [(np.zeros((2, 20), np.int64), used)]
    chunks[0][0][0, :9], chunks[0][0][1] = IDS[0, :9], IDS[1, :20]
    for _ in range(5):
        chunks.append((np.stack([IDS[0, used[0]], IDS[1, used[1]]])[:, None], used := used + 1))
    one = np.ones((2, 1), np.float32)
    for step, (ids, total) in enumerate(chunks):
        last = (total if step == 0 else np.ones_like(total))[:, None] - 1
        inputs = {"input_ids": ids, "last": last, "seqlens_k": (total - 1).astype(np.int32),
                  "total": np.array(total.max(), np.int32), "inverse_temperature": one, "top_p": one,
                  "uniform": 0 * one, "top_k": one.astype(np.int64),
                  "recent": np.zeros((2, 64), np.int64), "repetition_penalty": one}
        chosen, logits = session.run(inputs, ["next", "logits"], cache)
        wanted = expected[[0, 1], total - 1]
        assert np.abs(wanted - logits).max() < 2e-5
        assert (wanted.argmax(-1) == chosen[:, 0]).all()
    alone = session.cache(1, 64)
    for start, stop in ((0, 16), (16, 30), (30, 31)):  # a prompt in chunks
        part = {name: value[:1] if value.ndim else value for name, value in inputs.items()} | {
            "input_ids": IDS[:1, start:stop].numpy(), "last": np.array([[stop - start - 1]]),
            "seqlens_k": np.array([stop - 1], np.int32), "total": np.array(stop, np.int32)}
        (logits,) = session.run(part, ["logits"], alone)
        assert np.abs(expected[:1, stop - 1] - logits).max() < 2e-5


def test_the_estimate_counts_the_parameters(pair) -> None:
    _, ours = pair
    counted = sum(p.numel() for p in ours.parameters())
    assert abs(ours.config.parameters() - counted) < 0.05 * counted


def test_weights_in_several_files_are_read_by_their_index(tmp_path) -> None:
    theirs = causal_folder(tmp_path, max_shard_size="20KB")
    assert (tmp_path / "model.safetensors.index.json").is_file()
    torch.testing.assert_close(Causal.from_folder(tmp_path).eval()(IDS), theirs(IDS).logits, atol=1e-4, rtol=0)


def test_the_context_ends_where_a_sliding_window_does(tmp_path) -> None:
    causal_folder(tmp_path, "mistral")
    assert Causal.from_folder(tmp_path).config.context == 48
    with pytest.raises(ConfigError, match="up to 48 tokens"):
        Causal.from_folder(tmp_path, context=64)


def change(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


REFUSED = {
    "another family": (lambda f: change(f, model_type="mamba"), "'mamba' model.*known are gpt2, llama"),
    "code of its own": (lambda f: change(f, auto_map={"AutoModel": "x.Y"}), "code of its own.*built into transformers"),
    "another activation": (lambda f: change(f, hidden_act="relu"), "hidden_act 'relu'.*silu"),
    "biases": (lambda f: change(f, attention_bias=True), "attention_bias True.*with attention_bias False"),
    "stretching": (lambda f: change(f, rope_parameters={"rope_type": "yarn", "factor": 4.0}), "'yarn'.*llama3"),
    "another shape": (lambda f: change(f, intermediate_size=64), "lacks or misshapes.*fit its config.json"),
    "a word for a number": (lambda f: change(f, hidden_size="wide"), "hidden_size 'wide'.*a number"),
    "more layers": (lambda f: change(f, num_hidden_layers=3), "lacks the weights layers.2"),
    "pickled weights": (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
                        "pytorch_model.bin, which is never opened.*save_pretrained"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "has no weights.*save_pretrained"),
    "broken weights": (lambda f: (f / "model.safetensors").write_bytes(b"no"), "not safetensors.*again"),
    "no configuration": (lambda f: (f / "config.json").unlink(), "no config.json"),
    "a broken configuration": (lambda f: (f / "config.json").write_text("[1"), "cannot be read.*again"),
    "an index that leads elsewhere": (lambda f: (f / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "../model.safetensors"}})), "lacks ../model"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_read_is_refused_with_what_to_do(fault, tmp_path) -> None:
    causal_folder(tmp_path)
    harm, message = REFUSED[fault]
    harm(tmp_path)
    with pytest.raises(ConfigError, match=message):
        Causal.from_folder(tmp_path)


def test_a_model_that_does_not_fit_into_the_memory_is_refused_before_it_is_read(tmp_path, monkeypatch) -> None:
    causal_folder(tmp_path)
    monkeypatch.setattr("modeling.models.folder.IMPORT_BYTES", 10**12)
    with pytest.raises(ConfigError, match="are free.*smaller model"):
        Causal.from_folder(tmp_path)


def test_heads_that_the_attention_kernel_cannot_take_are_refused() -> None:
    with pytest.raises(ConfigError, match="multiple of 8"):
        CausalConfig(head_size=20)

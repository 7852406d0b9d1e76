"""Encoders of Hugging Face folders, beside the library that made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import BertConfig, DistilBertConfig, RobertaConfig, XLMRobertaConfig

from modeling.errors import ConfigError
from modeling.models import BertClassifier

SIZES = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 48, "initializer_range": 0.2}
CONFIGS: dict[str, Any] = {
    "BertModel": BertConfig(**SIZES, max_position_embeddings=40),
    "RobertaModel": RobertaConfig(**SIZES, max_position_embeddings=42, type_vocab_size=1, layer_norm_eps=1e-5),
    "XLMRobertaModel": XLMRobertaConfig(**SIZES, max_position_embeddings=42, type_vocab_size=1),
    "DistilBertModel": DistilBertConfig(vocab_size=50, dim=32, n_layers=2, n_heads=4, hidden_dim=48,
                                        max_position_embeddings=40, initializer_range=0.2),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    transformers.BertModel(CONFIGS["BertModel"]).save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", CONFIGS)
def test_the_states_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = getattr(transformers, name)(CONFIGS[name]).eval()
    theirs.save_pretrained(tmp_path)
    module = BertClassifier.from_folder(tmp_path).eval()
    module.head = torch.nn.Identity()  # type: ignore[assignment]
    ids, lengths = torch.randint(5, 50, (3, 12)), torch.tensor([12, 7, 3])
    mask = (torch.arange(12) < lengths[:, None]).long()
    ids = ids.where(mask.bool(), CONFIGS[name].pad_token_id or 0)
    with torch.no_grad():
        states = theirs(ids, attention_mask=mask).last_hidden_state
        mean = (states * mask[:, :, None]).sum(1) / lengths[:, None]
        assert torch.allclose(module(ids, lengths), mean, atol=2e-5)


def _without_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _changed(**change: Any) -> Any:
    def change_config(folder: Path) -> None:
        config = folder / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | change))

    return change_config


@pytest.mark.parametrize(("spoil", "said"), [
    (_without_weights, "safe_serialization"),
    (_changed(auto_map={"AutoModel": "modeling_evil.Model"}), "trust_remote_code"),
    (_changed(hidden_size=64), "misshapes"),
    (_changed(num_hidden_layers=3), "lacks"),
    (_changed(model_type="gpt2"), "gpt2"),
    (_changed(hidden_act="gelu_new"), "activation"),
    (_changed(vocab_size=None), "config.json"),
    (lambda folder: (folder / "config.json").unlink(), "Hugging Face folder"),
    (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "Download"),
])
def test_a_folder_that_cannot_be_taken_is_refused_with_a_way_out(folder: Path, spoil: Any, said: str) -> None:
    spoil(folder)
    with pytest.raises(ConfigError, match=said):
        BertClassifier.from_folder(folder)

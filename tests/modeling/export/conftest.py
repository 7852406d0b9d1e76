"""Small networks with random weights, and runs as a training leaves them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from modeling.artifact import Artifact
from modeling.configs import (
    BertConfig,
    DecoderConfig,
    LSTMConfig,
    QANetConfig,
    RecurrentLMConfig,
    TransformerConfig,
    VAEConfig,
)
from modeling.export import Storage, assemble, rounded_state_dict
from modeling.models import (
    BertReader,
    Decoder,
    LSTMClassifier,
    QANet,
    RecurrentLM,
    SentenceVAE,
    Transformer,
)
from modeling.text import Tokenizer
from modeling.training.trained import TrainedModel

TEXTS = ["the cat sat on the mat", "a dog barked at the moon all night", "rain", "春眠不觉晓，处处闻啼鸟", "home"]
MARKS = ("[CLS]", "[SEP]", "[PAD]", "<2en>", "<2fr>")
KINDS: dict[str, tuple[str, type[nn.Module], Any]] = {
    "lstm": ("classification", LSTMClassifier, LSTMConfig(vocabulary_size=300, embedding=16, hidden=24, length=32)),
    "bert": ("question-answering", BertReader,
             BertConfig(vocabulary_size=300, width=48, layers=2, heads=4, hidden=96, positions=64, window=48, stride=8),
             ),
    "qanet": ("question-answering", QANet, QANetConfig(vocabulary_size=300, width=32, heads=4, hidden=48, window=48,
                                                       stride=8, blocks=2)),
    "decoder": ("generation", Decoder, DecoderConfig(vocabulary_size=300, width=64, layers=2, heads=4, kv_heads=2,
                                                     hidden=96, context=64)),
    "recurrent": ("generation", RecurrentLM, RecurrentLMConfig(vocabulary_size=300, embedding=16, hidden=24)),
    "vae": ("generation", SentenceVAE,
            VAEConfig(vocabulary_size=300, embedding=16, hidden=24, latent=6, context=24)),
    "transformer": ("translation", Transformer, TransformerConfig(
        vocabulary_size=300, width=64, encoder_layers=2, decoder_layers=2, heads=4, hidden=96, context=32,
        directions=("en-fr", "fr-en"))),
}

Build = Callable[..., tuple[nn.Module, Artifact]]


def network(kind: type[nn.Module], config: Any, seed: int = 0) -> nn.Module:
    """A network whose weights are large enough for decisions that are no ties."""
    torch.manual_seed(seed)
    module = kind(config).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(0.15 * noise if parameter.dim() > 1 else 1 + 0.1 * noise)
    return module.requires_grad_(False)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """An artifact and the network that it must answer like, with the weights as they are stored."""

    def make(kind: str, storage: Storage = "fp32", config: Any = None) -> tuple[nn.Module, Artifact]:
        task, network_type, usual = KINDS[kind]
        config = config or usual
        module = network(network_type, config)
        state = module.state_dict()
        artifact = assemble(tmp_path / kind, task=task, model=kind, config=config, state=state, storage=storage)
        module.load_state_dict(rounded_state_dict(state, storage))
        return module, artifact

    return make


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS, vocabulary_size=300, special_tokens=MARKS)


@pytest.fixture
def trained(tokenizer: Tokenizer) -> Callable[[str], TrainedModel]:
    """A run as a training hands it over, with 20 test rows."""

    def make(model: str) -> TrainedModel:
        task, network_type, config = KINDS[model]
        return TrainedModel(
            task=task, model=model, config=config, module=network(network_type, config), tokenizer=tokenizer,
            labels=["bad", "good"] if model == "lstm" else None, preprocessing={"length": 32}, metrics={"loss": 1.5},
            lineage={"seed": 0}, card="# A model\nFor tests.\n", test_rows=rows(task), languages=("en",),
            defaults={"temperature": 0.5},
        )

    return make


def rows(task: str) -> list[dict[str, Any]]:
    pairs = [(TEXTS[i % 5], TEXTS[(i + 1) % 5]) for i in range(20)]
    return {
        "classification": [{"text": a, "label": "good"} for a, _ in pairs],
        "generation": [{"text": a} for a, _ in pairs],
        "question-answering": [{"id": "1", "title": "", "context": b, "question": a, "answers": []} for a, b in pairs],
        "translation": [{"source": a, "target": b, "source_language": "en", "target_language": "fr"} for a, b in pairs],
    }[task]

"""BERT as a reader of passages (Devlin et al. 2019): post-norm encoder with a start and an end for each token."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import BertConfig
from modeling.errors import ConfigError
from modeling.models.dropout import Dropout
from modeling.models.layers import attend, padding_mask


class Embeddings(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(config.vocabulary_size, config.width)
        self.position = nn.Embedding(config.positions, config.width)
        self.segment = nn.Embedding(config.types, config.width)
        self.norm = nn.LayerNorm(config.width, eps=1e-12)
        self.dropout = Dropout(config.dropout)

    def forward(self, ids: Tensor, types: Tensor) -> Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device)
        return self.dropout(self.norm(self.word(ids) + self.segment(types) + self.position(positions)))


class BertAttention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.size = width // heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (-1, self.size)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        return self.out(attend(q, k, v, mask, self.dropout).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x)))


class BertLayer(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = BertAttention(config.width, config.heads, config.dropout)
        self.attention_norm = nn.LayerNorm(config.width, eps=1e-12)
        self.feed_forward = FeedForward(config.width, config.hidden)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=1e-12)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x, mask)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class BertReader(nn.Module):
    """`[CLS] question [SEP] passage [SEP]` (B, T) to the logits of starts and ends, each (B, T)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(BertLayer(config) for _ in range(config.layers))
        self.span = nn.Linear(config.width, 2)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, types: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        x = self.embeddings(ids, types)
        mask = padding_mask(lengths, ids.shape[1], x)
        for layer in self.layers:
            x = layer(x, mask)
        start, end = self.span(x).unbind(-1)
        return start, end

    @classmethod
    def from_folder(cls, path: Path, *, window: int | None = None, stride: int | None = None) -> BertReader:
        """Read a Hugging Face BERT folder; a missing answer head starts afresh. Only safetensors are opened."""
        found = read_folder_config(path)
        window = min(256, found["positions"]) if window is None else window
        module = cls(BertConfig(**found, window=window, stride=min(96, window // 3) if stride is None else stride))
        state, own = map_folder_weights(load_file(path / "model.safetensors")), module.state_dict()
        missing = [name for name in own if name not in state and not name.startswith("span.")]
        wrong = [name for name in state if name in own and state[name].shape != own[name].shape]
        if missing or wrong:
            raise ConfigError(
                f"{path} lacks or misshapes {', '.join((missing + wrong)[:4])}", allowed="the weights of a BERT encoder"
            )
        module.load_state_dict(own | {name: tensor for name, tensor in state.items() if name in own})
        return module


def read_folder_config(path: Path) -> dict[str, int]:
    """The sizes in a Hugging Face `config.json`, by the names of BertConfig."""
    if not (path / "model.safetensors").is_file() or not (path / "config.json").is_file():
        raise ConfigError(
            f"{path} is not a BERT folder", allowed="a folder with config.json, model.safetensors and tokenizer.json"
        )
    given = json.loads((path / "config.json").read_text())
    if given.get("model_type") != "bert" or given.get("hidden_act", "gelu") != "gelu":
        raise ConfigError(
            f"{path} holds a {given.get('model_type')!r} model with {given.get('hidden_act')!r}",
            allowed="model_type 'bert' with hidden_act 'gelu'",
        )
    names = {
        "vocabulary_size": "vocab_size", "width": "hidden_size", "layers": "num_hidden_layers",
        "heads": "num_attention_heads", "hidden": "intermediate_size", "positions": "max_position_embeddings",
        "types": "type_vocab_size",
    }
    return {ours: int(given[theirs]) for ours, theirs in names.items()}


FOLDER_NAMES = (
    ("embeddings.word_embeddings.", "embeddings.word."),
    ("embeddings.position_embeddings.", "embeddings.position."),
    ("embeddings.token_type_embeddings.", "embeddings.segment."),
    ("embeddings.LayerNorm.", "embeddings.norm."),
    ("encoder.layer.", "layers."),
    ("attention.output.dense.", "attention.out."),
    ("attention.output.LayerNorm.", "attention_norm."),
    ("intermediate.dense.", "feed_forward.up."),
    ("output.dense.", "feed_forward.down."),
    ("output.LayerNorm.", "feed_forward_norm."),
    ("qa_outputs.", "span."),
)


def map_folder_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of a Hugging Face BERT to ours, packing query, key and value."""
    ours: dict[str, Tensor] = {}
    for name, tensor in state.items():
        short = name.removeprefix("bert.")
        if ".attention.self." in short:
            if ".query." in short:
                parts = (state[name.replace("query", part)] for part in ("query", "key", "value"))
                renamed = short.replace("attention.self.query", "attention.qkv").replace("encoder.layer.", "layers.")
                ours[renamed] = torch.cat(tuple(parts)).float()
            continue
        for theirs, own in FOLDER_NAMES:
            short = short.replace(theirs, own)
        ours[short] = tensor.float() if tensor.is_floating_point() else tensor
    return ours

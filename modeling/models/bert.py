"""BERT as a reader of passages (Devlin et al. 2019): post-norm encoder with a start and an end for each token."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import BertClassifierConfig, BertConfig
from modeling.errors import ConfigError
from modeling.models.bert_folder import load_encoder, read_bert_folder
from modeling.models.dropout import Dropout
from modeling.models.layers import attend, padding_mask

EPSILON = 1e-12  # of LayerNorm


class Embeddings(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(config.vocabulary_size, config.width)
        self.position = nn.Embedding(config.positions, config.width)
        self.segment = nn.Embedding(config.types, config.width)
        self.norm = nn.LayerNorm(config.width, eps=EPSILON)
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
    def __init__(self, config: BertConfig | BertClassifierConfig, epsilon: float = EPSILON) -> None:
        super().__init__()
        self.attention = BertAttention(config.width, config.heads, config.dropout)
        self.attention_norm = nn.LayerNorm(config.width, eps=epsilon)
        self.feed_forward = FeedForward(config.width, config.hidden)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=epsilon)
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
        sizes, weights = read_bert_folder(path)
        if sizes.pop("offset") or not sizes["types"] or sizes.pop("epsilon") != EPSILON:
            raise ConfigError(f"{path.name} is no BERT that reads", allowed="model_type 'bert', with its two segments")
        window = min(256, sizes["positions"]) if window is None else window
        module = cls(BertConfig(**sizes, window=window, stride=min(96, window // 3) if stride is None else stride))
        load_encoder(module, weights, fresh="span.", folder=path.name)
        return module

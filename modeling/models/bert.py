"""BERT (Devlin et al. 2019), RoBERTa (Liu et al. 2019, also XLM-R, Conneau et al. 2020) and DistilBERT (Sanh et al.
2019): one post-norm encoder with other positions, segments and names. Here also as a reader of passages, with a start
and an end for each token."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs import BertClassifierConfig, BertConfig
from modeling.models.bert_folder import load_encoder, read_bert_folder
from modeling.models.dropout import Dropout
from modeling.models.layers import attend, padding_mask

EncoderConfig = BertConfig | BertClassifierConfig


class Embeddings(nn.Module):
    """Words, their places and, where there are any, segments (the first one where nothing is said): ids (B, T) to
    (B, T, D)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(config.vocabulary_size, config.width)
        self.position = nn.Embedding(config.positions, config.width)
        if config.types:
            self.segment = nn.Embedding(config.types, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.epsilon)
        self.dropout = Dropout(config.dropout)
        self.offset, self.types = config.offset, config.types

    def forward(self, ids: Tensor, types: Tensor | None = None) -> Tensor:
        x = self.word(ids) + self.position.weight[self.offset : self.offset + ids.shape[1]]
        if self.types:
            x = x + (self.segment.weight[0] if types is None or self.types == 1 else self.segment(types))
        return self.dropout(self.norm(x))


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
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention = BertAttention(config.width, config.heads, config.dropout)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.epsilon)
        self.feed_forward = FeedForward(config.width, config.hidden)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=config.epsilon)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.attention_norm(x + self.dropout(self.attention(x, mask)))
        return self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))


class BertEncoder(nn.Module):
    """What readers, classifiers and finders of passages share; each puts its head on, then calls `initialise`."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(BertLayer(config) for _ in range(config.layers))

    def initialise(self) -> None:
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def states(self, ids: Tensor, lengths: Tensor, types: Tensor | None = None) -> Tensor:
        """Of ids (B, T) with lengths (B): (B, T, D)."""
        x = self.embeddings(ids, types)
        mask = padding_mask(lengths, ids.shape[1], x)
        for layer in self.layers:
            x = layer(x, mask)
        return x


class BertReader(BertEncoder):
    """`[CLS] question [SEP] passage [SEP]` (B, T) to the logits of starts and ends, each (B, T)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.config = config
        self.span = nn.Linear(config.width, 2)
        self.initialise()

    def forward(self, ids: Tensor, types: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        start, end = self.span(self.states(ids, lengths, types)).unbind(-1)
        return start, end

    @classmethod
    def from_folder(cls, path: Path, *, window: int | None = None, stride: int | None = None) -> BertReader:
        """Read a Hugging Face folder; a missing answer head starts afresh. Only safetensors are opened."""
        sizes, weights = read_bert_folder(path)
        window = min(256, sizes["positions"] - sizes["offset"]) if window is None else window
        module = cls(BertConfig(**sizes, window=window, stride=min(96, window // 3) if stride is None else stride))
        load_encoder(module, weights, fresh="span.", folder=path.name)
        return module

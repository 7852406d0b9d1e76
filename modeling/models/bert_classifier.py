"""A fine-tuned encoder that classifies: BERT (Devlin et al. 2019), RoBERTa (Liu et al. 2019, also XLM-R, Conneau et al.
2020) and DistilBERT (Sanh et al. 2019), which are one network with other positions, segments and names."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from modeling.configs import BertClassifierConfig
from modeling.models.bert import BertLayer
from modeling.models.bert_folder import load_encoder, read_bert_folder
from modeling.models.dropout import Dropout
from modeling.models.layers import mean_of, padding_mask


class Embeddings(nn.Module):
    """Words, their places and, where there are any, the first segment: ids (B, T) to (B, T, D)."""

    def __init__(self, config: BertClassifierConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(config.vocabulary_size, config.width)
        self.position = nn.Embedding(config.positions, config.width)
        if config.types:
            self.segment = nn.Embedding(config.types, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.epsilon)
        self.dropout = Dropout(config.dropout)
        self.offset = config.offset

    def forward(self, ids: Tensor) -> Tensor:
        places = self.position.weight[self.offset : self.offset + ids.shape[1]]
        x = self.word(ids) + places
        if hasattr(self, "segment"):
            x = x + self.segment.weight[0]
        return self.dropout(self.norm(x))


class BertClassifier(nn.Module):
    """`[CLS] text [SEP]` (B, T) with lengths (B) to logits (B, outputs)."""

    def __init__(self, config: BertClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(BertLayer(config, config.epsilon) for _ in range(config.layers))
        self.head = nn.Linear(config.width, config.outputs)
        self.dropout = Dropout(config.dropout)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.embeddings(ids)  # (B, T, D)
        mask = padding_mask(lengths, ids.shape[1], x)
        for layer in self.layers:
            x = layer(x, mask)
        pooled = x[:, 0] if self.config.pooling == "first" else mean_of(x, lengths)
        return self.head(self.dropout(pooled))

    @classmethod
    def from_folder(cls, path: Path) -> BertClassifier:
        """The encoder of a Hugging Face folder under a fresh head. Raises ConfigError for what is none, with a way out.

        Only safetensors are opened, and no code of the folder runs.
        """
        sizes, weights = read_bert_folder(path)
        module = cls(BertClassifierConfig(**sizes, length=min(128, sizes["positions"] - sizes["offset"])))
        load_encoder(module, weights, fresh="head.", folder=path.name)
        return module

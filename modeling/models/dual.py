"""An encoder that finds passages (Karpukhin et al. 2020, DPR): one network, from which questions and passages alike
become vectors as in Sentence-BERT (Reimers & Gurevych 2019): the mean of the last states, of length 1."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from modeling.configs.dual import DualConfig
from modeling.models.bert import BertLayer
from modeling.models.bert_classifier import Embeddings
from modeling.models.bert_folder import load_encoder, read_bert_folder
from modeling.models.layers import mean_of, padding_mask


class Dual(nn.Module):
    """`[CLS] text [SEP]` (B, T) with lengths (B) to vectors (B, D) of length 1."""

    def __init__(self, config: DualConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList(BertLayer(config, config.epsilon) for _ in range(config.layers))
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        x = self.embeddings(ids)  # (B, T, D)
        mask = padding_mask(lengths, ids.shape[1], x)
        for layer in self.layers:
            x = layer(x, mask)
        pooled = x[:, 0] if self.config.pooling == "first" else mean_of(x, lengths)  # (B, D)
        return F.normalize(pooled.float(), dim=-1)

    @classmethod
    def from_folder(cls, path: Path) -> Dual:
        """The encoder of a Hugging Face folder, sentence-transformers among them. Raises ConfigError."""
        sizes, weights = read_bert_folder(path)
        module = cls(DualConfig(**sizes, length=min(192, sizes["positions"] - sizes["offset"])))
        load_encoder(module, weights, fresh=" ", folder=path.name)
        return module

"""An encoder that finds passages (Karpukhin et al. 2020, DPR): one network, from which questions and passages alike
become vectors as in Sentence-BERT (Reimers & Gurevych 2019): the mean of the last states, of length 1."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

from modeling.configs.dual import DualConfig
from modeling.models.bert import BertEncoder
from modeling.models.bert_classifier import pooled
from modeling.models.bert_folder import load_encoder, read_bert_folder


class Dual(BertEncoder):
    """`[CLS] text [SEP]` (B, T) with lengths (B) to vectors (B, D) of length 1."""

    def __init__(self, config: DualConfig) -> None:
        super().__init__(config)
        self.config = config
        self.initialise()

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return F.normalize(pooled(self.states(ids, lengths), lengths, self.config).float(), dim=-1)

    @classmethod
    def from_folder(cls, path: Path) -> Dual:
        """The encoder of a Hugging Face folder, sentence-transformers among them. Raises ConfigError."""
        sizes, weights = read_bert_folder(path)
        module = cls(DualConfig(**sizes, length=min(192, sizes["positions"] - sizes["offset"])))
        load_encoder(module, weights, fresh=" ", folder=path.name)
        return module

"""A fine-tuned encoder that classifies (Devlin et al. 2019, 4): BERT and its kin under a head."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from modeling.configs import BertClassifierConfig
from modeling.models.bert import BertEncoder
from modeling.models.bert_folder import load_encoder, read_bert_folder
from modeling.models.dropout import Dropout
from modeling.models.layers import mean_of


class BertClassifier(BertEncoder):
    """`[CLS] text [SEP]` (B, T) with lengths (B) to logits (B, outputs)."""

    def __init__(self, config: BertClassifierConfig) -> None:
        super().__init__(config)
        self.config = config
        self.head = nn.Linear(config.width, config.outputs)
        self.dropout = Dropout(config.dropout)
        self.initialise()

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        return self.head(self.dropout(pooled(self.states(ids, lengths), lengths, self.config)))

    @classmethod
    def from_folder(cls, path: Path) -> BertClassifier:
        """The encoder of a Hugging Face folder under a fresh head. Raises ConfigError for what is none, with a way out.

        Only safetensors are opened, and no code of the folder runs.
        """
        sizes, weights = read_bert_folder(path)
        module = cls(BertClassifierConfig(**sizes, length=min(128, sizes["positions"] - sizes["offset"])))
        load_encoder(module, weights, fresh="head.", folder=path.name)
        return module


def pooled(states: Tensor, lengths: Tensor, config: BertClassifierConfig) -> Tensor:
    """(B, T, D) to what stands for each text: (B, D)."""
    return states[:, 0] if config.pooling == "first" else mean_of(states, lengths)

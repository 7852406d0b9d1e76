"""The neural networks, one file each; their configurations are in modeling.configs."""

from typing import Any

from torch import nn

from modeling.configs import (
    BertConfig,
    DecoderConfig,
    LSTMConfig,
    QANetConfig,
    TransformerConfig,
    TransformerReaderConfig,
)
from modeling.configs.causal import CausalConfig
from modeling.models.bert import BertReader
from modeling.models.causal import Causal
from modeling.models.decoder import Decoder
from modeling.models.lstm import LSTMClassifier
from modeling.models.qanet import QANet
from modeling.models.transformer import Transformer
from modeling.models.transformer_reader import TransformerReader

NETWORKS: dict[type, type[nn.Module]] = {
    BertConfig: BertReader,
    CausalConfig: Causal,
    DecoderConfig: Decoder,
    LSTMConfig: LSTMClassifier,
    QANetConfig: QANet,
    TransformerConfig: Transformer,
    TransformerReaderConfig: TransformerReader,
}
"""Configuration -> its network."""


def network_of(config: Any) -> nn.Module:
    """A fresh network of this configuration; seeded by the caller."""
    return NETWORKS[type(config)](config)


__all__ = [
    "NETWORKS",
    "BertReader",
    "Causal",
    "Decoder",
    "LSTMClassifier",
    "QANet",
    "Transformer",
    "TransformerReader",
    "network_of",
]

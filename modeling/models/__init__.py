"""The neural networks, one file each; their configurations are in modeling.configs."""

from typing import Any

from torch import nn

from modeling.configs import BertConfig, DecoderConfig, LSTMConfig, TransformerConfig
from modeling.models.bert import BertReader
from modeling.models.decoder import Decoder
from modeling.models.lstm import LSTMClassifier
from modeling.models.transformer import Transformer

NETWORKS: dict[type, type[nn.Module]] = {
    BertConfig: BertReader,
    DecoderConfig: Decoder,
    LSTMConfig: LSTMClassifier,
    TransformerConfig: Transformer,
}
"""Configuration -> its network."""


def network_of(config: Any) -> nn.Module:
    """A fresh network of this configuration; seeded by the caller."""
    return NETWORKS[type(config)](config)


__all__ = ["NETWORKS", "BertReader", "Decoder", "LSTMClassifier", "Transformer", "network_of"]

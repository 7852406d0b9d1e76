"""The neural networks, one file each; their configurations are in modeling.configs."""

from typing import Any

from torch import nn

from modeling.configs import (
    BertConfig,
    DecoderConfig,
    LSTMConfig,
    QANetConfig,
    RecurrentLMConfig,
    TransformerConfig,
    TransformerReaderConfig,
    VAEConfig,
)
from modeling.configs.causal import CausalConfig
from modeling.models.bert import BertReader
from modeling.models.causal import Causal
from modeling.models.decoder import Decoder
from modeling.models.lstm import LSTMClassifier
from modeling.models.qanet import QANet
from modeling.models.recurrent_lm import RecurrentLM
from modeling.models.transformer import Transformer
from modeling.models.transformer_reader import TransformerReader
from modeling.models.vae import SentenceVAE

NETWORKS: dict[type, type[nn.Module]] = {
    BertConfig: BertReader,
    CausalConfig: Causal,
    DecoderConfig: Decoder,
    LSTMConfig: LSTMClassifier,
    QANetConfig: QANet,
    RecurrentLMConfig: RecurrentLM,
    TransformerConfig: Transformer,
    TransformerReaderConfig: TransformerReader,
    VAEConfig: SentenceVAE,
}
"""Configuration -> its network."""


def network_of(config: Any) -> nn.Module:
    """A fresh network of this configuration; seeded by the caller."""
    return NETWORKS[type(config)](config)


__all__ = [
    "BertReader",
    "Causal",
    "Decoder",
    "LSTMClassifier",
    "NETWORKS",
    "QANet",
    "RecurrentLM",
    "SentenceVAE",
    "Transformer",
    "TransformerReader",
    "network_of",
]

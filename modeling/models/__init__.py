"""The neural networks, one file each; their configurations are in modeling.configs."""

from typing import Any

from torch import nn

from modeling.configs import (
    BagConfig,
    BertClassifierConfig,
    BertConfig,
    CNNConfig,
    DecoderConfig,
    DualConfig,
    EncoderConfig,
    LexRankConfig,
    LSTMConfig,
    NgramConfig,
    QANetConfig,
    RecurrentLMConfig,
    TransformerConfig,
    TransformerReaderConfig,
    VAEConfig,
)
from modeling.configs.bart import BartConfig
from modeling.configs.causal import CausalConfig
from modeling.configs.rnn import PointerConfig, RNNConfig
from modeling.configs.t5 import T5Config
from modeling.configs.transformer import CopyingTransformerConfig
from modeling.models.bag import BagClassifier
from modeling.models.bart import Bart
from modeling.models.bert import BertReader
from modeling.models.bert_classifier import BertClassifier
from modeling.models.causal import Causal
from modeling.models.cnn import CNNClassifier
from modeling.models.decoder import Decoder
from modeling.models.dual import Dual
from modeling.models.encoder import EncoderClassifier
from modeling.models.lstm import LSTMClassifier
from modeling.models.ngram import Ngram
from modeling.models.qanet import QANet
from modeling.models.recurrent_lm import RecurrentLM
from modeling.models.rnn import PointerNetwork, RNNTranslator
from modeling.models.sentence_vectors import SentenceVectors
from modeling.models.t5 import T5
from modeling.models.transformer import CopyingTransformer, Transformer
from modeling.models.transformer_reader import TransformerReader
from modeling.models.vae import SentenceVAE

NETWORKS: dict[type, type[nn.Module]] = {
    BartConfig: Bart,
    T5Config: T5,
    BagConfig: BagClassifier,
    BertClassifierConfig: BertClassifier,
    BertConfig: BertReader,
    CausalConfig: Causal,
    CNNConfig: CNNClassifier,
    DecoderConfig: Decoder,
    DualConfig: Dual,
    EncoderConfig: EncoderClassifier,
    LSTMConfig: LSTMClassifier,
    LexRankConfig: SentenceVectors,
    NgramConfig: Ngram,
    QANetConfig: QANet,
    RecurrentLMConfig: RecurrentLM,
    CopyingTransformerConfig: CopyingTransformer,
    PointerConfig: PointerNetwork,
    RNNConfig: RNNTranslator,
    TransformerConfig: Transformer,
    TransformerReaderConfig: TransformerReader,
    VAEConfig: SentenceVAE,
}
"""Configuration -> its network."""


def network_of(config: Any) -> nn.Module:
    """A fresh network of this configuration; seeded by the caller."""
    return NETWORKS[type(config)](config)


__all__ = [
    "BagClassifier",
    "BertClassifier",
    "BertReader",
    "CNNClassifier",
    "Bart",
    "Causal",
    "CopyingTransformer",
    "Decoder",
    "Dual",
    "EncoderClassifier",
    "LSTMClassifier",
    "NETWORKS",
    "Ngram",
    "PointerNetwork",
    "QANet",
    "RNNTranslator",
    "RecurrentLM",
    "SentenceVAE",
    "SentenceVectors",
    "Transformer",
    "TransformerReader",
    "network_of",
]

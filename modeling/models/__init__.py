"""The neural networks, one file each, with its configuration beside it."""

from modeling.models.bert import BertConfig, BertReader
from modeling.models.decoder import Decoder, DecoderConfig
from modeling.models.lstm import LSTMClassifier, LSTMConfig
from modeling.models.transformer import Transformer, TransformerConfig

__all__ = [
    "BertConfig",
    "BertReader",
    "Decoder",
    "DecoderConfig",
    "LSTMClassifier",
    "LSTMConfig",
    "Transformer",
    "TransformerConfig",
]

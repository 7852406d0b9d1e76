"""The neural networks, one file each; their configurations are in modeling.configs."""

from modeling.models.bert import BertReader
from modeling.models.decoder import Decoder
from modeling.models.lstm import LSTMClassifier
from modeling.models.transformer import Transformer

__all__ = ["BertReader", "Decoder", "LSTMClassifier", "Transformer"]

"""What can be set about a training: configurations, their defaults, their options, what a training will cost.

Without torch, so that a form can offer the options and check them.
"""

from modeling.configs.bag import BagConfig
from modeling.configs.bert import BertConfig
from modeling.configs.bert_classifier import BertClassifierConfig
from modeling.configs.catalogue import MODELS, TRAINABLE, Model, model_of
from modeling.configs.causal import CausalConfig
from modeling.configs.cnn import CNNConfig
from modeling.configs.decoder import DecoderConfig
from modeling.configs.defaults import characters_of
from modeling.configs.dual import DualConfig
from modeling.configs.encoder import EncoderConfig
from modeling.configs.estimates import Estimate, estimate
from modeling.configs.lexrank import LexRankConfig
from modeling.configs.lstm import LSTMConfig
from modeling.configs.network import NetworkConfig
from modeling.configs.ngram import NgramConfig
from modeling.configs.options import Option, label_of, options
from modeling.configs.reading import QANetConfig, TransformerReaderConfig
from modeling.configs.recurrent_lm import RecurrentLMConfig
from modeling.configs.settings import KEPT_WEIGHTS, PREPROCESSING, read_settings, read_steps, split_settings
from modeling.configs.training import TrainingConfig
from modeling.configs.transformer import TransformerConfig
from modeling.configs.vae import VAEConfig

__all__ = [
    "KEPT_WEIGHTS",
    "MODELS",
    "TRAINABLE",
    "BagConfig",
    "BertClassifierConfig",
    "BertConfig",
    "CausalConfig",
    "CNNConfig",
    "DecoderConfig",
    "DualConfig",
    "EncoderConfig",
    "Estimate",
    "LSTMConfig",
    "LexRankConfig",
    "Model",
    "NetworkConfig",
    "PREPROCESSING",
    "NgramConfig",
    "Option",
    "QANetConfig",
    "RecurrentLMConfig",
    "TrainingConfig",
    "TransformerConfig",
    "TransformerReaderConfig",
    "VAEConfig",
    "characters_of",
    "estimate",
    "model_of",
    "label_of",
    "options",
    "read_settings",
    "read_steps",
    "split_settings",
]

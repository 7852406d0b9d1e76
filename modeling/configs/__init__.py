"""What can be set about a training: configurations, their defaults, their options, what a training will cost.

Without torch, so that a form can offer the options and check them.
"""

from modeling.configs.bert import BertConfig
from modeling.configs.decoder import DecoderConfig
from modeling.configs.defaults import characters_of, default_settings
from modeling.configs.estimates import Estimate, estimate
from modeling.configs.lstm import LSTMConfig
from modeling.configs.options import Option, options
from modeling.configs.settings import KEPT_WEIGHTS, MODEL_CONFIGS, TRAINABLE, read_settings, split_settings
from modeling.configs.training import TrainingConfig
from modeling.configs.transformer import TransformerConfig

__all__ = [
    "KEPT_WEIGHTS",
    "MODEL_CONFIGS",
    "TRAINABLE",
    "BertConfig",
    "DecoderConfig",
    "Estimate",
    "LSTMConfig",
    "Option",
    "TrainingConfig",
    "TransformerConfig",
    "characters_of",
    "default_settings",
    "estimate",
    "options",
    "read_settings",
    "split_settings",
]

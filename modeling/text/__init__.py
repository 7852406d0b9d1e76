"""Text: tokenizer, normalisation, sentences."""

from modeling.text.normalisation import folded, is_chinese, normalise, without_surrogates
from modeling.text.segmentation import sentences
from modeling.text.tokenizer import SPECIAL_TOKENS, StreamingDetokenizer, Tokenizer

__all__ = ["SPECIAL_TOKENS", "StreamingDetokenizer", "Tokenizer", "folded", "is_chinese", "normalise", "sentences",
           "without_surrogates"]

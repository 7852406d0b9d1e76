"""Text: preprocessing, tokenizer, normalisation, sentences."""

from modeling.text.chat import PLAIN, Chat
from modeling.text.chinese import chinese_words
from modeling.text.inputs import ClassifierInputs, PairMarks
from modeling.text.normalisation import folded, is_chinese, normalise, without_surrogates
from modeling.text.preprocessing import ALLOWED, Pipeline, Preprocessing
from modeling.text.segmentation import sentences
from modeling.text.tokenizer import SPECIAL_TOKENS, StreamingDetokenizer, Tokenizer

__all__ = ["ALLOWED", "PLAIN", "SPECIAL_TOKENS", "Chat", "ClassifierInputs", "PairMarks", "Pipeline", "Preprocessing",
           "StreamingDetokenizer", "Tokenizer", "chinese_words", "folded", "is_chinese", "normalise", "sentences",
           "without_surrogates"]

"""MODELS: what can be trained. A table: task -> model -> its configuration and what is asked about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from modeling.configs import defaults
from modeling.configs.bag import BagConfig
from modeling.configs.bert import BertConfig
from modeling.configs.bert_classifier import BertClassifierConfig
from modeling.configs.causal import CausalConfig
from modeling.configs.cnn import CNNConfig
from modeling.configs.decoder import DecoderConfig
from modeling.configs.dual import DualConfig
from modeling.configs.encoder import EncoderConfig
from modeling.configs.lexrank import LexRankConfig
from modeling.configs.lstm import LSTMConfig
from modeling.configs.network import NetworkConfig
from modeling.configs.ngram import NgramConfig
from modeling.configs.reading import QANetConfig, TransformerReaderConfig
from modeling.configs.recurrent_lm import RecurrentLMConfig
from modeling.configs.rnn import PointerConfig, RNNConfig
from modeling.configs.transformer import CopyingTransformerConfig, TransformerConfig
from modeling.configs.vae import VAEConfig
from modeling.errors import ConfigError
from modeling.tasks import TASKS

TOKENIZER = frozenset({"tokenizer", "lowercase", "retokenise", "vectors", "freeze_vectors"})
"""Settings of a training that makes its own tokenizer."""
CLASSIFIER = frozenset({"class_weights", "wanted_accuracy"})
"""Settings of classifiers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of a task that can be trained."""

    config: type[NetworkConfig]
    """Its configuration: the identity of the network."""
    defaults: Callable[[int, int], dict[str, Any]]
    """Settings that suit so many rows of training data with so many characters."""
    main: tuple[str, ...]
    """The settings that a person may want, in their order."""
    uses: frozenset[str] = frozenset()
    """Settings of TrainingConfig that mean something for this model and not for all."""
    parent: Literal["may", "must", "never"] = "may"
    """Whether it can, or has to, start from trained weights."""
    counted: bool = False
    """Whether it is made by counting, in one pass: settings of a training by steps mean nothing then."""
    on_vectors: bool = False
    """Whether it is made on word vectors, and nothing without them; its texts are cut into words as theirs were."""
    folder: bool = False
    """Whether these may be a Hugging Face folder."""
    first_from: int | None = None
    """Characters of training data from which on it is the one to begin with; None where a person has to want it."""
    per_second: tuple[float, float]
    """Multiplications and additions of a step a second in fp32 and in bf16: measured in November 2026 on one thread of
    a server processor (AMD EPYC with AVX-512 BF16), on data and settings of the recipes' sizes. The speed of an
    earlier run goes before it."""


MODELS: dict[str, dict[str, Model]] = {
    "question-answering": {
        "bert": Model(
            config=BertConfig, defaults=defaults.reading, main=("epochs", "learning_rate", "window"),
            uses=frozenset({"negatives"}), parent="must", folder=True, per_second=(8e10, 2.7e11),
            first_from=0,
        ),
        "dual": Model(
            config=DualConfig, defaults=defaults.pairing, main=("epochs", "learning_rate", "length"),
            parent="must", folder=True, per_second=(8e10, 2.7e11),
        ),
        "qanet": Model(
            config=QANetConfig, defaults=defaults.first_reading,
            main=("epochs", "learning_rate", "width", "blocks", "window"), uses=TOKENIZER | {"negatives"},
            per_second=(3e10, 7e10),
        ),
        "transformer": Model(
            config=TransformerReaderConfig, defaults=defaults.first_reading,
            main=("epochs", "learning_rate", "width", "layers", "window"), uses=TOKENIZER | {"negatives"},
            per_second=(4e10, 8e10), first_from=0,
        ),
    },
    "translation": {
        "rnn": Model(
            config=RNNConfig, defaults=defaults.recurrent_translation,
            main=("epochs", "learning_rate", "hidden", "cell", "input_feeding", "context"),
            uses=TOKENIZER | {"shares", "beam", "label_smoothing"}, per_second=(5e10, 5e10), first_from=0,
        ),
        "transformer": Model(
            config=TransformerConfig, defaults=defaults.translation,
            main=("epochs", "learning_rate", "width", "encoder_layers", "decoder_layers", "context"),
            uses=TOKENIZER | {"shares", "beam", "label_smoothing"}, per_second=(8e10, 1.7e11), first_from=500_000,
        ),
    },
    "summarisation": {
        "pointer": Model(
            config=PointerConfig, defaults=defaults.pointing,
            main=("epochs", "learning_rate", "hidden", "context", "target_context", "coverage"),
            uses=TOKENIZER | {"beam"}, per_second=(2e10, 2e10), first_from=0,
        ),
        "transformer": Model(
            config=CopyingTransformerConfig, defaults=defaults.summarisation,
            main=("epochs", "learning_rate", "width", "decoder_layers", "context", "target_context"),
            uses=TOKENIZER | {"beam"}, per_second=(8e10, 1.7e11),
        ),
        "lexrank": Model(
            config=LexRankConfig, defaults=defaults.ranking, main=("vectors", "smoothing", "vocabulary_size"),
            uses=frozenset({"vectors"}), parent="never", counted=True, on_vectors=True, per_second=(5e10, 5e10),
            first_from=0,
        ),
    },
    "classification": {
        "lstm": Model(
            config=LSTMConfig, defaults=defaults.classification,
            main=("epochs", "learning_rate", "hidden", "bidirectional", "cell", "attention"),
            uses=TOKENIZER | CLASSIFIER | {"label_smoothing"}, per_second=(5e10, 5e10), first_from=0,
        ),
        "bag": Model(
            config=BagConfig, defaults=defaults.bag,
            main=("epochs", "learning_rate", "tokenizer", "ngrams", "class_weights", "wanted_accuracy"),
            uses=TOKENIZER | CLASSIFIER | {"label_smoothing"}, per_second=(5e9, 5e9),
        ),
        "cnn": Model(
            config=CNNConfig, defaults=defaults.convolution,
            main=("epochs", "learning_rate", "filters", "widths", "class_weights", "wanted_accuracy"),
            uses=TOKENIZER | CLASSIFIER | {"label_smoothing"}, per_second=(5e10, 5e10),
        ),
        "transformer": Model(
            config=EncoderConfig, defaults=defaults.encoder,
            main=("epochs", "learning_rate", "width", "layers", "length", "class_weights"),
            uses=TOKENIZER | CLASSIFIER | {"label_smoothing"}, per_second=(8e10, 1.7e11),
        ),
        "bert": Model(
            config=BertClassifierConfig, defaults=defaults.fine_tuned,
            main=("epochs", "learning_rate", "length", "pooling", "class_weights", "wanted_accuracy"),
            uses=CLASSIFIER | {"label_smoothing"}, parent="must", folder=True, per_second=(8e10, 2.7e11),
        ),
    },
    "generation": {
        "ngram": Model(
            config=NgramConfig, defaults=defaults.counting, main=("order", "least", "vocabulary_size"),
            uses=frozenset({"tokenizer", "lowercase"}), parent="never", counted=True, per_second=(5e10, 5e10),
            first_from=0,
        ),
        "lstm": Model(
            config=RecurrentLMConfig, defaults=defaults.recurrence,
            main=("epochs", "learning_rate", "cell", "embedding", "hidden", "layers"), uses=TOKENIZER,
            per_second=(5e10, 5e10), first_from=10_000,
        ),
        "vae": Model(
            config=VAEConfig, defaults=defaults.autoencoding,
            main=("epochs", "learning_rate", "latent", "free_bits", "word_dropout", "hidden"), uses=TOKENIZER,
            per_second=(5e10, 1e11),
        ),
        "decoder": Model(
            config=DecoderConfig, defaults=defaults.generation,
            main=("epochs", "learning_rate", "width", "layers", "context"), uses=TOKENIZER | {"packing"},
            per_second=(8e10, 1.9e11), first_from=1_000_000,
        ),
        "causal": Model(
            config=CausalConfig, defaults=defaults.tuning, main=("epochs", "learning_rate", "lora_rank", "context"),
            uses=frozenset({"lora_rank", "lora_scale"}), parent="must", folder=True, per_second=(8e10, 1.9e11),
        ),
    },
}

TRAINABLE: dict[str, list[str]] = {task: list(models) for task, models in MODELS.items()}
"""Task -> its models that can be trained; none where the method needs no training."""

SPECIAL = frozenset().union(*(model.uses for models in MODELS.values() for model in models.values()))
"""Settings of TrainingConfig that not every model has."""


def model_of(task: str, model: str) -> Model:
    """The entry of the table. Raises ConfigError where there is nothing to train."""
    known = MODELS.get(task, {})
    if model not in known and task in TASKS and model in TASKS[task].models:
        raise ConfigError(f"{model!r} cannot be trained: it needs no training, or was trained elsewhere",
                          allowed=f"models to train for {task} are {', '.join(known)}")
    if model not in known:
        raise ConfigError(f"{model!r} cannot be trained for {task}",
                          allowed=f"models are {', '.join(known) or 'none: this task needs no training'}")
    return known[model]

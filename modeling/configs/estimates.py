"""What a training will cost: parameters, steps, time and memory, before it is started."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from modeling.configs.bert import BertConfig
from modeling.configs.decoder import DecoderConfig
from modeling.configs.defaults import default_settings
from modeling.configs.lstm import LSTMConfig
from modeling.configs.settings import MODEL_CONFIGS, split_settings
from modeling.configs.training import TrainingConfig
from modeling.configs.transformer import TransformerConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Rough figures: time and memory within a factor of two or so."""

    parameters: int
    """Weights of the network."""
    steps: int
    """Updates of the weights."""
    tokens: int
    """Tokens read in all epochs."""
    seconds: float
    """Of the whole training; early stopping may end it sooner."""
    memory_bytes: int
    """Highest resident size of the process."""


LANGUAGES_WITHOUT_BLANKS = frozenset({"zh", "ja", "ko", "th"})
CHARACTERS_PER_TOKEN = {"bpe": 4.0, "words": 5.0, "characters": 1.0}
"""In languages with blanks between words."""
DENSE_CHARACTERS_PER_TOKEN = {"bpe": 1.5, "words": 2.0, "characters": 1.0}
"""In those without."""
FILLED = 0.93
"""Share of a batch that is not padding."""
BESIDE = 1.15
"""Time with the evaluations on the validation split, over that of the steps alone."""
START_SECONDS = 8.0
"""From the start of the process to the first step, and from the last one to the artifact, of small data."""
BF16_PER_SECOND = {"bert": 2.7e11, "decoder": 1.9e11, "transformer": 1.7e11}
FP32_PER_SECOND = {"bert": 8e10, "decoder": 8e10, "lstm": 5e10, "transformer": 8e10}
"""Multiplications and additions of a step a second: measured in November 2026 on one thread of a server processor
(AMD EPYC with AVX-512 BF16), on data and settings of the recipes' sizes. The speed of an earlier run goes before it."""
BASE_BYTES = 450 * 2**20
"""Of the interpreter with PyTorch."""
STATE_BYTES = 36
"""A parameter: fp32 master, working copy, two gradients, Adam's two moments, the best one, a checkpoint's buffer."""
ROW_BYTES = 400
"""A row and its example, beside their characters and tokens."""


def estimate(
    task: str, model: str, settings: Mapping[str, Any], *, rows: int, characters: int, speed: float | None = None,
    languages: Collection[str] = (), parent: Mapping[str, Any] | None = None,
) -> Estimate:
    """The cost of training on this many rows with this many characters in their texts.

    `settings` are what `read_settings` gave; `speed` is tokens a second of an earlier run of this model on this
    machine; `languages` are the texts' codes; `parent` is the configuration of the artifact that it continues from.
    Raises ConfigError where the settings do not fit together.
    """
    whole = default_settings(task, rows, characters) | dict(parent or {}) | dict(settings)
    own, rest = split_settings(model, whole)
    training, config = TrainingConfig(**rest), MODEL_CONFIGS[model](**own)
    per_token = (DENSE_CHARACTERS_PER_TOKEN if LANGUAGES_WITHOUT_BLANKS & set(languages) else CHARACTERS_PER_TOKEN)
    examples, length = _examples(config, training, rows, characters / per_token[training.tokenizer])
    epoch = examples * length / FILLED
    steps = training.steps or max(1, round(training.epochs * math.ceil(epoch / training.batch_tokens)))
    tokens = round(steps * min(training.batch_tokens, epoch) * FILLED)
    if speed is None:
        speed = max(1, training.threads) * _operations_per_second(model, training) / _operations(config, length)
    return Estimate(
        parameters=_parameters(config), steps=steps, tokens=tokens, seconds=START_SECONDS + BESIDE * tokens / speed,
        memory_bytes=_memory(config, training, rows=rows, characters=characters, tokens=examples * length,
                             length=length),
    )


def _examples(config: Any, training: TrainingConfig, rows: int, tokens: float) -> tuple[float, float]:
    """How many examples an epoch has, and the mean tokens of one, as the loop counts them."""
    mean = max(1.0, tokens / max(1, rows))
    if isinstance(config, TransformerConfig):  # each direction is an example of its own; a pair counts its longer side
        directions = training.shares or (1.0,) * (len(config.directions) if len(config.directions) > 1 else 2)
        return rows * sum(directions), min(config.context, mean / 2 + 2)
    if isinstance(config, BertConfig):
        pieces = max(1.0, (mean - config.stride) / (config.window - config.stride))
        return rows * pieces * (1 + training.negatives), min(config.window, mean + 3)
    if isinstance(config, DecoderConfig):
        pieces = 1 if mean <= config.context else 2 * mean / config.context  # they overlap by half
        return rows * pieces, min(config.context, mean + 2)
    return rows, min(config.length, mean)


def _parameters(config: Any) -> int:
    return _table(config) + _matrices(config) + _vectors(config)


def _table(config: Any) -> int:
    """Weights of the embeddings."""
    width = config.embedding if isinstance(config, LSTMConfig) else config.width
    rows = config.vocabulary_size + (config.positions + config.types if isinstance(config, BertConfig) else 0)
    return int(rows * width)


def _matrices(config: Any) -> int:
    """Weights that each token is multiplied with, the head of a table aside."""
    if isinstance(config, LSTMConfig):
        directions = 1 + config.bidirectional
        head = directions * config.hidden * (1 if config.labels == 2 else config.labels)
        return directions * 4 * config.hidden * (config.embedding + config.hidden) + head
    if isinstance(config, BertConfig):
        return config.layers * (4 * config.width**2 + 2 * config.width * config.hidden) + 2 * config.width
    if isinstance(config, DecoderConfig):
        attention = 2 * config.width**2 + 2 * config.width**2 * config.kv_heads // config.heads
        return int(config.layers * (attention + 3 * config.width * config.hidden))
    block = 4 * config.width**2 + 3 * config.width * config.hidden
    return int(config.encoder_layers * block + config.decoder_layers * (block + 4 * config.width**2))


def _vectors(config: Any) -> int:
    """Biases and norms."""
    if isinstance(config, LSTMConfig):
        return (1 + config.bidirectional) * 8 * config.hidden + (1 if config.labels == 2 else config.labels)
    if isinstance(config, BertConfig):
        return config.layers * (9 * config.width + config.hidden) + 2 * config.width + 2
    if isinstance(config, DecoderConfig):
        return (2 * config.layers + 1) * config.width
    return int((2 * config.encoder_layers + 3 * config.decoder_layers + 2) * config.width)


def _operations_per_second(model: str, training: TrainingConfig) -> float:
    fast = training.precision == "bf16" or (training.precision == "auto" and _has_bf16())
    return BF16_PER_SECOND.get(model, FP32_PER_SECOND[model]) if fast else FP32_PER_SECOND[model]


@cache
def _has_bf16() -> bool:
    """Whether Linux says that this processor multiplies bf16; a training itself tries it out."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _operations(config: Any, length: float) -> float:
    """Of a token: forward and twice as much backward, two for each weight, and attention's own."""
    if isinstance(config, LSTMConfig):
        return 6.0 * _matrices(config)
    head = 0 if isinstance(config, BertConfig) else _table(config)
    return 6.0 * (_matrices(config) + head + 2 * _blocks(config) * config.width * length)


def _blocks(config: Any) -> int:
    """Attentions that a token passes."""
    if isinstance(config, TransformerConfig):
        return config.encoder_layers + 2 * config.decoder_layers
    return int(config.layers)


def _memory(
    config: Any, training: TrainingConfig, *, rows: int, characters: int, tokens: float, length: float
) -> int:
    """Process, weights and their optimiser, what a batch keeps for its backward pass, the data."""
    batch = min(training.batch_tokens, tokens)
    item = 4 if training.precision == "fp32" else 3  # bf16 keeps some of it in fp32
    kept: float
    if isinstance(config, LSTMConfig):
        kept = 2 * config.embedding + (1 + config.bidirectional) * 8 * config.hidden
    elif isinstance(config, BertConfig):
        kept = _blocks(config) * (10 * config.width + 3 * config.hidden + 3 * config.heads * length)
    else:
        kept = _blocks(config) * (16 * config.width + 5 * config.hidden + 4 * config.heads * length)
    data = ROW_BYTES * rows + 2 * characters + 40 * tokens
    return int(BASE_BYTES + STATE_BYTES * _parameters(config) + item * batch * kept + data)

"""What a training will cost: parameters, steps, time and memory, before it is started."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from modeling.configs.catalogue import model_of
from modeling.configs.settings import split_settings
from modeling.configs.training import TrainingConfig


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
BASE_BYTES = 450 * 2**20
"""Of the interpreter with PyTorch."""
STATE_BYTES = 36
"""A parameter: fp32 master, working copy, two gradients, Adam's two moments, the best one, a checkpoint's buffer."""
FROZEN_BYTES = 12
"""A parameter that does not learn: as read, as it computes, and as it is exported."""
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
    kind = model_of(task, model)
    whole = kind.defaults(rows, characters) | dict(parent or {}) | dict(settings)
    own, rest = split_settings(task, model, whole)
    training, config = TrainingConfig(**rest), kind.config(**own)
    per_token = (DENSE_CHARACTERS_PER_TOKEN if LANGUAGES_WITHOUT_BLANKS & set(languages) else CHARACTERS_PER_TOKEN)
    examples, length = config.examples(training, rows, max(rows, characters / per_token[training.tokenizer]))
    epoch = examples * length / FILLED
    steps = training.steps or max(1, round(training.epochs * math.ceil(epoch / training.batch_tokens)))
    tokens = round(steps * min(training.batch_tokens, epoch) * FILLED)
    if speed is None:
        speed = max(1, training.threads) * _operations_per_second(kind.per_second, training.precision)
        speed /= config.operations(length)
    return Estimate(
        parameters=config.parameters(), steps=steps, tokens=tokens, seconds=START_SECONDS + BESIDE * tokens / speed,
        memory_bytes=_memory(config, training, rows=rows, characters=characters, tokens=examples * length,
                             length=length),
    )


def _operations_per_second(per_second: tuple[float, float], precision: str) -> float:
    return per_second[precision == "bf16" or (precision == "auto" and _has_bf16())]


@cache
def _has_bf16() -> bool:
    """Whether Linux says that this processor multiplies bf16; a training itself tries it out."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _memory(config: Any, training: TrainingConfig, *, rows: int, characters: int, tokens: float, length: float) -> int:
    """Process, weights and their optimiser, what a batch keeps for its backward pass, the data."""
    batch = min(training.batch_tokens, tokens)
    item = 4 if training.precision == "fp32" else 3  # bf16 keeps some of it in fp32
    data = ROW_BYTES * rows + 2 * characters + 40 * tokens
    state = FROZEN_BYTES if training.lora_rank else STATE_BYTES
    return int(BASE_BYTES + state * config.parameters() + item * batch * config.kept(length) + data)

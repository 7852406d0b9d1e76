"""How a training runs: its settings, their defaults by task and size of the data, and how `--set` reads them."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from modeling.errors import ConfigError
from modeling.models import BertConfig, DecoderConfig, LSTMConfig, TransformerConfig

MODEL_CONFIGS: dict[str, type] = {
    "bert": BertConfig,
    "decoder": DecoderConfig,
    "lstm": LSTMConfig,
    "transformer": TransformerConfig,
}
"""Model -> its configuration."""

FROM_DATA = frozenset({"labels", "types", "positions"})
"""Fields of model configurations that the data or the parent decides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    epochs: float = 1.0
    """Passes over the training rows; `steps` goes before it."""
    steps: int | None = None
    """Updates of the weights in all."""
    batch_tokens: int = 6000
    """Most tokens in a batch, padding included."""
    learning_rate: float = 1e-3
    """Highest rate."""
    warmup: float = 0.05
    """Share of the steps in which the rate rises."""
    decay: float = 0.5
    """Share of the steps in which the rate falls to zero, at the end."""
    weight_decay: float = 0.01
    """Pull of matrices towards zero."""
    clip: float = 1.0
    """Largest norm of a gradient; 0 leaves it as it is."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """adamw, or muon for the hidden matrices and adamw for the rest."""
    label_smoothing: float = 0.0
    """Share of the probability spread over all tokens (translation)."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto, bf16 (with fp32 masters) or fp32."""
    evaluations: int = 10
    """How often the validation split is looked at."""
    patience: int = 0
    """Evaluations without a better one until the training stops, keeping the best weights; 0 goes on to the end."""
    checkpoint_seconds: float = 180.0
    """Time between checkpoints."""
    threads: int = 0
    """Threads of PyTorch; 0 leaves its choice."""
    validation: float = 0.05
    """Share of the rows for validation."""
    test: float = 0.05
    """Share of the rows for the frozen test split, where no test file is given."""
    tokenizer: Literal["bpe", "characters", "words"] = "bpe"
    """Kind of a tokenizer trained here: bpe, characters or words."""
    lowercase: bool = False
    """Whether that tokenizer folds case."""
    retokenise: bool = False
    """Whether a training that continues from an artifact gets a tokenizer of its own data; tokens in both keep their
    vectors."""
    shares: tuple[float, ...] = ()
    """Share of the rows used for each direction in an epoch (translation); empty takes all."""
    negatives: float = 0.1
    """Share of questions also shown with a passage that has no answer (question answering)."""
    beam: int = 4
    """Beams in the final evaluation (translation)."""

    def __post_init__(self) -> None:
        for name, hint in typing.get_type_hints(TrainingConfig).items():
            if typing.get_origin(hint) is Literal and getattr(self, name) not in typing.get_args(hint):
                allowed = f"one of {', '.join(typing.get_args(hint))}"
                raise ConfigError(f"{name} is {getattr(self, name)!r}", allowed=allowed)
        positive = ("epochs", "batch_tokens", "learning_rate", "evaluations")
        if bad := [name for name in positive if getattr(self, name) <= 0]:
            raise ConfigError(f"{bad[0]} is {getattr(self, bad[0])}", allowed="a number above 0")
        shares = ("warmup", "decay", "label_smoothing", "validation", "test", "negatives")
        if bad := [name for name in shares if not 0 <= getattr(self, name) <= 1]:
            raise ConfigError(f"{bad[0]} is {getattr(self, bad[0])}", allowed="a share from 0 to 1")


def default_settings(task: str, rows: int, characters: int) -> dict[str, Any]:
    """Settings of training and model for this many rows and characters of training data."""
    if task == "classification":
        return {"epochs": min(40, max(8, 120_000 / rows)), "batch_tokens": 1024 if rows < 3000 else 2048,
                "learning_rate": 2e-3, "decay": 0.7, "patience": 6, "evaluations": 30, "precision": "fp32",
                "validation": 0.1, "test": 0.1}
    if task == "translation":
        return {"epochs": 20.0 if rows < 100_000 else 6.0, "optimizer": "muon", "learning_rate": 2e-3,
                "label_smoothing": 0.1, "vocabulary_size": min(8000, max(500, characters // 100)),
                "dropout": 0.1 if rows < 100_000 else 0.0}
    if task == "question-answering":
        return {"epochs": 1.0 if rows > 20_000 else 2.0, "batch_tokens": 6000, "learning_rate": 2e-4, "warmup": 0.06,
                "decay": 0.94, "validation": 0.02, "test": 0.1, "optimizer": "adamw"}
    small = characters < 3_000_000
    return {"epochs": 12.0 if small else 4.0, "batch_tokens": 8192, "optimizer": "muon", "learning_rate": 2e-3,
            "dropout": 0.2 if small else 0.0, "patience": 5 if small else 0, "evaluations": 20,
            "vocabulary_size": 8000 if not small else 4000}


def read_settings(model: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Turn `key=value` texts into values by the types of the fields; an unknown key is refused."""
    if model not in MODEL_CONFIGS:
        raise ConfigError(f"{model!r} needs no training", allowed=f"models to train are {', '.join(MODEL_CONFIGS)}")
    hints = typing.get_type_hints(MODEL_CONFIGS[model]) | typing.get_type_hints(TrainingConfig)
    known = {f.name for f in (*fields(MODEL_CONFIGS[model]), *fields(TrainingConfig))} - FROM_DATA
    if unknown := sorted(set(given) - known):
        raise ConfigError(f"there is no setting {unknown[0]!r}", allowed=f"the settings are {', '.join(sorted(known))}")
    return {name: _parse(name, text, hints[name]) for name, text in given.items()}


def _parse(name: str, text: str, hint: Any) -> Any:
    if typing.get_origin(hint) is tuple:
        return tuple(_parse(name, part, typing.get_args(hint)[0]) for part in text.split(",") if part)
    if typing.get_origin(hint) is Literal:
        return text
    kind = typing.get_args(hint)[0] if isinstance(hint, types.UnionType) else hint
    try:
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError):
        raise ConfigError(f"{name} cannot be {text!r}", allowed=f"a value of type {kind.__name__}") from None


def split_settings(model: str, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the model and settings of the training."""
    own = {f.name for f in fields(MODEL_CONFIGS[model])}
    return ({k: v for k, v in settings.items() if k in own}, {k: v for k, v in settings.items() if k not in own})

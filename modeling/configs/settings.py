"""Settings as people write them, `key=value`, to values that the configurations take."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, Literal

from modeling.configs.catalogue import Model, model_of
from modeling.configs.training import TrainingConfig
from modeling.errors import ConfigError
from modeling.text import ALLOWED, Preprocessing

FROM_DATA = frozenset({"labels", "several", "types", "positions", "offset", "epsilon", "source_vocabulary_size",
                       "dimensions"})
"""Fields of model configurations that the data or the parent decides."""

KEPT_WEIGHTS = frozenset({"dropout", "length", "context", "window", "stride", "directions",
                          "dropout_between", "dropout_input", "dropout_words", "dropout_weights", "continuous",
                          "activation", "slowness", "pooling", "word_dropout", "free_bits", "autoencoding",
                          "annealing", "target_context"})
"""Fields of model configurations that can change when a training continues from an artifact."""

ALWAYS = frozenset({"validation", "test", "threads", "checkpoint_seconds"})
"""Settings that whoever starts a run of any model decides."""

LEAST_VOCABULARY = {"bpe": 300, "characters": 32, "words": 32}
"""Tokenizer -> tokens that it is asked for, at least: marks, languages, the bytes of "bpe", and something beside them.
"""

LEAST_WINDOW = 96
"""Room for the longest question, the marks, and a few words of the passage."""

PREPROCESSING = "preprocessing_"
"""Before the name of a step in a setting: `preprocessing_html=true`."""


def read_settings(task: str, model: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Turn `key=value` texts into values by the types of the fields.

    Raises ConfigError, with its `field`, for an unknown key and for values that cannot be, alone or together.
    """
    kind = model_of(task, model)
    steps = {PREPROCESSING + name: hint for name, hint in typing.get_type_hints(Preprocessing).items()}
    hints = typing.get_type_hints(kind.config) | typing.get_type_hints(TrainingConfig) | steps
    known = {f.name for f in (*fields(kind.config), *fields(TrainingConfig))} - FROM_DATA - {"preprocessing"}
    known |= steps.keys()
    if kind.counted:
        known -= {f.name for f in fields(TrainingConfig)} - kind.uses - ALWAYS
    if unknown := sorted(set(given) - known):
        raise ConfigError(f"there is no setting {unknown[0]!r}", allowed=f"the settings are {', '.join(sorted(known))}",
                          field=unknown[0])
    settings = {name: parse_setting(name, text, hints[name]) for name, text in given.items()}
    own, training = split_settings(task, model, settings)
    _check_steps(task, kind, TrainingConfig(**training))
    _check_asked(settings)
    if kind.parent != "must":  # else its other sizes are its parent's: only with them can these be judged
        kind.config(**own)
    return settings


def _check_asked(settings: Mapping[str, Any]) -> None:
    """Refuse what configurations take, because small networks are made so by hand, and a training of real text not."""
    least = {"vocabulary_size": LEAST_VOCABULARY[settings.get("tokenizer", "bpe")], "window": LEAST_WINDOW}
    for name in least.keys() & settings.keys():
        if settings[name] < least[name]:
            raise ConfigError(f"{name} is {settings[name]}", allowed=f"a number of at least {least[name]}", field=name)
    shares, directions = settings.get("shares"), settings.get("directions")
    if shares and directions and len(shares) != len(directions):
        raise ConfigError(f"{len(shares)} shares for {len(directions)} directions",
                          allowed="one share for each direction", field="shares")


def read_steps(given: Mapping[str, str]) -> Preprocessing:
    """Steps from texts, by their own names. Raises ConfigError."""
    hints = typing.get_type_hints(Preprocessing)
    if unknown := sorted(set(given) - set(hints)):
        raise ConfigError(f"there is no step {unknown[0]!r}", allowed=f"the steps are {', '.join(hints)}",
                          field=unknown[0])
    return Preprocessing(**{name: parse_setting(name, text, hints[name]) for name, text in given.items()})


def steps_of(task: str, kind: Model) -> tuple[str, ...]:
    """The steps of preprocessing that mean something for this model."""
    names = () if kind.on_vectors else ALLOWED.get(task, tuple(field.name for field in fields(Preprocessing)))
    made_elsewhere = {"ngrams"} | ({"words"} if "segment" not in names else set())  # its tokens are given
    return tuple(name for name in names if "tokenizer" in kind.uses or name not in made_elsewhere)


def _check_steps(task: str, kind: Model, training: TrainingConfig) -> None:
    """Refuse steps that the task or the model cannot have."""
    asked, names = training.preprocessing, steps_of(task, kind)
    with _of_steps():
        asked.check_task(task)
        if refused := [name for name in asked.as_dict() if name not in names]:
            raise ConfigError(f"{refused[0]} needs a tokenizer that is made from your texts", field=refused[0],
                              allowed=f"With this model {', '.join(names)} can be used")
        if asked.ngrams > 1 and training.tokenizer != "words":
            raise ConfigError(f"ngrams is {asked.ngrams} and the tokenizer {training.tokenizer}", field="ngrams",
                              allowed="the tokenizer words, whose tokens are whole words")


@contextmanager
def _of_steps() -> Iterator[None]:
    """Faults of a `Preprocessing` named as the settings are."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(error.found, allowed=error.allowed, remedy=error.remedy,
                          field=PREPROCESSING + error.field) from None


def parse_setting(name: str, text: str, hint: Any) -> Any:
    """The value of a text by the type of its field. Raises ConfigError."""
    if typing.get_origin(hint) is tuple:
        parts = (part.strip() for part in re.split(r"[,，、\n]", text))
        return tuple(parse_setting(name, part, typing.get_args(hint)[0]) for part in parts if part)
    if typing.get_origin(hint) is Literal:
        return text
    kind = typing.get_args(hint)[0] if isinstance(hint, types.UnionType) else hint
    try:
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError):
        raise ConfigError(f"{name} cannot be {text[:60]!r}", allowed=f"a value of type {kind.__name__}",
                          field=name) from None


def split_settings(
    task: str, model: str, settings: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the model and settings of the training; those of single steps become its `preprocessing`."""
    own = {f.name for f in fields(model_of(task, model).config)}
    rest = {k: v for k, v in settings.items() if k not in own}
    if steps := {k: rest.pop(k) for k in settings if k.startswith(PREPROCESSING)}:
        with _of_steps():
            rest["preprocessing"] = Preprocessing(**{k.removeprefix(PREPROCESSING): v for k, v in steps.items()})
    return {k: v for k, v in settings.items() if k in own}, rest

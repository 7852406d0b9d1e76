"""The space of a search: for each setting a range or a choice, by the types and limits of the configurations."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from modeling.configs import TrainingConfig, model_of, read_settings
from modeling.errors import ConfigError

FORM = "LOW..HIGH, LOW..HIGH:log, or A|B|C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a setting may be."""

    kind: Literal["int", "float", "choice"]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    """Whether the ratio between two values counts, not their difference."""
    choices: tuple[str, ...] = ()


def read_space(task: str, model: str, given: Mapping[str, str]) -> dict[str, Range]:
    """`learning_rate=1e-4..1e-2:log`, `layers=1..4`, `hidden=64|128|256` to ranges.

    Raises ConfigError, with its `field`, for what is no range, and for ends that the setting does not take.
    """
    if not given:
        raise ConfigError("the search has nothing to vary", allowed=f"settings as {FORM}")
    entry = model_of(task, model)
    hints = typing.get_type_hints(entry.config) | typing.get_type_hints(TrainingConfig)
    return {name: _range(task, model, name, text.strip(), hints.get(name)) for name, text in given.items()}


def _range(task: str, model: str, name: str, text: str, hint: Any) -> Range:
    if ".." not in text:
        choices = tuple(dict.fromkeys(part.strip() for part in text.split("|") if part.strip()))
        if len(choices) < 2:
            raise ConfigError(f"{name} is {text!r}", allowed=FORM, field=name)
        for choice in choices:
            read_settings(task, model, {name: choice})
        return Range(kind="choice", choices=choices)
    ends, _, scale = text.partition(":")
    low, _, high = ends.partition("..")
    for end in (low, high):
        read_settings(task, model, {name: end.strip()})
    kind = _number(hint)
    if kind is None or scale not in ("", "log") or not float(low) < float(high) or (scale and float(low) <= 0):
        raise ConfigError(f"{name} is {text!r}", allowed=f"{FORM}; the lower end first, and above 0 where it is log",
                          field=name)
    return Range(kind=kind, low=float(low), high=float(high), log=scale == "log")


def _number(hint: Any) -> Literal["int", "float"] | None:
    plain = typing.get_args(hint)[0] if isinstance(hint, types.UnionType) else hint
    return "int" if plain is int else "float" if plain is float else None

"""What can be set for word vectors: one configuration a method."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from modeling.configs.options import Kind, Option, documented
from modeling.configs.ranges import check_ranges
from modeling.configs.settings import parse_setting
from modeling.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class VectorsConfig:
    dimensions: int = 100
    """Numbers of a vector."""
    window: int = 5
    """Words to either side that count as near, at most."""
    min_count: int = 5
    """How often a word has to occur to get a vector."""
    most_words: int = 200_000
    """The most words that get a vector; the commonest stay."""
    epochs: int = 5
    """Passes over the text."""
    learning_rate: float = 0.05
    """Highest rate."""
    lowercase: bool = True
    """Whether case is folded."""
    phrases: int = 0
    """Passes that join words which come together unusually often, as in new_york; each can join two."""
    phrase_threshold: float = 100.0
    """How unusual that has to be: (count(ab) - min_count) * words / (count(a) * count(b))."""
    threads: int = 0
    """Threads; 0 takes those of the machine. With one alone the result is the same each time."""
    seed: int = 0
    """Of the first vectors and of all that is drawn."""

    def __post_init__(self) -> None:
        check_ranges(
            self, shares=("subsample", "alpha"), least={"phrases": 0, "threads": 0, "seed": 0, "negatives": 1},
            most={"dimensions": 2048, "window": 100, "threads": 256, "phrases": 5, "epochs": 1000, "negatives": 100,
                  "learning_rate": 10, "most_words": 5_000_000, "memory": 65_536, "alpha": 1, "subsample": 1},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SkipGramConfig(VectorsConfig):
    learning_rate: float = 0.025
    """Rate at the beginning; it falls to zero in a line."""
    negatives: int = 5
    """Noise words for each word that is predicted."""
    subsample: float = 1e-3
    """Words that make up more than this share of the text are left out at times; 0 keeps them all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CBOWConfig(SkipGramConfig):
    learning_rate: float = 0.05
    """Rate at the beginning; it falls to zero in a line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GloVeConfig(VectorsConfig):
    window: int = 10
    """Words to either side that count as near; a word at distance d counts 1/d."""
    epochs: int = 25
    """Passes over the counted pairs."""
    x_max: float = 100.0
    """Pairs that are counted more often than this weigh the same; 10 suits texts below a hundred million words."""
    alpha: float = 0.75
    """How the weight of rarer pairs falls: (count / x_max) ** alpha."""
    memory: int = 512
    """Megabytes for counting; what does not fit is sorted on disk."""


METHODS: dict[str, type[VectorsConfig]] = {"skipgram": SkipGramConfig, "cbow": CBOWConfig, "glove": GloVeConfig}
"""Method -> its configuration."""


MAIN = ("dimensions", "window", "min_count", "epochs")
"""Settings that a person may want, in their order."""

KINDS: dict[Any, Kind] = {int: "int", float: "float", bool: "bool"}


def read_vector_settings(given: Mapping[str, str]) -> tuple[str, VectorsConfig]:
    """(method, configuration) of `key=value` texts, `method` among them. Raises ConfigError with its `field`."""
    rest = dict(given)
    method = rest.pop("method", "skipgram")
    if method not in METHODS:
        raise ConfigError(f"method is {method!r}", allowed=f"methods are {', '.join(METHODS)}", field="method")
    hints = typing.get_type_hints(METHODS[method])
    if unknown := sorted(set(rest) - set(hints)):
        raise ConfigError(f"there is no setting {unknown[0]!r}", allowed=f"the settings are {', '.join(hints)}",
                          field=unknown[0])
    return method, METHODS[method](**{name: parse_setting(name, text, hints[name]) for name, text in rest.items()})


def vector_options(method: str) -> list[Option]:
    """The settings of a method as a form shows them, the main ones first."""
    config = METHODS[method]
    hints, lines = typing.get_type_hints(config), dict[str, str]()
    for base in reversed(config.__mro__[:-1]):
        lines |= documented(base)
    found = [Option(name=field.name, kind=KINDS[hints[field.name]], default=field.default, help=lines[field.name],
                    choices=(), group="training", main=field.name in MAIN) for field in fields(config)]
    return sorted(found, key=lambda option: MAIN.index(option.name) if option.main else len(MAIN))

"""The settings as a form shows them: with their kind, their default for these data, their documented line."""

from __future__ import annotations

import ast
import inspect
import types
import typing
from dataclasses import Field, dataclass, fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal

from modeling.configs.catalogue import SPECIAL, Model, model_of
from modeling.configs.settings import ALWAYS, FROM_DATA, KEPT_WEIGHTS, PREPROCESSING, steps_of
from modeling.configs.training import TrainingConfig
from modeling.text import Preprocessing

Kind = Literal["int", "float", "bool", "choice", "text"]
Group = Literal["model", "training", "preprocessing"]

NOT_ASKED = ALWAYS | {"preprocessing"}
"""Settings that whoever starts the training decides: the data come in splits, and the machine is shared."""

NAMES = {"html": "HTML", "unicode": "Unicode forms", "urls": "Web addresses", "emails": "E-mail addresses",
         "simplified": "Simplified Chinese", "lowercase": "Small letters", "words": "Added words",
         "segment": "Cut into words", "stop_added": "Stop words added", "stop_kept": "Stop words kept",
         "ngrams": "N-grams"}
"""Step of preprocessing -> what people call it, where that is not its name."""

FRESH = frozenset({"vectors", "freeze_vectors"})
"""Settings of the training that mean something for new weights only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One setting of a model or of its training."""

    name: str
    """As `read_settings` takes it."""
    kind: Kind
    """What it is: a text can be a list with commas."""
    default: Any
    """Its value for these data; None where there is none."""
    help: str
    """Its documented line."""
    choices: tuple[str, ...]
    """Of a choice."""
    group: Group
    """Whose setting it is."""
    main: bool
    """Whether a person may want it."""

    @property
    def label(self) -> str:
        """Its name in words."""
        return label_of(self.name)


def label_of(name: str) -> str:
    """The name of a setting in words."""
    step = name.removeprefix(PREPROCESSING)
    words = (NAMES.get(step, step) if step != name else name).replace("_", " ").replace("kv ", "KV ")
    words = words.replace("lora ", "LoRA ")
    return words[0].upper() + words[1:]


def options(
    task: str, model: str, *, rows: int, characters: int, continued: bool = False, preprocessed: bool = False
) -> list[Option]:
    """The settings of a training on this many rows and characters, the main ones first.

    With `continued` those of the model that cannot change when it starts from trained weights are left out, as they
    are for a model that always does; with `preprocessed` those of the texts, which these weights know in one form.
    Raises ConfigError where there is nothing to train.
    """
    kind = model_of(task, model)
    defaults, fixed = kind.defaults(rows, characters), continued or kind.parent == "must"
    found = [_option(field, kind.config, "model", defaults, kind.main) for field in fields(kind.config)
             if field.name not in FROM_DATA and (field.name in KEPT_WEIGHTS or not fixed)]
    found += [_option(field, TrainingConfig, "training", defaults, kind.main) for field in fields(TrainingConfig)
              if field.name not in (NOT_ASKED | FRESH if fixed else NOT_ASKED) and means(kind, field.name)]
    found += [_option(field, Preprocessing, "preprocessing", {}, ()) for field in fields(Preprocessing)
              if field.name in steps_of(task, kind) and not preprocessed]
    return sorted(found, key=lambda option: kind.main.index(option.name) if option.main else len(kind.main))


def means(kind: Model, name: str) -> bool:
    """Whether a setting of TrainingConfig means something for a model."""
    return name in kind.uses or (name not in SPECIAL and not kind.counted)


def _option(
    field: Field[Any], config: type, group: Group, defaults: dict[str, Any], main: tuple[str, ...]
) -> Option:
    hint = typing.get_type_hints(config)[field.name]
    choices = tuple(typing.get_args(hint)) if typing.get_origin(hint) is Literal else ()
    default = "" if field.name == "directions" else defaults.get(field.name, field.default)
    return Option(
        name=(PREPROCESSING if group == "preprocessing" else "") + field.name, group=group,
        kind="choice" if choices else _kind(hint), choices=choices,
        default=",".join(map(str, default)) if isinstance(default, tuple) else default,
        help=documented(config)[field.name], main=field.name in main,
    )


def _kind(hint: Any) -> Kind:
    plain = typing.get_args(hint)[0] if isinstance(hint, types.UnionType) else hint
    kinds: dict[Any, Kind] = {bool: "bool", int: "int", float: "float"}
    return kinds.get(plain, "text")


@cache
def documented(config: type) -> dict[str, str]:
    """Field of a configuration, also of those that it inherits -> the line that stands under it in the source."""
    inherited = config.__base__ if config.__base__ and is_dataclass(config.__base__) else None
    body = typing.cast(ast.ClassDef, ast.parse(inspect.getsource(config)).body[0]).body
    return (documented(inherited) if inherited else {}) | {
        field.target.id: " ".join(line.value.value.split())
        for field, line in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)
    }

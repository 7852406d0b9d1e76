"""Which numbers a configuration takes. The limits are wide: they stop slips of the hand that would cost hours."""

from __future__ import annotations

import math
import typing
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any, Literal

from modeling.errors import ConfigError

LARGEST = 10**9
SIZES = {"vocabulary_size": 10**6, "width": 8192, "embedding": 8192, "hidden": 65_536, "layers": 256,
         "encoder_layers": 256, "decoder_layers": 256, "heads": 512, "kv_heads": 512, "dropout": 0.9}
"""Of any network: at most. With a dropout of 1 nothing gets through."""


def check_ranges(
    config: Any, *, shares: Collection[str] = (), least: Mapping[str, float] | None = None,
    most: Mapping[str, float] | None = None,
) -> None:
    """Refuse choices that do not exist and numbers out of range.

    `shares` lie from 0 to 1; all others are above 0, or at least what `least` says. None is above what `most` says.
    """
    hints = typing.get_type_hints(type(config))
    for name in (field.name for field in fields(config)):
        value, lowest = getattr(config, name), (least or {}).get(name)
        highest = (most or {}).get(name, 1 if name in shares else LARGEST)
        if typing.get_origin(hints[name]) is Literal:
            allowed, good = f"one of {', '.join(typing.get_args(hints[name]))}", value in typing.get_args(hints[name])
        elif isinstance(value, bool) or not isinstance(value, int | float):
            continue
        elif name in shares:
            allowed, good = f"a share from 0 to {highest:g}", 0 <= value <= highest
        elif lowest is not None:
            allowed, good = f"a number from {lowest:g} to {highest:,}", lowest <= value <= highest
        else:
            allowed, good = f"a number above 0, at most {highest:,}", 0 < value <= highest
        if not good or (isinstance(value, float) and math.isnan(value)):
            raise ConfigError(f"{name} is {value!r}", allowed=allowed, field=name)

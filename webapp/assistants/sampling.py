"""Sampling defaults that an assistant's owner can set: for each task what can be set, and within which range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

TEMPERATURE = (0.0, 1.5, 0.8)  # least, most, default; also of the visitor's slider
LENGTH = (16, 512, 128)
STOP_TEXTS, STOP_CHARACTERS = 8, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A number that can be set; its name is a field of SamplingParams."""

    label: Any
    hint: Any
    least: float
    most: float
    default: float
    step: float = 1  # 1 asks for a whole number


_LENGTH = Knob(label=_("Length"), hint=_("Tokens at most; a token is about a word, or a Chinese character."),
               least=LENGTH[0], most=LENGTH[1], default=LENGTH[2])
KNOBS: Mapping[str, Mapping[str, Knob]] = {
    "generation": {
        "temperature": Knob(label=_("Temperature"), hint=_("Low is careful, high is bold."), least=TEMPERATURE[0],
                            most=TEMPERATURE[1], default=TEMPERATURE[2], step=0.05),
        "top_p": Knob(label=_("Top p"), hint=_("Only the likeliest tokens that make up this share of the probability."),
                      least=0.05, most=1, default=0.95, step=0.01),
        "top_k": Knob(label=_("Top k"), hint=_("Only this many of the likeliest tokens."), least=1, most=64,
                      default=64),
        "repetition_penalty": Knob(label=_("Repetition penalty"), hint=_("1 is none; 1.1 to 1.3 avoids repeating."),
                                   least=1, most=3, default=1, step=0.05),
        "max_tokens": _LENGTH,
    },
    "classification": {
        "threshold": Knob(label=_("Not sure below"), hint=_("An answer with a lower probability is shown as a guess; 0 "
                                                            "shows every answer as it is."),
                          least=0, most=1, default=0, step=0.01),
    },
    "translation": {
        "beam": Knob(label=_("Beam"), hint=_("Sentences tried side by side; 1 is fastest, 4 is usual."), least=1,
                     most=8, default=4),
        "max_tokens": _LENGTH,
    },
}
STOPPING = ("generation",)  # tasks whose answers can end at a text

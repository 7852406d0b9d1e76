"""What a visitor can set for an answer, by task: read from a form, checked, and turned into a request."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from modeling.inference import Request, SamplingParams
from webapp.assistants.models import Assistant
from webapp.assistants.sampling import LENGTH, TEMPERATURE

SAMPLING = {field.name for field in fields(SamplingParams)}
SENTENCES = (1, 10, 3)  # least, most, default
CHINESE = re.compile("[\u3400-\u9fff]")


def _number(value: Any, least: float, most: float, default: float) -> float:
    """A number within its range. What is not a number counts as not set."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return default if math.isnan(number) else min(max(number, least), most)


def _direction(known: list[str], wanted: Any, text: str) -> dict[str, str]:
    """The direction wanted; the other way round where the writing plainly shows that this is what was meant."""
    if not known:
        return {}
    direction = wanted if wanted in known else known[0]
    source, _, target = direction.partition("-")
    if text.strip() and "zh" in (source, target) and (source == "zh") != bool(CHINESE.search(text)):
        direction = f"{target}-{source}" if f"{target}-{source}" in known else direction
    return {"direction": direction}


def cleaned(assistant: Assistant, raw: Mapping[str, Any], text: str = "") -> dict[str, Any]:
    """The options that this assistant knows, each within its range. `text` is what they are wanted for."""
    if assistant.task == "translation":
        return _direction(assistant.directions, raw.get("direction"), text)
    if assistant.task == "summarisation":
        return {"sentences": int(_number(raw.get("sentences"), *SENTENCES))}
    if assistant.task == "generation":
        temperature = assistant.defaults.get("temperature", TEMPERATURE[2])
        length = assistant.defaults.get("max_tokens", LENGTH[2])
        return {"temperature": round(_number(raw.get("temperature"), *TEMPERATURE[:2], temperature), 2),
                "max_tokens": int(_number(raw.get("max_tokens"), *LENGTH[:2], length))}
    return {}


def request_for(
    assistant: Assistant, text: str, options: Mapping[str, Any], documents: tuple[str, ...],
    history: tuple[str, ...] = (),
) -> Request:
    """What the engine is asked. Raises ConfigError when an assistant's defaults are out of range."""
    sampling = {name: value for name, value in assistant.defaults.items() if name in SAMPLING}
    if isinstance(sampling.get("stop"), list):
        sampling["stop"] = tuple(sampling["stop"])
    sampling |= {name: value for name, value in options.items() if name in SAMPLING}
    source, _, target = options.get("direction", "").partition("-")
    return Request(
        artifact=assistant.artifact, text=text, sampling=SamplingParams(**sampling),
        source_language=source or None, target_language=target or None,
        documents=documents, history=history, sentences=options.get("sentences"),
        explain=assistant.task == "classification",
    )


def controls(assistant: Assistant, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What the composer offers: the options as they stand, and their ranges."""
    directions = [dict(zip(("source", "target"), one.split("-"), strict=True)) | {"value": one}
                  for one in assistant.directions]
    return cleaned(assistant, chosen) | {
        "directions": directions, "sentences_range": SENTENCES, "temperature_range": TEMPERATURE,
        "length_range": LENGTH,
    }

"""What a visitor can set for an answer, by task: read from a form, checked, and turned into a request."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from modeling.errors import RequestError
from modeling.inference import Latent, Request, SamplingParams
from webapp.assistants.glossaries import written_pairs
from webapp.assistants.models import Assistant
from webapp.assistants.sampling import LENGTH, TEMPERATURE

SAMPLING = {field.name for field in fields(SamplingParams)}
MODES, PATHS = ("sample", "interpolate", "reconstruct"), ("spherical", "linear")
LINES = (2, 16, 8)  # least, most, default
SECOND = 500  # characters of the sentence at the other end
SENTENCES = (1, 10, 3)  # least, most, default
OWN_TERMS, OWN_CHARACTERS = 20, 2000  # of a visitor
CHINESE = re.compile("[\u3400-\u9fff]")


PLACEHOLDERS = {  # in the field where one writes
    "translation": gettext_noop("Text to translate"), "summarisation": gettext_noop("Text to summarise"),
    "classification": gettext_noop("Text to classify"), "question-answering": gettext_noop("Ask a question"),
    "generation": gettext_noop("Begin a text"),
}
A_SENTENCE = gettext_noop("A sentence")  # of an autoencoder's


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
        return _direction(assistant.directions, raw.get("direction"), text) | _terms(raw.get("terms"))
    if assistant.task == "summarisation" and assistant.model not in ("", "lexrank"):
        return {}  # how long a summary gets that is written anew, the model decides
    if assistant.task == "summarisation":
        return {"sentences": int(_number(raw.get("sentences"), *SENTENCES))}
    if assistant.task == "generation":
        temperature = assistant.defaults.get("temperature", TEMPERATURE[2])
        length = assistant.defaults.get("max_tokens", LENGTH[2])
        temperature = round(_number(raw.get("temperature"), *TEMPERATURE[:2], temperature), 2)
        length = int(_number(raw.get("max_tokens"), *LENGTH[:2], length))
        return _latent(assistant, raw) | {"temperature": temperature, "max_tokens": length}
    return {}


def _latent(assistant: Assistant, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What a sentence autoencoder is asked for; nothing of any other model."""
    if assistant.model != "vae":
        return {}
    mode, path = raw.get("mode"), raw.get("path")
    found = {"mode": mode if mode in MODES else MODES[0], "lines": int(_number(raw.get("lines"), *LINES))}
    if found["mode"] != "interpolate":
        return found
    second = raw.get("second")
    return found | {"path": path if path in PATHS else PATHS[0],
                    "second": second.strip()[:SECOND] if isinstance(second, str) else ""}


def _terms(raw: Any) -> dict[str, str]:
    """A visitor's own terms as they were written; one character too many tells that they were cut."""
    return {"terms": raw[: OWN_CHARACTERS + 1]} if isinstance(raw, str) and raw.strip() else {}


def require_whole(options: Mapping[str, Any]) -> None:
    """Raise RequestError where a way between two sentences lacks the second, or where a term cannot be."""
    terms = options.get("terms", "")
    faults = written_pairs(terms, most=OWN_TERMS)[1]
    if len(terms) > OWN_CHARACTERS:
        faults = [_("They have more than %(n)s characters.") % {"n": OWN_CHARACTERS}]
    if faults:
        raise RequestError(_("Your terms cannot be kept. %(fault)s") % {"fault": faults[0].rstrip(".。")})
    if options.get("mode") == "interpolate" and not options.get("second"):
        raise RequestError(_("The sentence at the other end is missing"), remedy=_("Write it in the field below"))


def _glossary(assistant: Assistant, options: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The visitor's own terms, which count first, then the assistant's: these are written for its first direction, and
    hold the other way round."""
    direction, first = options.get("direction", ""), next(iter(assistant.directions), "")
    own = [(source, target) for source, target in written_pairs(options.get("terms", ""), most=OWN_TERMS)[0]]
    pairs = [(str(one[0]), str(one[1])) for one in assistant.defaults.get("glossary", ())]
    reverse = "-".join(reversed(first.split("-")))
    if direction == reverse:
        pairs = [(target, source) for source, target in pairs]
    if direction not in (first, reverse):
        return tuple(own)
    said = {source.casefold() for source, _target in own}
    return (*own, *((source, target) for source, target in pairs if source.casefold() not in said))


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
    latent = {name: options[name] for name in ("mode", "lines", "second", "path") if name in options}
    return Request(
        latent=Latent(**latent) if latent else None,
        artifact=assistant.artifact, text=text, sampling=SamplingParams(**sampling),
        source_language=source or None, target_language=target or None,
        documents=documents, history=history, sentences=options.get("sentences"),
        glossary=_glossary(assistant, options),
        explain=assistant.task == "classification",
    )


def controls(assistant: Assistant, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What the composer offers: the options as they stand, and their ranges."""
    directions = [dict(zip(("source", "target"), one.split("-"), strict=True)) | {"value": one}
                  for one in assistant.directions]
    found = cleaned(assistant, chosen)
    return found | {
        "placeholder": _(A_SENTENCE if "mode" in found else PLACEHOLDERS[assistant.task]),
        "directions": directions, "sentences_range": SENTENCES,
        "temperature_range": TEMPERATURE, "length_range": LENGTH, "lines_range": LINES,
    }

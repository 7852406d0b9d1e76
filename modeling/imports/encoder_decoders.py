"""What the folders of Marian, BART and T5 say about how they want to be spoken to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modeling.configs.transformer import DIRECTION
from modeling.datasets.languages import language_code
from modeling.errors import ConfigError
from modeling.models.folder import Folder, read_json
from modeling.text import Tokenizer
from modeling.text.sentencepiece import tokenizer_of

_TAG = re.compile(r">>([a-z]{2,3})(?:_[A-Za-z]+)?<<")

_THREE_LETTERS = {
    "ara": "ar", "ces": "cs", "cmn": "zh", "dan": "da", "deu": "de", "ell": "el", "eng": "en", "fin": "fi", "fra": "fr",
    "heb": "he", "hin": "hi", "hun": "hu", "ind": "id", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "nob": "nb",
    "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "spa": "es", "swe": "sv", "tur": "tr", "ukr": "uk", "vie": "vi",
    "zho": "zh",
}
"""ISO 639-3 -> ISO 639-1, of the languages that are asked for most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The manifest's side of an encoder-decoder; `preprocessing` is as modeling.inference reads it."""

    tokenizer: Tokenizer
    source_tokenizer: Tokenizer | None
    preprocessing: dict[str, Any]
    directions: tuple[str, ...]
    languages: tuple[str, ...]
    defaults: dict[str, Any]


def told_of(folder: Folder, task: str, directions: tuple[str, ...], prefix: str | None) -> Told:
    """Raises ConfigError where a translator's languages, or a needed prefix, are not known."""
    settings = _settings(folder, task)
    source, target = _tokenizers(folder)
    end, start = settings.get("eos_token_id"), settings.get("decoder_start_token_id")
    if not isinstance(end, int) or not isinstance(start, int):
        raise ConfigError(f"{folder.path.name} does not say decoder_start_token_id and eos_token_id",
                          allowed="both in its config.json or generation_config.json")
    tags = _tags(folder) if folder.family == "marian" else {}
    found = _directions(folder, directions, tags) if task == "translation" else ()
    preprocessing = {
        "start": start, "end": end, "before": (source or target).prefix(), "after": [end],
        "prefix": _prefix(folder, task, found, prefix, settings), "tags": tags,
        "forced": [token for token in (settings.get("forced_bos_token_id"),) if isinstance(token, int)],
        "forbidden": [settings["pad_token_id"]] if folder.family == "marian" else [],
    }
    languages = tuple(dict.fromkeys(code for pair in found for code in pair.split("-")))
    return Told(tokenizer=target, source_tokenizer=source, preprocessing=preprocessing, directions=found,
                languages=languages, defaults=_defaults(settings))


def _code(language: str) -> str:
    """The shortest code of a language; one that is not known stays as it is."""
    return _THREE_LETTERS.get(language) or language_code(language) or language


def _settings(folder: Folder, task: str) -> dict[str, Any]:
    """config.json, what it says of the task, generation_config.json: later ones go before."""
    path = folder.path / "generation_config.json"
    special = folder.config.get("task_specific_params") or {}
    own = special.get("summarization", {}) if task == "summarisation" else {}
    given = read_json(path) if path.is_file() else {}
    merged = dict(folder.config) | {name: value for name, value in given.items() if value is not None} | own
    return {name: value[0] if name == "eos_token_id" and isinstance(value, list) else value
            for name, value in merged.items()}


def _tokenizers(folder: Folder) -> tuple[Tokenizer | None, Tokenizer]:
    """(that of the source where it has one of its own, that of the target)."""
    path = folder.path
    if not (path / "source.spm").is_file():
        return None, Tokenizer.load(path)
    vocabulary = read_json(path / "vocab.json")
    made = [Tokenizer(tokenizer_of((path / f"{side}.spm").read_bytes(), vocabulary)) for side in ("source", "target")]
    return made[0], made[1]


def _tags(folder: Folder) -> dict[str, int]:
    """Language -> `>>xxx<<`, which stands in front of the sources of models with several targets."""
    path = folder.path / "vocab.json"
    found: dict[str, int] = {}
    for token, index in (read_json(path) if path.is_file() else {}).items():
        if match := _TAG.fullmatch(token):
            found.setdefault(_code(match[1]), int(index))
    return found


def _directions(folder: Folder, given: tuple[str, ...], tags: Mapping[str, int]) -> tuple[str, ...]:
    """Those that were given, else those of tokenizer_config.json or of a name such as opus-mt-en-fr."""
    path = folder.path / "tokenizer_config.json"
    said = read_json(path) if path.is_file() else {}
    source, target = (_code(str(said.get(f"{side}_lang") or "")) for side in ("source", "target"))
    if not (source and target) and (match := re.search(r"(?:^|-)([a-z]{2,3})-([a-z]{2,3})$", folder.path.name)):
        source, target = _code(match[1]), _code(match[2])
    found = given or ((f"{source}-{target}",) if source and target else ())
    if not found and source and tags:
        found = tuple(f"{source}-{code}" for code in tags if code != source)
    if bad := [pair for pair in found if not DIRECTION.fullmatch(pair)]:
        raise ConfigError(f"{bad[0]!r} is no direction", allowed="two languages, such as en-fr", field="directions")
    if not found:
        raise ConfigError(f"{folder.path.name} does not say between which languages it translates",
                          remedy="Name its directions, such as en-fr", field="directions")
    if tags and (unknown := [pair for pair in found if pair.split("-")[1] not in tags]):
        raise ConfigError(f"{folder.path.name} does not translate {unknown[0]}", field="directions",
                          allowed=f"its targets are {', '.join(tags)}")
    return found


def _prefix(
    folder: Folder, task: str, directions: tuple[str, ...], given: str | None, settings: Mapping[str, Any]
) -> str:
    if given is not None or folder.family != "t5":
        return given or ""
    if task == "summarisation":
        return str(settings.get("prefix") or "summarize: ")
    special = folder.config.get("task_specific_params") or {}
    found = special.get(f"translation_{directions[0].replace('-', '_to_')}", {}).get("prefix")
    if len(directions) != 1 or not found:
        raise ConfigError(f"{folder.path.name} does not say what stands before a text in {', '.join(directions)}",
                          remedy="Give the prefix, such as 'translate English to German: ', and one direction",
                          field="prefix")
    return str(found)


def _defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of the beam search, within what requests take."""

    def within(name: str, least: float, most: float, usual: float) -> Any:
        value = settings.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            return usual
        return type(usual)(min(most, max(least, value)))

    return {"beam": within("num_beams", 1, 8, 4), "max_tokens": within("max_length", 16, 4096, 256),
            "length_penalty": within("length_penalty", 0.0, 3.0, 1.0), "min_tokens": within("min_length", 0, 256, 0),
            "no_repeat": within("no_repeat_ngram_size", 0, 10, 0)}

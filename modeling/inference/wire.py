"""The engine's messages: one JSON object a line, at most `LIMIT` bytes. Both ends of the socket use this file.

To the engine: `{"op": "submit", "id": n, "request": {...}}`, `{"op": "cancel", "id": n}`, `{"op": "stats", "id": n}`.
From the engine: `{"id": n, "accepted": true}`, `{"id": n, "chunk": {...}}`, `{"id": n, "stats": {...}}`,
`{"id": n, "error": {"kind", "found", "allowed", "remedy", "retry_after"?}}`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any

from modeling.errors import ArtifactError, ConfigError, DataError, EngineBusyError, ParleyError, RequestError
from modeling.inference.request import Chunk, Latent, Request, SamplingParams

LIMIT = 4 * 2**20  # bytes a message; the longest text that an engine takes is far shorter
_KINDS: dict[str, type[ParleyError]] = {
    "artifact": ArtifactError, "config": ConfigError, "data": DataError, "request": RequestError,
}
_NUMBER = (int, float)
_TYPES: dict[str, tuple[type, ...]] = {
    "artifact": (str,), "text": (str,), "source_language": (str, type(None)), "target_language": (str, type(None)),
    "sentences": (int, type(None)), "priority": (int,), "deadline": (*_NUMBER, type(None)),
    "explain": (bool,), "threshold": (*_NUMBER, type(None)), "temperature": _NUMBER, "top_k": (int,),
    "top_p": _NUMBER, "repetition_penalty": _NUMBER, "max_tokens": (int,),
    "seed": (int, type(None)), "beam": (int,), "length_penalty": _NUMBER, "no_repeat": (int,), "min_tokens": (int,),
    "mode": (str,), "second": (str,), "lines": (int,), "path": (str,),
}


def pack(message: Mapping[str, Any]) -> bytes:
    """One line."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def unpack(line: bytes) -> dict[str, Any]:
    """The object in a line. Raises RequestError when it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The message is not JSON: {error}", allowed="One JSON object a line") from None
    if not isinstance(message, dict):
        raise RequestError(f"The message is a {type(message).__name__}", allowed="One JSON object a line")
    return message


def pack_request(request: Request) -> dict[str, Any]:
    return asdict(request)


def unpack_request(content: object) -> Request:
    """Raises RequestError or ConfigError for unknown keys, wrong types and values out of range."""
    values = _checked(content, Request, "request")
    values["sampling"] = SamplingParams(**_checked(values.get("sampling", {}), SamplingParams, "sampling"))
    if values.get("latent") is not None:
        values["latent"] = Latent(**_checked(values["latent"], Latent, "latent"))
    return Request(**values)


def _checked(content: object, made: type, name: str) -> dict[str, Any]:
    """The fields of a dataclass in `content`, lists of texts made tuples."""
    if not isinstance(content, dict):
        raise RequestError(f"{name} is a {type(content).__name__}", allowed="It must be an object")
    known = {entry.name: entry for entry in fields(made)}
    if unknown := sorted(set(content) - set(known)):
        raise RequestError(f"{name} has unknown keys: {', '.join(unknown)}", allowed=f"It knows {', '.join(known)}")
    needed = {key for key, entry in known.items() if entry.default is MISSING and entry.default_factory is MISSING}
    if missing := sorted(needed - set(content)):
        raise RequestError(f"{name} lacks {', '.join(missing)}")
    return {key: _value(key, value) for key, value in content.items()}


def _value(key: str, value: object) -> object:
    if key in ("stop", "documents", "history"):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise RequestError(f"{key} is {value!r:.80}", allowed="It must be a list of texts")
        return tuple(value)
    if key == "glossary":
        if not isinstance(value, list) or not all(_is_pair(item) for item in value):
            raise RequestError(f"{key} is {value!r:.80}", allowed="It must be a list of pairs of texts")
        return tuple((source, target) for source, target in value)
    if key in _TYPES and (not isinstance(value, _TYPES[key]) or isinstance(value, bool) and bool not in _TYPES[key]):
        raise RequestError(f"{key} is {value!r:.80}", allowed=f"It must be {_TYPES[key][0].__name__}")
    return value


def _is_pair(item: object) -> bool:
    return isinstance(item, list) and len(item) == 2 and all(isinstance(side, str) for side in item)


def pack_chunk(chunk: Chunk) -> dict[str, Any]:
    """What a chunk says; fields at their defaults are left out."""
    return {entry.name: value for entry in fields(Chunk) if (value := getattr(chunk, entry.name)) != entry.default}


def unpack_chunk(content: Mapping[str, Any]) -> Chunk:
    lists = {key: tuple(content[key]) for key in ("token_ids", "logprobs") if key in content}
    return Chunk(**{**content, **lists})


def pack_error(error: ParleyError) -> dict[str, Any]:
    content = {"kind": "engine", "found": error.found, "allowed": error.allowed, "remedy": error.remedy}
    if isinstance(error, EngineBusyError):
        return content | {"kind": "busy", "retry_after": error.retry_after}
    return content | {"kind": next((name for name, kind in _KINDS.items() if isinstance(error, kind)), "engine")}


def unpack_error(content: Mapping[str, Any]) -> ParleyError:
    parts = {"allowed": content.get("allowed", ""), "remedy": content.get("remedy", "")}
    if content.get("kind") == "busy":
        return EngineBusyError(content["found"], retry_after=float(content["retry_after"]), **parts)
    return _KINDS.get(content.get("kind", ""), ParleyError)(content["found"], **parts)


def merged(first: Chunk, second: Chunk) -> Chunk | None:
    """Two chunks as one: pieces of text, or the newest place in the queue. None where they have to stay apart."""
    if first.stage == second.stage == "queued":
        return second
    if first.stage or second.stage or first.finish_reason or not _is_text(first) or not _is_text(second):
        return None
    candidates = [*_candidates(first), *_candidates(second)]
    return Chunk(text=first.text + second.text, token_ids=first.token_ids + second.token_ids,
                 logprobs=first.logprobs + second.logprobs, finish_reason=second.finish_reason, error=second.error,
                 result={"candidates": candidates} if candidates else None)


def _is_text(chunk: Chunk) -> bool:
    return chunk.result is None or set(chunk.result) == {"candidates"}


def _candidates(chunk: Chunk) -> list[Any]:
    return list(chunk.result["candidates"]) if chunk.result else []

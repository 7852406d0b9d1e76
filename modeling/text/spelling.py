"""What each token of a vocabulary stands for, in bytes: read from the decoder of a Hugging Face tokenizer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from modeling.errors import DataError

First = Literal["as it is", "one space off", "all spaces off"]
"""How the first token of a text differs from the same token further on."""
Step = Callable[[bytes | str], bytes | str]

_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")
_CLEANUP = ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
            (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"))
"""WordPiece decoders of Hugging Face that clean up do this to each token."""
_KNOWN = "Decoders made of ByteLevel, Metaspace, WordPiece, ByteFallback, Replace, Strip and Fuse can be read"


def _byte_characters() -> dict[str, int]:
    """The character that stands for each byte in ByteLevel vocabularies (Radford et al. 2019, GPT-2's encoder)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + i): byte for i, byte in enumerate(hidden)}


_BYTES = _byte_characters()


def spelling(state: Mapping[str, Any]) -> tuple[Callable[[str], bytes], First]:
    """How tokens are spelt, by a tokenizer's JSON: token -> bytes, and what the first one of a text loses.

    Raises DataError for a decoder whose tokens have no spelling of their own.
    """
    decoder = state["decoder"]
    if decoder is None:
        return _without_decoder(state["model"])
    steps: list[Step] = []
    first: First = "as it is"
    for part in decoder["decoders"] if decoder["type"] == "Sequence" else [decoder]:
        step, loses = _step(part, state["model"])
        steps.append(step)
        first = first if loses == "as it is" else loses

    def spell(token: str) -> bytes:
        piece: bytes | str = token
        for step in steps:
            piece = step(piece)
        return piece.encode() if isinstance(piece, str) else piece

    return spell, first


def _without_decoder(model: Mapping[str, Any]) -> tuple[Callable[[str], bytes], First]:
    """Without one, words are joined by blanks, and BPE tokens by nothing."""
    if model["type"] == "WordPiece":
        prefix = model.get("continuing_subword_prefix") or "##"
        return lambda token: str(_joined(token, prefix, cleanup=False)).encode(), "one space off"
    if model["type"] == "WordLevel":
        return lambda token: f" {token}".encode(), "one space off"
    if model["type"] == "BPE":
        return str.encode, "as it is"
    raise DataError(f"the tokenizer is a {model['type']} one without a decoder", allowed=_KNOWN)


def _step(part: Mapping[str, Any], model: Mapping[str, Any]) -> tuple[Step, First]:
    match part["type"]:
        case "ByteLevel":
            return _on_text(_byte_level), "as it is"
        case "ByteFallback":
            return _on_text(_byte_fallback), "as it is"
        case "Metaspace":
            mark, never = part.get("replacement", "▁"), part.get("prepend_scheme") == "never"
            return _on_text(lambda token: token.replace(mark, " ")), "as it is" if never else "all spaces off"
        case "WordPiece":
            prefix, cleanup = part["prefix"], part["cleanup"]
            return _on_text(lambda token: _joined(token, prefix, cleanup=cleanup)), "one space off"
        case "Replace" if "String" in part["pattern"]:
            old, new = part["pattern"]["String"], part["content"]
            return _on_text(lambda token: token.replace(old, new)), "as it is"
        case "Strip" if (part["content"], part["start"], part["stop"]) == (" ", 1, 0):
            return lambda piece: piece, "one space off"
        case "Fuse":
            return lambda piece: piece, "as it is"
    raise DataError(f"the tokenizer's decoder {part['type']} of a {model['type']} model is not known", allowed=_KNOWN)


def _on_text(change: Callable[[str], bytes | str]) -> Step:
    """A token that became a byte stays that."""
    return lambda piece: change(piece) if isinstance(piece, str) else piece


def _byte_level(token: str) -> bytes:
    """Added tokens hold characters that stand for no byte: those are spelt as they are."""
    try:
        return bytes([_BYTES[character] for character in token])
    except KeyError:
        return token.encode()


def _byte_fallback(token: str) -> bytes | str:
    match = _BYTE_TOKEN.fullmatch(token)
    return bytes([int(match[1], 16)]) if match else token


def _joined(token: str, prefix: str, *, cleanup: bool) -> str:
    text = token.removeprefix(prefix) if token.startswith(prefix) else f" {token}"
    for old, new in _CLEANUP if cleanup else ():
        text = text.replace(old, new)
    return text

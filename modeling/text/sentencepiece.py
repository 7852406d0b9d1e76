"""SentencePiece models (Kudo & Richardson 2018) as our tokenizers: read from their protobuf, without the library."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from tokenizers import Tokenizer as HuggingFaceTokenizer

from modeling.errors import DataError

UNKNOWN, CONTROL, USER, UNUSED, BYTE = 2, 3, 4, 5, 6
"""Kinds of pieces that are no words; 1 is a word."""
BPE = 2
LARGEST = 32 * 2**20
_SPACE = "▁"
Piece = tuple[str, float, int]


def fields_of(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of the fields of a protobuf message. Raises ValueError where it is none."""
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        if key & 7 == 0:
            value, at = _number(data, at)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(key & 7)
        if key & 7 == 2:
            size, at = _number(data, at)
        if size is None or at + size > len(data):
            raise ValueError("it breaks off")
        yield key >> 3, data[at : at + size]
        at += size


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return value, at
    raise ValueError("it breaks off")


def tokenizer_of(data: bytes, vocabulary: Mapping[str, int] | None = None) -> HuggingFaceTokenizer:
    """The tokenizer of a SentencePiece model. Raises DataError.

    With a `vocabulary` (Marian's vocab.json) ids are those of it: what only the other language's model knows is kept
    for decoding, and what the vocabulary lacks is unknown.
    """
    try:
        found: dict[int, list[Any]] = {}
        for number, value in fields_of(data[:LARGEST]):
            found.setdefault(number, []).append(value)
        pieces = [_piece(dict(fields_of(piece))) for piece in found.get(1, [])]
        trainer, normalizer = (dict(fields_of(found[number][0])) if number in found else {} for number in (2, 3))
        if not any(kind == UNKNOWN for _, _, kind in pieces):
            raise ValueError("it has no pieces")
        state = _bpe(pieces) if trainer.get(3, 1) == BPE else _unigram(pieces, normalizer, vocabulary)
        return HuggingFaceTokenizer.from_str(json.dumps(state))
    except Exception as error:  # the Rust side raises bare Exception
        raise DataError(f"the SentencePiece model cannot be read: {error}", remedy="Download it again") from None


def _piece(fields: Mapping[int, Any]) -> Piece:
    return fields[1].decode(), struct.unpack("<f", fields[2])[0] if 2 in fields else 0.0, int(fields.get(3, 1))


def _state(pieces: list[Piece], ids: Mapping[str, int], model: dict[str, Any], **parts: Any) -> dict[str, Any]:
    special = [text for text, _, kind in pieces if kind in (UNKNOWN, CONTROL) and text in ids]
    special += [text for text in ("<pad>",) if text in ids and text not in special]
    added = [{"id": ids[text], "content": text, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False} for text in special]
    return {"version": "1.0", "truncation": None, "padding": None, "post_processor": None, "added_tokens": added,
            "model": model, **parts}


def _unigram(
    pieces: list[Piece], normalizer: Mapping[int, Any], vocabulary: Mapping[str, int] | None
) -> dict[str, Any]:
    ids = vocabulary or {text: index for index, (text, _, _) in enumerate(pieces)}
    scores = {text: 0.0 if kind == USER else score for text, score, kind in pieces if kind not in (CONTROL, UNUSED)}
    # A blank never reaches the model: a piece that begins with one cannot match, and loses it when it is decoded.
    words = [[text if text in scores else f" {text}", scores.get(text, 0.0)]
             for text in sorted(ids, key=lambda text: ids[text])]
    unknown = next(text for text, _, kind in pieces if kind == UNKNOWN)
    for text in {"<pad>", *(text for text, _, kind in pieces if kind == CONTROL)} & set(ids):
        words[ids[text]] = [text, 0.0]
    steps: list[dict[str, Any]] = []
    if charsmap := normalizer.get(2):
        steps.append({"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()})
    if normalizer.get(4, 1):
        steps += [{"type": "Strip", "strip_left": True, "strip_right": True},
                  {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]
    prefix = {"replacement": _SPACE, "prepend_scheme": "always" if normalizer.get(3, 1) else "never", "split": True}
    model = {"type": "Unigram", "unk_id": ids[unknown], "vocab": words,
             "byte_fallback": any(kind == BYTE for _, _, kind in pieces)}
    blanks = {"type": "Replace", "pattern": {"String": " "}, "content": ""}
    return _state(pieces, ids, model, normalizer={"type": "Sequence", "normalizers": steps},
                  pre_tokenizer={"type": "Metaspace", **prefix},
                  decoder={"type": "Sequence", "decoders": [blanks, {"type": "Metaspace", **prefix}]})


def _bpe(pieces: list[Piece]) -> dict[str, Any]:
    """A piece is merged from the two whose joining has the best score; the merges come in that order."""
    ids = {text: index for index, (text, _, _) in enumerate(pieces)}
    scores = {text: score for text, score, kind in pieces if kind not in (UNKNOWN, CONTROL, BYTE)}
    merges = [(score, ids[text[:cut]], ids[text[cut:]], [text[:cut], text[cut:]]) for text, score in scores.items()
              for cut in range(1, len(text)) if text[:cut] in scores and text[cut:] in scores]
    merges.sort(key=lambda merge: (-merge[0], merge[1], merge[2]))
    unknown = next(text for text, _, kind in pieces if kind == UNKNOWN)
    model = {"type": "BPE", "dropout": None, "unk_token": unknown, "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": any(kind == BYTE for _, _, kind in pieces),
             "ignore_merges": False, "vocab": ids, "merges": [pair for *_, pair in merges]}
    spaces = [{"type": "Prepend", "prepend": _SPACE},
              {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}]
    decoders = [{"type": "Replace", "pattern": {"String": _SPACE}, "content": " "}, {"type": "ByteFallback"},
                {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    return _state(pieces, ids, model, pre_tokenizer=None, normalizer={"type": "Sequence", "normalizers": spaces},
                  decoder={"type": "Sequence", "decoders": decoders})

"""Preview: rows as the model of their task will see them, and how many of them it will cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as HuggingFaceTokenizer
from tokenizers import models, normalizers, pre_tokenizers, trainers

from modeling.configs import DecoderConfig, LSTMConfig, TransformerConfig
from modeling.datasets.dataset import Row
from modeling.text import Tokenizer, sentences

_SHOWN = 8  # rows
_SHOWN_CHARACTERS = 600
_SHOWN_TOKENS = 160
_LEARNT_FROM = 400_000  # characters
_VOCABULARY = 4000
# Task -> model, most tokens of a text that it takes whole, and the texts. A reader and LexRank cut nothing.
_LIMITS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "classification": ("lstm", LSTMConfig().length, ("text",)),
    "translation": ("transformer", TransformerConfig().context - 2, ("source", "target")),
    "generation": ("decoder", DecoderConfig().context - 1, ("text",)),
}


class Preview:
    """Learns a small tokenizer from the first rows, of the kind that the task's model has."""

    def __init__(self, rows: Sequence[Row], task: str) -> None:
        self._task = task
        self._tokenizer = _tokenizer(rows, task)
        model, limit, roles = _LIMITS.get(task, ("", 0, ()))
        self._model, self._limit, self._cut = model, limit, 0
        self._tokens_each = {role: self._tokens_per_character([row[role] for row in rows]) for role in roles}
        self.rows = [self._shown(row) for row in spread(rows, _SHOWN)]

    def add(self, lengths: Mapping[str, NDArray[np.int64]]) -> None:
        """Count the rows of a batch with a text beyond the limit; role -> characters (rows)."""
        if self._tokens_each:
            long = [lengths[role] * each > self._limit for role, each in self._tokens_each.items()]
            self._cut += int(np.logical_or.reduce(long).sum())

    def cuts(self) -> list[dict[str, Any]]:
        """[{"model", "limit", "unit", "rows"}]; the rows are estimated from their lengths."""
        found = {"model": self._model, "limit": self._limit, "unit": "tokens", "rows": self._cut}
        return [found] if self._model else []

    def _tokens_per_character(self, texts: list[str]) -> float:
        sample = [text[:2000] for text in texts][:200]
        tokens = sum(map(len, self._tokenizer.encode_batch(sample))) if self._tokenizer else 0
        return tokens / max(1, sum(map(len, sample)))

    def _shown(self, row: Row) -> dict[str, Any]:
        """A row, its text as the model gets it, and the tokens of that; long ones shortened."""
        pieces = _prepared(row, self._task)
        tokens = [token for piece, special in pieces for token in ([piece] if special else self._tokens(piece))]
        return {"row": {key: _short(value) for key, value in row.items()},
                "prepared": " ".join(piece for piece, _ in pieces), "tokens": tokens[:_SHOWN_TOKENS]}

    def _tokens(self, text: str) -> list[str]:
        if not self._tokenizer:
            return [text[start:end] for start, end in sentences(text)]
        return [self._tokenizer.token(token) for token in self._tokenizer.encode(text)]


def spread(rows: Sequence[Row], count: int) -> list[Row]:
    """`count` rows from all over the list."""
    return [rows[place * len(rows) // count] for place in range(count)] if len(rows) > count else list(rows)


def _short(value: Any) -> Any:
    if isinstance(value, list):
        return value[:3]
    return value[:_SHOWN_CHARACTERS] if isinstance(value, str) else value


def _prepared(row: Row, task: str) -> list[tuple[str, bool]]:
    """Pieces of what the model gets, and whether they are special tokens."""
    if task == "translation":
        return [(f"<2{row['target_language']}>", True), (_short(row["source"]), False), ("</s>", True)]
    if task == "question-answering":
        return [("[CLS]", True), (row["question"], False), ("[SEP]", True), (_window(row), False), ("[SEP]", True)]
    text = (_short(row["text"]), False)
    return [("<s>", True), text, ("</s>", True)] if task == "generation" else [text]


def _window(row: Row) -> str:
    """The part of the passage in which the answer stands."""
    start = row["answers"][0]["start"] if row["answers"] else 0
    first = max(0, start - _SHOWN_CHARACTERS // 3)
    return str(row["context"][first : first + _SHOWN_CHARACTERS])


def _tokenizer(rows: Sequence[Row], task: str) -> Tokenizer | None:
    """BERT's word pieces for a reader, byte-pair encoding for what is trained from nothing; LexRank has sentences."""
    texts: list[str] = []
    size = 0
    for row in rows:
        for role in ("text", "source", "target", "question", "context"):
            if size < _LEARNT_FROM and (text := str(row.get(role, ""))[: _LEARNT_FROM // 4]):
                texts.append(text)
                size += len(text)
    if task == "summarisation" or not any(map(str.strip, texts)):
        return None
    return _word_pieces(texts) if task == "question-answering" else Tokenizer.train(texts, vocabulary_size=_VOCABULARY)


def _word_pieces(texts: Sequence[str]) -> Tokenizer:
    inner = HuggingFaceTokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106
    inner.normalizer = normalizers.BertNormalizer(lowercase=True)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=_VOCABULARY, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False))
    return Tokenizer(inner)

"""What a network reads of a text, or of a pair: the same ids in training, in the proof of the export and in serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from modeling.errors import ConfigError
from modeling.text.tokenizer import Tokenizer

PRIME, OFFSET, BITS = 1_099_511_628_211, 14_695_981_039_346_656_037, 2**64 - 1  # of FNV-1a


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierInputs:
    """From a text's tokens to the ids that its graph takes."""

    length: int
    """Most tokens that are read, the marks included."""
    first: tuple[int, ...] = ()
    """Ids of the marks before a text."""
    last: tuple[int, ...] = ()
    """Ids of the marks behind it."""
    ngrams: int = 1
    """Longest run of tokens that has an id of its own, after the tokens."""
    buckets: int = 0
    """Ids of such runs, behind those of the vocabulary."""

    @classmethod
    def of(cls, preprocessing: Mapping[str, Any]) -> ClassifierInputs:
        """As an artifact's preprocessing says; what else stands there is for others."""
        known: dict[str, Any] = {field.name: preprocessing[field.name] for field in fields(cls)
                                 if field.name in preprocessing}
        known |= {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
        return cls(**known)

    def preprocessing(self) -> dict[str, Any]:
        """For the artifact: what differs from the defaults."""
        usual = {field.name: field.default for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value
                for name, value in asdict(self).items() if value != usual[name]}

    def encode(self, tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, never empty."""
        room, empty = self.length - len(self.first) - len(self.last), [tokenizer.unk_id or 0]
        cut = ([*self.first, *(ids[:room] or empty), *self.last] for ids in tokenizer.encode_batch(texts))
        return [self._with_ngrams(ids, tokenizer.vocabulary_size) for ids in cut]

    def _with_ngrams(self, ids: list[int], vocabulary: int) -> list[int]:
        """The ids, and the bucket of each run of 2 to `ngrams` tokens by its FNV-1a hash (Fowler, Noll & Vo 1991)."""
        if self.ngrams < 2 or not self.buckets:
            return ids
        hashed, found = [(OFFSET ^ (token + 1)) * PRIME & BITS for token in ids], list(ids)
        for size in range(2, min(self.ngrams, len(ids)) + 1):
            ends = zip(hashed, ids[size - 1 :], strict=False)  # the last run has no token after it
            hashed = [(start ^ (token + 1)) * PRIME & BITS for start, token in ends]
            # The low bits alone hang on the low bits of the tokens.
            found += [vocabulary + (run ^ run >> 32) % self.buckets for run in hashed]
        return found


@dataclass(frozen=True, slots=True)
class PairMarks:
    """Ids that stand before a question, between it and its passage, and behind both: `[CLS] q [SEP] p [SEP]` in BERT,
    `<s> q </s></s> p </s>` in RoBERTa, and as BERT has it where the tokenizer says nothing."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    behind: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> PairMarks:
        """Raises ConfigError for a tokenizer that has no marks."""
        if all(own := tokenizer.pair_marks()):
            return cls(*own)
        first, separator = tokenizer.first_id, tokenizer.separator_id
        if first is None or separator is None:
            raise ConfigError("the tokenizer has no [CLS] and [SEP], and no <s> and </s>",
                              allowed="the tokenizer of a BERT or of its kin")
        return cls((first,), (separator,), (separator,))

    def __len__(self) -> int:
        return len(self.before) + len(self.between) + len(self.behind)

    def start(self, question: Sequence[int]) -> int:
        """Where the passage begins."""
        return len(self.before) + len(question) + len(self.between)

    def window(self, question: Sequence[int], passage: Sequence[int]) -> list[int]:
        return [*self.before, *question, *self.between, *passage, *self.behind]

"""Tokenizer: train one from texts, load one, text to ids and back. Built on Hugging Face `tokenizers`."""

from __future__ import annotations

import codecs
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as HuggingFaceTokenizer

from modeling.errors import ConfigError, DataError
from modeling.text.normalisation import is_chinese, without_surrogates
from modeling.text.preprocessing import Pipeline, Preprocessing
from modeling.text.sentencepiece import tokenizer_of
from modeling.text.spelling import First, spelling

Kind = Literal["bpe", "characters", "words"]

SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")
_BYTE_TOKENS = tuple(f"<0x{byte:02X}>" for byte in range(256))
# A word takes the space before it along, so that joining the pieces gives the text back exactly.
_BPE_PIECES = (
    r"\p{Han}+| ?[[\p{L}\p{M}]&&[^\p{Han}]]+| ?\p{N}{1,3}| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s"
)
_WORDS = r"\p{Han}|[[\p{L}\p{M}]&&[^\p{Han}]]+(?:['’][[\p{L}\p{M}]&&[^\p{Han}]]+)*|\p{N}+|[^\s\p{L}\p{M}\p{N}]"
_LONGEST_TOKEN = 16  # characters; longer merges only memorise the training text
_COVERAGE = 0.9995  # share of the characters that get a token of their own; the rest is spelt in bytes
AS_IT_IS = Preprocessing()
MOST_IDS = 2**23
"""Ids from 0 on; a table of all of them is kept, whichever are used."""
SENTENCEPIECE = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
"""Files of folders that have no tokenizer.json."""


class Tokenizer:
    """Text to token ids and back. Special tokens never come from text: look them up with `token_id`.

    Of the kinds that folders bring, Unigram (T5) is the exception: what stands in its vocabulary matches in a text.
    Every text goes through the steps of `preprocessing` first, which is all that training and serving know of them.
    """

    def __init__(self, inner: HuggingFaceTokenizer, preprocessing: Preprocessing = AS_IT_IS) -> None:
        self._inner = inner
        self.pipeline = Pipeline(preprocessing)
        inner.no_padding()
        inner.no_truncation()
        inner.encode_special_tokens = True  # "</s>" typed by a user is four characters, not the end
        self._pieces, self._first = _pieces(inner)
        self.vocabulary_size: int = len(self._pieces)
        self.pad_id = self._first_of("<pad>", "[PAD]")
        self.unk_id = self._first_of("<unk>", "[UNK]")
        self.bos_id = self._first_of("<s>")
        self.eos_id = self._first_of("</s>")
        self.first_id = self._first_of("[CLS]", "<s>")  # stands before a text, or a pair of texts, that is read
        self.separator_id = self._first_of("[SEP]", "</s>")  # stands after each of them

    @classmethod
    def train(cls, texts: Iterable[str], *, vocabulary_size: int, kind: Kind = "bpe", lowercase: bool = False,
              special_tokens: Sequence[str] = (), preprocessing: Preprocessing = AS_IT_IS) -> Tokenizer:
        """Learn a vocabulary of at most `vocabulary_size` tokens, all special tokens and bytes counted.

        Ids 0 to 3 are `<pad> <unk> <s> </s>`, then come `special_tokens`. "bpe" spells what it does not know in
        bytes; "characters" and "words" give `<unk>`. Words are those of the segmentation where `preprocessing` has
        one; without it Chinese has a token a character. Added words are tokens, on their own or within Chinese. Raises
        ConfigError, DataError.
        """
        if kind not in ("bpe", "characters", "words"):
            raise ConfigError(f"the tokenizer kind is {kind!r}", allowed="It must be bpe, characters or words")
        pipeline, specials = Pipeline(preprocessing), [*SPECIAL_TOKENS, *special_tokens]
        reserved = len(specials) + (256 if kind == "bpe" else 0) + len(pipeline.tokens)
        if vocabulary_size <= reserved:
            raise ConfigError(f"vocabulary_size is {vocabulary_size}",
                              allowed=f"It must be above {reserved}, the special tokens, bytes and added words")
        normalizer = normalizers.Sequence([normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else [])])
        texts = [normalizer.normalize_str(without_surrogates(pipeline(text))) for text in texts]
        if not any(texts):
            raise DataError("there is no text to train a tokenizer on", remedy="Give at least one row with text")
        learners: dict[str, Callable[[list[str], list[str], int], HuggingFaceTokenizer]] = {
            "bpe": _learn_bpe, "characters": _learn_characters,
            "words": partial(_learn_words, segmented=preprocessing.segment),
        }
        inner = learners[kind](texts, specials, vocabulary_size - len(pipeline.tokens))
        inner.normalizer = normalizer
        inner.add_tokens([AddedToken(word, single_word=preprocessing.segment or not is_chinese(word), normalized=True)
                          for word in pipeline.tokens])
        return cls(inner, preprocessing)

    @classmethod
    def load(cls, path: str | os.PathLike[str], preprocessing: Preprocessing = AS_IT_IS) -> Tokenizer:
        """Read a `tokenizer.json` (or the folder it lies in). Raises DataError."""
        path = Path(path)
        file = path / "tokenizer.json" if path.is_dir() else path
        pieces = next((path / name for name in SENTENCEPIECE if (path / name).is_file()), None)
        if path.is_dir() and not file.is_file() and pieces:
            return cls(tokenizer_of(pieces.read_bytes()), preprocessing)
        try:
            return cls(HuggingFaceTokenizer.from_file(str(file)), preprocessing)
        except DataError:
            raise
        except Exception as error:  # the Rust side raises bare Exception
            raise DataError(f"{file.name} is not a tokenizer: {error}",
                            allowed="A tokenizer.json of Hugging Face tokenizers can be read") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        Path(path).write_text(self._inner.to_str(pretty=False), encoding="utf-8")

    def encode(self, text: str) -> list[int]:
        """Ids without special tokens added."""
        return list(self._inner.encode(self.prepared(text), add_special_tokens=False).ids)

    def prepared(self, text: str) -> str:
        """The text as the tokenizer gets it: after all steps."""
        return without_surrogates(self.pipeline(text))

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        whole = [self.prepared(text) for text in texts]
        return [list(row.ids) for row in self._inner.encode_batch_fast(whole, add_special_tokens=False)]

    def encode_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Ids, and for each the (start, end) of its characters; the bytes of one character share it.

        They count in `prepared(text)`, which is as long as `text` where the pipeline keeps places. The blank that a
        word brings along is not counted, so that a span of tokens is a span of words.
        """
        prepared = self.prepared(text)
        encoding = self._inner.encode(prepared, add_special_tokens=False)
        return list(encoding.ids), [_without_blank(prepared, start, end) for start, end in encoding.offsets]

    def encode_marked(self, text: str) -> list[int]:
        """Ids of a text in which special tokens are marks, as a chat template sets them."""
        return self.encode_marked_with_offsets(text)[0]

    def encode_marked_with_offsets(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        encoding = self._marking.encode(without_surrogates(text), add_special_tokens=False)
        return list(encoding.ids), [(int(start), int(end)) for start, end in encoding.offsets]

    @cached_property
    def _marking(self) -> HuggingFaceTokenizer:
        """One of its own, because the switch below is the tokenizer's and other threads encode at the same time."""
        marking = HuggingFaceTokenizer.from_str(self._inner.to_str())
        marking.encode_special_tokens = False
        return marking

    @cached_property
    def special_tokens(self) -> list[str]:
        return [token.content for token in self._inner.get_added_tokens_decoder().values() if token.special]

    def prefix(self) -> list[int]:
        """Special tokens that the tokenizer itself would put before a text."""
        whole, bare = self._inner.encode("a").ids, self.encode("a")
        return list(whole[: next((i for i in range(len(whole)) if whole[i:][: len(bare)] == bare), 0)])

    def pair_marks(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """Special tokens that the tokenizer itself would put before, between and behind a pair of texts."""
        pair = self._inner.encode("a", "a")
        sides = pair.sequence_ids
        if not {0, 1} <= set(sides):
            return (), (), ()
        last, first = len(sides) - sides[::-1].index(0), sides.index(1)
        return (tuple(pair.ids[: sides.index(0)]), tuple(pair.ids[last:first]),
                tuple(pair.ids[len(sides) - sides[::-1].index(1) :]))

    def decode(self, ids: Iterable[int]) -> str:
        """Text of `ids`; special tokens give nothing, bytes that are no UTF-8 give U+FFFD."""
        stream = self.detokenizer()
        return stream.add(ids) + stream.flush()

    def detokenizer(self) -> StreamingDetokenizer:
        return StreamingDetokenizer(self._pieces, first=self._first)

    def token_id(self, token: str) -> int | None:
        found: int | None = self._inner.token_to_id(token)
        return found

    def token(self, token_id: int) -> str:
        """The vocabulary's spelling of an id, for people to look at."""
        return str(self._inner.id_to_token(token_id))

    def piece(self, token_id: int) -> bytes:
        """What an id adds to a text, the space before a word included; nothing for special tokens."""
        return self._pieces[token_id]

    def _first_of(self, *tokens: str) -> int | None:
        return next((found for token in tokens if (found := self.token_id(token)) is not None), None)


def _without_blank(text: str, start: int, end: int) -> tuple[int, int]:
    return (start + (end - start > 1 and text[start] == " "), end)


class StreamingDetokenizer:
    """Turns ids into text as they come. What it gave never changes and never ends in half a character."""

    def __init__(self, pieces: Sequence[bytes], *, first: First = "as it is") -> None:
        self._pieces, self._first = pieces, first
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, ids: Iterable[int]) -> str:
        """Text that is certain now."""
        pieces = [self._pieces[i] for i in ids if 0 <= i < len(self._pieces) and self._pieces[i]]
        if self._first != "as it is" and pieces:
            pieces[0] = pieces[0].removeprefix(b" ") if self._first == "one space off" else pieces[0].replace(b" ", b"")
            self._first = "as it is"
        return self._decoder.decode(b"".join(pieces))

    def flush(self) -> str:
        """What is left at the end."""
        return self._decoder.decode(b"", final=True)


def _pieces(inner: HuggingFaceTokenizer) -> tuple[list[bytes], First]:
    """Bytes that each id stands for, and what the first one of a text loses."""
    state = json.loads(inner.to_str())
    spell, first = spelling(state)
    specials = {token["id"] for token in state["added_tokens"] if token["special"]}
    vocabulary: dict[str, int] = inner.get_vocab(with_added_tokens=True)
    highest = max(vocabulary.values(), default=-1)
    if highest >= MOST_IDS:
        raise DataError(f"the tokenizer has an id {highest:,}", allowed=f"Ids below {MOST_IDS:,}")
    pieces = [b""] * (highest + 1)
    for token, index in vocabulary.items():
        if index not in specials:
            pieces[index] = spell(token)
    return pieces, first


def _learn_bpe(texts: list[str], specials: list[str], vocabulary_size: int) -> HuggingFaceTokenizer:
    size = vocabulary_size - len(_BYTE_TOKENS)
    inner = HuggingFaceTokenizer(models.BPE(unk_token="<unk>"))  # noqa: S106
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(_BPE_PIECES), behavior="isolated")
    characters = Counter[str]()
    for text in texts:
        characters.update(text)
    alphabet = _alphabet(characters, (size - len(specials)) * 3 // 4)
    inner.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, limit_alphabet=len(alphabet), initial_alphabet=alphabet,
        max_token_length=_LONGEST_TOKEN, show_progress=False), length=len(texts))
    return _with_bytes(inner, len(specials))


def _alphabet(characters: Counter[str], most: int) -> list[str]:
    """The commonest characters that cover the text; ties in code-point order, so that a training can be repeated."""
    wanted, total = _COVERAGE * characters.total(), 0
    covered: list[str] = []
    for character, count in sorted(characters.items(), key=lambda item: (-item[1], item[0])):
        if total >= wanted or len(covered) == most:
            break
        covered.append(character)
        total += count
    return covered


def _with_bytes(inner: HuggingFaceTokenizer, after: int) -> HuggingFaceTokenizer:
    """The same tokenizer with the 256 byte tokens put in behind the special ones.

    They are plain vocabulary and not special tokens, so that "<0x0A>" in a text stays that text.
    """
    state: dict[str, Any] = json.loads(inner.to_str())
    shifted = {token: index + (len(_BYTE_TOKENS) if index >= after else 0)
               for token, index in state["model"]["vocab"].items()}
    state["model"]["vocab"] = shifted | {token: after + byte for byte, token in enumerate(_BYTE_TOKENS)}
    state["model"]["byte_fallback"] = True
    state["decoder"] = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    return HuggingFaceTokenizer.from_str(json.dumps(state))


def _learn_characters(texts: list[str], specials: list[str], vocabulary_size: int) -> HuggingFaceTokenizer:
    characters = Counter[str]()
    for text in texts:
        characters.update(text)
    kept = [c for c, _ in sorted(characters.items(), key=lambda item: (-item[1], item[0]))]
    kept = kept[: vocabulary_size - len(specials)]
    vocabulary = {token: index for index, token in enumerate([*specials, *kept])}
    inner = HuggingFaceTokenizer(models.BPE(vocabulary, [], unk_token="<unk>", fuse_unk=False))  # noqa: S106
    inner.add_special_tokens(specials)
    return HuggingFaceTokenizer.from_str(json.dumps(json.loads(inner.to_str()) | {"decoder": {"type": "Fuse"}}))


def _learn_words(
    texts: list[str], specials: list[str], vocabulary_size: int, *, segmented: bool = False
) -> HuggingFaceTokenizer:
    inner = HuggingFaceTokenizer(models.WordLevel(unk_token="<unk>"))  # noqa: S106
    inner.pre_tokenizer = (pre_tokenizers.WhitespaceSplit() if segmented
                           else pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True))
    inner.train_from_iterator(texts, trainers.WordLevelTrainer(
        vocab_size=vocabulary_size, special_tokens=specials, show_progress=False), length=len(texts))
    return inner

"""Preprocessing: what is done to a text before the tokenizer, in training and in serving alike.

`Preprocessing` says which steps are on and is saved in the artifact; `Pipeline` does them. A step that is off costs
nothing, and without any the text goes to the tokenizer as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal

from modeling.errors import ConfigError
from modeling.text import cleaning, words
from modeling.text.chinese import simplified
from modeling.text.normalisation import without_surrogates

Found = Literal["keep", "remove", "replace"]
TextStep = Callable[[str], str]
TokenStep = Callable[[list[str]], list[str]]

LONGEST_NGRAM, LONGEST_WORD, MOST_WORDS = 5, 64, 20_000
PLACE_KEEPING = ("simplified", "lowercase")
"""Steps that leave every character in its place, so that an answer's place in its passage stays true."""
NORMALISING = ("html", "unicode", "urls", "emails", "numbers", "simplified", "lowercase", "accents")
"""Steps whose result is still a text that a model could write."""
ALLOWED: dict[str, tuple[str, ...]] = {
    "question-answering": (*PLACE_KEEPING, "words"),
    "translation": (*NORMALISING, "words"),
    "summarisation": (*NORMALISING, "words"),
    "generation": (*NORMALISING, "words"),
}
"""Task -> the fields that may be set; a task that is not here may have all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preprocessing:
    """The steps, in their order. All off is the default, and leaves a text as it is."""

    html: bool = False
    """Whether HTML goes: entities become their characters; tags, comments and scripts are taken out."""
    unicode: bool = False
    """Whether full-width letters, ligatures and other forms of a character become the plain one (NFKC)."""
    urls: Found = "keep"
    """What becomes of web addresses: keep, remove, or replace each by the one word <url>."""
    emails: Found = "keep"
    """What becomes of e-mail addresses: keep, remove, or replace each by the one word <email>."""
    numbers: Found = "keep"
    """What becomes of numbers: keep, remove, or replace each by the one word <number>."""
    simplified: bool = False
    """Whether traditional Chinese becomes simplified Chinese."""
    lowercase: bool = False
    """Whether capital letters become small ones."""
    accents: bool = False
    """Whether Latin letters lose their accents."""
    words: tuple[str, ...] = ()
    """Words of your field, with commas: each is one word for the segmentation and one token for the tokenizer."""
    segment: bool = False
    """Whether the text is cut into words: Chinese by a dictionary, other languages at blanks and marks."""
    stop_words: tuple[str, ...] = ()
    """Languages, such as en,zh, whose commonest words are left out; needs the segmentation."""
    stop_added: tuple[str, ...] = ()
    """Words that are left out as well, with commas."""
    stop_kept: tuple[str, ...] = ()
    """Words that stay although they stand in a list, such as not,no."""
    ngrams: int = 1
    """Longest run of neighbouring words that is a word of its own, such as not_good; 1 makes none."""

    def __post_init__(self) -> None:
        for name in ("urls", "emails", "numbers"):
            if getattr(self, name) not in ("keep", "remove", "replace"):
                raise ConfigError(f"{name} is {getattr(self, name)!r}", allowed="one of keep, remove, replace",
                                  field=name)
        if isinstance(self.ngrams, bool) or not 1 <= self.ngrams <= LONGEST_NGRAM:
            raise ConfigError(f"ngrams is {self.ngrams}", allowed=f"a number from 1 to {LONGEST_NGRAM}", field="ngrams")
        for name in ("words", "stop_added", "stop_kept"):
            check_words(name, getattr(self, name))
        self._check_stop_words()

    def _check_stop_words(self) -> None:
        if unknown := [one for one in self.stop_words if one not in words.stop_word_languages()]:
            raise ConfigError(f"there is no list of stop words for {unknown[0]!r}", field="stop_words",
                              allowed="languages with a list of stop words, such as en, zh, de or fr")
        needy = [name for name in ("stop_words", "stop_added", "ngrams") if getattr(self, name) not in ((), 1)]
        if needy and not self.segment:
            raise ConfigError(f"{needy[0]} needs words", remedy="Switch segment on, which cuts the text into them",
                              field=needy[0])

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Preprocessing:
        """What `as_dict` gave. Raises ConfigError for an unknown key and for a value of the wrong kind."""
        if not isinstance(given, Mapping):
            raise ConfigError(f"the steps are a {type(given).__name__}", allowed="an object with a key for each step")
        known = {field.name: field.default for field in fields(cls)}
        for name, value in given.items():
            if name not in known:
                raise ConfigError(f"there is no step of preprocessing {name!r}",
                                  allowed=f"the steps are {', '.join(known)}", field=name)
            if not isinstance(value, list | tuple if isinstance(known[name], tuple) else type(known[name])):
                raise ConfigError(f"{name} cannot be {str(value)[:60]!r}", field=name,
                                  allowed=f"a value such as {known[name]!r}")
        values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in given.items()}
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON has it; empty when nothing is done."""
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in changed.items()}

    def check_task(self, task: str) -> None:
        """Raise ConfigError, with its `field`, for a step that this task cannot have."""
        allowed = ALLOWED.get(task)
        if allowed is not None and (refused := [name for name in self.as_dict() if name not in allowed]):
            reason = ("answers keep their places in a passage" if task == "question-answering"
                      else "the model has to write such texts as well")
            raise ConfigError(f"{refused[0]} cannot be used for {task}, where {reason}",
                              allowed=f"{', '.join(allowed)} can", field=refused[0])

    def frozen(self) -> Preprocessing:
        """The same with the stop words written out, so that another edition of the lists changes nothing."""
        if not self.stop_words:
            return self
        return replace(self, stop_words=(), stop_kept=(), stop_added=tuple(sorted(self.stop_set())))

    def stop_set(self) -> set[str]:
        """The words that are left out, as they are spelt in the lists."""
        return {*words.standard_stop_words(self.stop_words), *self.stop_added} - set(self.stop_kept)


def check_words(name: str, given: tuple[str, ...]) -> None:
    """Refuse lists that are too long, words that are none, and words that look like a special token."""
    if len(given) > MOST_WORDS:
        raise ConfigError(f"{name} has {len(given)} words", allowed=f"at most {MOST_WORDS} words", field=name)
    for word in given:
        good = isinstance(word, str) and word.isprintable() and word.strip() and len(word) <= LONGEST_WORD
        if not good or {"<", ">"} & set(word) or word[0] + word[-1] == "[]":
            raise ConfigError(f"{name} has {str(word)[:80]!r}", field=name,
                              allowed=f"words of 1 to {LONGEST_WORD} characters, not in brackets")


class Pipeline:
    """The steps of a `Preprocessing`. Calling it takes a text to what the tokenizer gets; safe between threads."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing
        self._on_text = _text_steps(preprocessing)
        self.words = tuple(dict.fromkeys(self._spelt(preprocessing.words)))
        """The added words as they stand in a text after the steps before segmentation."""
        self._segment = words.segmenter(self.words) if preprocessing.segment else None
        self._on_tokens = self._token_steps()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self._on_text or self._segment)

    def __call__(self, text: str) -> str:
        if not self:
            return text
        text = self._clean(without_surrogates(text))
        return text if self._segment is None else " ".join(self._tokens(self._segment(text)))

    @property
    def tokens(self) -> tuple[str, ...]:
        """What a tokenizer has to keep whole: the added words, and what stands for what was replaced."""
        stand_ins = [word for name, word in words.STAND_INS.items() if getattr(self.preprocessing, name) == "replace"]
        spelt = [words.JOINT.join(word.split()) if self._segment else word for word in self.words]
        return tuple(dict.fromkeys([*stand_ins, *spelt]))

    @property
    def keeps_places(self) -> bool:
        """Whether every character stays where it is."""
        return not self._segment and all(name in PLACE_KEEPING for name, _ in self._on_text)

    def steps(self, text: str) -> list[tuple[str, str]]:
        """(name, the text after it) of each step that is on; tokens are shown with blanks between them."""
        text, shown = without_surrogates(text), []
        for name, change in self._on_text:
            text = change(text)
            shown.append((name, text))
        if self._segment is None:
            return shown
        tokens = self._segment(text)
        shown.append(("segment", " ".join(tokens)))
        for name, reduce in self._on_tokens:
            tokens = reduce(tokens)
            shown.append((name, " ".join(tokens)))
        return shown

    def _clean(self, text: str) -> str:
        for _, change in self._on_text:
            text = change(text)
        return text

    def _spelt(self, given: Iterable[str]) -> Iterator[str]:
        """Words as the steps leave them in a text; one that is replaced there, such as a number, is none any more."""
        for word in given:
            spelt = " ".join(self._clean(word).split())
            if spelt and spelt not in words.STAND_INS.values():
                yield spelt

    def _tokens(self, tokens: list[str]) -> list[str]:
        for _, change in self._on_tokens:
            tokens = change(tokens)
        return tokens

    def _token_steps(self) -> list[tuple[str, TokenStep]]:
        asked, steps = self.preprocessing, list[tuple[str, TokenStep]]()
        if stops := frozenset(word.casefold() for word in self._spelt(asked.stop_set())):
            steps.append(("stop_words", partial(words.without_stop_words, stop_words=stops)))
        if asked.ngrams > 1:
            steps.append(("ngrams", partial(words.with_ngrams, most=asked.ngrams)))
        return steps


def _text_steps(asked: Preprocessing) -> list[tuple[str, TextStep]]:
    steps: list[tuple[str, TextStep]] = [("html", cleaning.without_html)] if asked.html else []
    if asked.unicode:
        steps.append(("unicode", cleaning.plain_unicode))
    for name, change in (("urls", cleaning.without_urls), ("emails", cleaning.without_emails),
                         ("numbers", cleaning.without_numbers)):
        if (what := getattr(asked, name)) != "keep":
            steps.append((name, partial(change, by=f" {words.STAND_INS[name]} " if what == "replace" else " ")))
    if {name for name, _ in steps} - {"unicode"}:  # what was taken out has left blanks
        steps.append(("blanks", cleaning.squeezed))
    single: tuple[tuple[str, TextStep], ...] = (
        ("simplified", simplified), ("lowercase", cleaning.lowercase), ("accents", cleaning.without_accents))
    return steps + [(name, change) for name, change in single if getattr(asked, name)]

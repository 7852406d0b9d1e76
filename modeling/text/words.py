"""Words: a text cut into them, those that say little left out, neighbours joined. Each step is tokens -> tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache

from tokenizers import Regex, pre_tokenizers

from modeling.text.chinese import chinese_words

JOINT = "_"
"""Between the words of an n-gram, and in an added word for its blanks."""
STAND_INS = {"urls": "<url>", "emails": "<email>", "numbers": "<number>"}
"""What stands for what was replaced."""
# A Chinese run goes on to the dictionary. What stands in angle brackets has taken the place of something.
_PIECES = (rf"{'|'.join(STAND_INS.values())}|\p{{Han}}+|[[\p{{L}}\p{{M}}]&&[^\p{{Han}}]]+(?:['’][[\p{{L}}\p{{M}}]&&"
           r"[^\p{Han}]]+)*|\p{N}+(?:[.,:]\p{N}+)*|[^\s\p{L}\p{M}\p{N}]")
_LATIN = re.compile("[A-Za-z0-9]")
_HAN_ONLY = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]+")


def segmenter(added: Sequence[str] = ()) -> Callable[[str], list[str]]:
    """The function that cuts a text into words, numbers and single marks. Those `added` are words of their own; they
    have single blanks, within them only.

    Words of Chinese characters alone join jieba's dictionary, which weighs them against their neighbours; all others
    are taken wherever they stand, the longest first, and never out of the middle of a Latin word.
    """
    chinese = tuple(word for word in added if _HAN_ONLY.fullmatch(word))
    others = frozenset(added) - set(chinese)
    latin = [word for word in others if _LATIN.match(word)]
    tries = (_trie(latin, before=f"(?<!{_LATIN.pattern})"), _trie(others - {*latin}))
    pattern = "|".join([*filter(None, tries), _PIECES])
    cut = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True).pre_tokenize_str

    def words(text: str) -> list[str]:
        found: list[str] = []
        for piece, _ in cut(text):
            if _HAN_ONLY.match(piece) and len(piece) > 1 and piece not in others:
                found += chinese_words(piece, chinese)
            else:
                found.append(JOINT.join(piece.split()))
        return found

    return words


def _trie(words: Iterable[str], before: str = "") -> str:
    """A pattern of any of these words, the longest first, in time that does not grow with their number.

    One that ends with a Latin letter or figure does not end within a word of those.
    """
    tails: dict[str, list[str]] = {}
    for word in words:
        tails.setdefault(word[0], []).append(word[1:])
    branches = [_one(head) + _rest(head, rest) for head, rest in sorted(tails.items())]
    return f"{before}(?:{'|'.join(branches)})" if branches else ""


def _rest(head: str, tails: list[str]) -> str:
    """What may follow `head`: the tails that are there, and nothing where one of them is empty."""
    longer = _trie(tail for tail in tails if tail)
    end = f"(?!{_LATIN.pattern})" if _LATIN.match(head) else ""
    return longer if "" not in tails else f"(?:{longer}|{end})" if longer else end


def _one(character: str) -> str:
    return r"\s+" if character.isspace() else character if character.isalnum() else rf"\x{{{ord(character):x}}}"


def standard_stop_words(languages: Iterable[str]) -> frozenset[str]:
    """The stop words of these languages (ISO 639-1), as `stopwordsiso` lists them."""
    from stopwordsiso import stopwords  # reads the lists of all languages at once

    return frozenset(word for language in languages for word in stopwords(language))


@cache
def stop_word_languages() -> tuple[str, ...]:
    """Languages with a standard list."""
    from stopwordsiso import langs

    return tuple(sorted(langs()))


def without_stop_words(tokens: Sequence[str], stop_words: Collection[str]) -> list[str]:
    """The tokens that are not among `stop_words` (case-folded)."""
    return [token for token in tokens if token.casefold() not in stop_words]


def with_ngrams(tokens: Sequence[str], most: int) -> list[str]:
    """Each token, and behind it the runs of 2 to `most` words that end with it; no run goes across a mark.

    Behind and not at the end of the text, so that a text that is cut keeps those of the part that is read.
    """
    found: list[str] = []
    run: list[str] = []
    for token in tokens:
        found.append(token)
        run = [*run[-most + 1 :], token] if token[0].isalnum() or token in STAND_INS.values() else []
        found += [JOINT.join(run[-size:]) for size in range(2, len(run) + 1)]
    return found

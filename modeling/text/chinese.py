"""Chinese: traditional characters to simplified ones, texts to words.

The tables are OpenCC's (`opencc-python-reimplemented`), the words jieba's (`rjieba`). Both are loaded at first use.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rjieba import Jieba

Table = dict[str, str]


def simplified(text: str) -> str:
    """Simplified characters for traditional ones, as OpenCC's t2s: phrases first, then characters.

    Every character keeps its place. The tables are used here directly, since the package's own search takes quadratic
    time on a long text without punctuation.
    """
    if text.isascii():
        return text
    phrases, characters, pattern = _tables()
    parts: list[str] = []
    end = 0
    for found in pattern.finditer(text):  # a character of a phrase is not changed again by itself
        parts += text[end : found.start()].translate(characters), phrases[found[0]]
        end = found.end()
    return "".join([*parts, text[end:].translate(characters)])


@cache
def _tables() -> tuple[Table, dict[int, str], re.Pattern[str]]:
    """Phrases, characters by code point, and what finds the longest phrase at a place."""
    phrases, characters = _table("TSPhrases.txt"), _table("TSCharacters.txt")
    longest_first = sorted(phrases, key=len, reverse=True)
    return phrases, str.maketrans(characters), re.compile("|".join(map(re.escape, longest_first)))


def _table(name: str) -> Table:
    lines = (files("opencc") / "dictionary" / name).read_text(encoding="utf-8").splitlines()
    return {key: choices.split(" ")[0] for key, choices in (line.split("\t") for line in lines if "\t" in line)}


def chinese_words(text: str, added: tuple[str, ...] = ()) -> list[str]:
    """The words of a run of Chinese characters; those `added` are words of the dictionary too."""
    found: list[str] = _dictionary(added).cut(text)
    return found


@lru_cache(maxsize=8)  # each holds 25 MB
def _dictionary(added: tuple[str, ...]) -> Jieba:
    from rjieba import Jieba  # takes a tenth of a second and 25 MB, which most processes never need

    dictionary = Jieba()
    for word in added:
        dictionary.add_word(word, None, None)
    return dictionary

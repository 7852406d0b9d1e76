"""Which language a text is in, and how files and columns name languages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from modeling.text import is_chinese


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ISO 639-1 codes that file names and headers are searched for.
LANGUAGES = _words(
    "af ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko "
    "ky lt lv mk ml mn mr ms my nb ne nl nn no pa pl ps pt ro ru si sk sl sq sr sv sw ta te tg th tl tr uk ur uz vi "
    "zh zu"
)
_STOP_WORDS: dict[str, frozenset[str]] = {
    "en": _words("the of and to in is you that it he was for on are with as his they i at be this have not"),
    "fr": _words("le la les de des et un une du en est que qui dans pour pas sur ne se je il vous nous ce"),
    "de": _words("der die das und ist ein eine nicht zu den von mit auf im ich sich des dem er es wird"),
    "es": _words("el la los las de y que en un una por con no se su para es lo del al como"),
    "it": _words("il lo la i gli di e che in un una per con non si del della è sono come"),
}
_WORD = re.compile(r"[^\W\d_]+")
_KANA = re.compile("[\u3041-\u30ff]")
_PAIR = re.compile(r"(?:^|[^a-z])([a-z]{2})[-_2.]([a-z]{2})(?=$|[^a-z])")


def language_of(texts: Iterable[str]) -> str | None:
    """ISO code of what `texts` are mostly written in; None where it cannot be told."""
    sample = "\n".join(text for text, _ in zip(texts, range(500), strict=False))[:100_000]
    if not sample:
        return None
    if is_chinese(sample):
        return "ja" if 10 * len(_KANA.findall(sample)) > len(sample) else "zh"
    words = Counter(_WORD.findall(sample.casefold()))
    hits = {language: sum(words[word] for word in stop) for language, stop in _STOP_WORDS.items()}
    best = max(hits, key=lambda language: hits[language])
    return best if hits[best] > 0.05 * words.total() else None


def language_code(name: str) -> str | None:
    """The code in a column or file suffix such as "en", "zh-CN" or "FR_fr"."""
    code = re.split(r"[-_]", name.strip().casefold())[0]
    return code if code in LANGUAGES else None


def languages_in_name(name: str) -> tuple[str, str] | None:
    """("en", "fr") for "en-fr.tsv" or "train.en-fr.tsv"."""
    for match in _PAIR.finditer(name.casefold()):
        if match[1] in LANGUAGES and match[2] in LANGUAGES and match[1] != match[2]:
            return match[1], match[2]
    return None

"""Normalisation: one spelling for what looks the same, so that comparing and counting work."""

from __future__ import annotations

import re
import unicodedata

# Byte order marks, zero-width spaces and joiners at their ends, soft hyphens: invisible, and copied along from the web.
_INVISIBLE = re.compile("[\ufeff\u200b\u2060\u00ad]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLANKS = re.compile(r"[^\S\n]+")
_NEWLINES = re.compile(r" ?\n ?")
_SURROGATES = re.compile("[\ud800-\udfff]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")


def without_surrogates(text: str) -> str:
    """Half characters, as JSON's escapes can hold, to U+FFFD each: no encoding has them. The length stays."""
    return _SURROGATES.sub("\ufffd", text)


def normalise(text: str) -> str:
    """NFC, line feeds only, no invisible, control or half characters, blanks squeezed, ends stripped."""
    if text.isprintable() and "  " not in text:  # most texts, and none of the characters below is printable
        return unicodedata.normalize("NFC", text).strip()
    text = unicodedata.normalize("NFC", without_surrogates(text)).replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROLS.sub(" ", _INVISIBLE.sub("", text))
    return _NEWLINES.sub("\n", _BLANKS.sub(" ", text)).strip()


def folded(text: str) -> str:
    """The form in which two texts count as the same: NFKC, case-folded, all white space squeezed to one blank."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def is_chinese(text: str) -> bool:
    """Whether Chinese characters make up at least a fifth of what is not white space."""
    return 5 * len(_HAN.findall(text)) >= max(1, sum(map(len, text.split())))

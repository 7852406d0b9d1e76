"""Sentences of English and Chinese text, as character ranges of the original."""

from __future__ import annotations

import re

# A run of closing marks with the quotes and brackets behind it; Chinese text with a Latin full stop has no blank.
_CLOSING = r"[”’」』）)\]\"']*+"
_END = re.compile("|".join((
    rf"[。！？!?…]++{_CLOSING}",
    r"(?<=[\u3400-\u9fff)）])\.(?=[\u3400-\u9fff])",
    rf"(?<!\.)\.++{_CLOSING}(?=\s|$)",  # from the first full stop of a run only, else a long run takes quadratic time
    r"\n\s*\n",
    r"\n(?=\s*(?:[-*•#]|\d{1,3}[.)])\s)",  # items of a list
    r"(?<=[:：\u3400-\u9fff])\n",  # Chinese paragraphs are one line each
)))
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[“\"'])(?:[A-Za-z]|(?:[A-Za-z]\.)+[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Mt|Rev|Gen|Col|Capt|Lt|Sgt|Gov|Sen|"
    r"Rep|Hon|vs|etc|cf|approx|ca|al|Inc|Ltd|Co|Corp|No|Nos|Vol|Fig|Figs|Eq|Sec|Ch|pp|ed|eds|Jan|Feb|Mar|Apr|Jun|Jul|"
    r"Aug|Sep|Sept|Oct|Nov|Dec|e\.g|i\.e)\.$"
)
_STARTS_SENTENCE = re.compile(r"\s*[“‘\"'(\[]*[A-Z0-9\u00c0-\u00de\u3400-\u9fff]")


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence, white space at its ends left out. Together they hold all that is not blank."""
    found: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match[0][0] == "." and not _ends_sentence(text, start, match):
            continue
        _append(found, text, start, match.end())
        start = match.end()
    _append(found, text, start, len(text))
    return found


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    """A full stop ends a sentence unless it closes an abbreviation or the next word starts small."""
    after = text[match.end() : match.end() + 40]
    if after.strip() and not _STARTS_SENTENCE.match(after):
        return False
    if not after.strip():
        return True
    before = text[max(start, match.start() - 16) : match.start() + 1]
    return not _ABBREVIATION.search(before)


def _append(found: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    if stripped := piece.strip():
        start += len(piece) - len(piece.lstrip())
        found.append((start, start + len(stripped)))

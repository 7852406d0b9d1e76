"""Which words of a text carried its answer: how much less sure the answer is without them.

Occlusion (Zeiler & Fergus 2014, 4.2; for words, Li, Monroe & Jurafsky 2016). It asks the classifier alone, so that it
holds for any of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from modeling.text import chinese_words

MOST_SPANS = 48
"""Spans of a text that are left out in turn: of more words some neighbours go together."""
_WORDS = re.compile(r"(?P<chinese>[\u3400-\u9fff]+)|[^\W_]+(?:['’-][^\W_]+)*")

Span = tuple[int, int]


def words(text: str) -> list[Span]:
    """Places of the words, Chinese ones by the segmentation; what stands between them belongs to none."""
    found: list[Span] = []
    for match in _WORDS.finditer(text):
        end = match.start()
        for word in chinese_words(match[0]) if match["chinese"] else [match[0]]:
            found.append((end, end + len(word)))
            end += len(word)
    return found


def spans(text: str, most: int) -> list[Span]:
    """At most so many spans that have all words between them, of about as many words each."""
    found = words(text)
    size = -(-len(found) // max(1, most))
    return [(part[0][0], part[-1][1]) for part in (found[i : i + size] for i in range(0, len(found), size or 1))]


def without(text: str, places: Sequence[Span]) -> list[str]:
    """The text without each of the spans in turn."""
    return [text[:start] + text[end:] for start, end in places]


def weighed(places: Sequence[Span], whole: float, probabilities: Sequence[float]) -> list[dict[str, Any]]:
    """By how much the answer's log-odds fall without each span; below 0 where the span spoke against it.

    Not its probability: of a text with many telling words that hardly falls, whichever is left out.
    """
    return [{"start": start, "end": end, "weight": round(log_odds(whole) - log_odds(found), 4)}
            for (start, end), found in zip(places, probabilities, strict=True)]


def log_odds(probability: float) -> float:
    """In nats, bounded by what a float32 tells apart from certainty."""
    bounded = min(max(probability, 1e-7), 1 - 1e-7)
    return math.log(bounded / (1 - bounded))

"""Questions to vectors: what is near to a word, what completes an analogy. Tables are mapped and shared, not copied."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from modeling.embeddings import Neighbour, Vectors, load_vectors
from modeling.errors import DataError
from webapp.vectors.models import WordVectors

ANSWERS, EXAMPLES = 12, 8
LONGEST = 100  # characters of a word


@lru_cache(maxsize=4)
def _loaded(folder: Path, changed: int) -> Vectors:
    return load_vectors(folder)


def table_of(vectors: WordVectors) -> Vectors:
    """The vectors, loaded once while their folder stays as it is. Raises DataError."""
    try:
        return _loaded(vectors.folder, (vectors.folder / "vectors.json").stat().st_mtime_ns)
    except OSError:
        raise DataError(_("The files of these word vectors are gone.")) from None


def examples(table: Vectors) -> list[str]:
    """Words worth asking about: not the commonest, which are about nothing, and not the rare ones."""
    middle = table.words[500:5000] if len(table) > 2000 else table.words
    words = [word for word in middle if word.isalpha() and (len(word) > 4 or not word.isascii())]
    return words[:: max(1, len(words) // EXAMPLES)][:EXAMPLES]


def nearest(vectors: WordVectors, given: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to {"word"}, as the page shows it: bars, or a fault in words; nothing where nothing is asked."""
    word = str(given.get("word", "")).strip()[:LONGEST]
    if not word:
        return {}
    table = table_of(vectors)
    return {"answers": _bars(table.nearest(word, ANSWERS))} if word in table else {"unknown": [word]}


def analogy(vectors: WordVectors, given: Mapping[str, Any]) -> dict[str, Any]:
    """The same for {"a", "b", "c"}."""
    words = [str(given.get(name, "")).strip()[:LONGEST] for name in "abc"]
    if not all(words):
        return {}
    table = table_of(vectors)
    if unknown := [word for word in words if word not in table]:
        return {"unknown": unknown}
    a, b, c = words
    return {"answers": _bars(table.analogy(a, b, c, ANSWERS)), "asked": words}


def _bars(found: list[Neighbour]) -> list[dict[str, Any]]:
    return [{"word": one.word, "similarity": one.similarity, "share": max(0.0, min(1.0, one.similarity))}
            for one in found]

"""Keys: hashes that say which rows are the same, which ask the same, and which must not be parted."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from modeling.datasets.columns import Hashes, hashes_of, mixed
from modeling.datasets.dataset import Row
from modeling.text import folded


@dataclass(frozen=True, slots=True)
class Keys:
    """Of a batch of rows, one hash a row in each array."""

    inputs: Hashes  # what is asked
    rows: Hashes  # what is asked and answered
    groups: tuple[Hashes, ...]  # rows that share any of these stay in one split; 0 shares nothing


def keys_of(rows: Sequence[Row], task: str) -> Keys:
    """Case and blanks do not count."""
    return KEYS[task](rows)


def _folded(rows: Sequence[Row], role: str) -> Hashes:
    return hashes_of([folded(row[role]) for row in rows])


def _repeated(values: Sequence[Hashable]) -> Hashes:
    """Hashes of values of which there are few different ones."""
    places: dict[Hashable, int] = {}
    found = [places.setdefault(value, len(places)) for value in values]
    return hashes_of([str(value) for value in places])[found]


def _text(rows: Sequence[Row]) -> Keys:
    inputs = _folded(rows, "text")
    return Keys(inputs, inputs, (inputs,))


def _classification(rows: Sequence[Row]) -> Keys:
    inputs = _folded(rows, "text")
    return Keys(inputs, mixed(inputs, _repeated([row["label"] for row in rows])), (inputs,))


def _summarisation(rows: Sequence[Row]) -> Keys:
    inputs = _folded(rows, "text")
    return Keys(inputs, mixed(inputs, hashes_of([folded(row.get("summary", "")) for row in rows])), (inputs,))


def _translation(rows: Sequence[Row]) -> Keys:
    source, target = _folded(rows, "source"), _folded(rows, "target")
    languages = _repeated([(row["source_language"], row["target_language"]) for row in rows])
    inputs = mixed(source, languages)
    return Keys(inputs, mixed(inputs, target), (source, target))


def _question_answering(rows: Sequence[Row]) -> Keys:
    contexts = hashes_of([row["context"] for row in rows])
    titles = hashes_of([row["title"] for row in rows])
    titles = np.where([not row["title"] for row in rows], np.uint64(0), titles)
    inputs = mixed(contexts, _folded(rows, "question"))
    answers = hashes_of([json.dumps(row["answers"]) for row in rows])
    return Keys(inputs, mixed(inputs, answers), (contexts, titles))


KEYS: dict[str, Callable[[Sequence[Row]], Keys]] = {
    "classification": _classification,
    "generation": _text,
    "summarisation": _summarisation,
    "translation": _translation,
    "question-answering": _question_answering,
}

"""How good vectors are: similarities that people gave, and analogies; each with its coverage and interval."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from modeling.embeddings.vectors import Rule, Vectors
from modeling.errors import DataError

NAMES = {"EN-WS-353-ALL": "WordSim-353", "EN-WS-353-SIM": "WordSim-353 similarity",
         "EN-WS-353-REL": "WordSim-353 relatedness", "EN-SIMLEX-999": "SimLex-999", "EN-MEN-TR-3k": "MEN",
         "EN-RG-65": "RG-65", "questions-words": "Google analogies", "questions-phrases": "Google phrase analogies",
         "semantic": "CA8 semantic", "morphological": "CA8 morphological"}
"""Known files -> what people call them."""

LEAST = 0.02
"""Share of a file's questions that the words have to cover, else it is for another language."""

_RESAMPLES = 1000
_BATCH = 512  # questions that are answered together
_LONGEST = 64 * 1024**2  # bytes of a file of questions


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure: Spearman's rho of similarities, or the share of analogies that are right."""

    name: str
    kind: Literal["similarity", "analogy"]
    value: float
    low: float  # bootstrap interval, 95 %
    high: float
    covered: int  # questions whose words are all known; the others do not count
    total: int


def evaluate(vectors: Vectors, path: str | os.PathLike[str], *, rule: Rule = "add") -> list[Figure]:
    """A figure for each file of questions in a folder, or for one file; without those that the words do not cover.

    A line of similarities is "word word score"; analogies are "a b c d", their sections begin with a colon. Raises
    DataError for a file that is neither, with its line.
    """
    given = Path(path)
    files = sorted(given.rglob("*.txt")) if given.is_dir() else [given]
    if not any(file.is_file() for file in files):
        raise DataError(f"there are no questions at {given.name}", allowed="A folder of .txt files, or such a file")
    figures = [_measure(vectors, file, rule) for file in files]
    return [figure for figure in figures if figure.covered > 2 and figure.covered >= LEAST * figure.total]


def _measure(vectors: Vectors, file: Path, rule: Rule) -> Figure:
    rows = list(_rows(file))
    name = NAMES.get(file.stem, file.stem)
    if len(rows[0]) == 4:
        right = analogies_right(vectors, [row for row in rows if len(row) == 4], rule)
        return _figure(name, "analogy", right, len(rows))
    known = [(vectors.similarity(one, other), float(score)) for one, other, score in rows
             if one in vectors and other in vectors]
    return _figure(name, "similarity", np.array(known).reshape(-1, 2), len(rows))


def _rows(file: Path) -> Iterator[list[str]]:
    """The lines of a file, 3 or 4 words each. Raises DataError."""
    if file.stat().st_size > _LONGEST:
        raise DataError(f"{file.name} has {file.stat().st_size:,} bytes", allowed=f"At most {_LONGEST:,}")
    width = 0
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        parts = line.split()
        if not parts or parts[0].startswith((":", "#")):
            continue
        width = width or len(parts)
        if len(parts) != width or width not in (3, 4) or (width == 3 and not _is_number(parts[2])):
            raise DataError(f"line {number} of {file.name} is {line[:60]!r}",
                            allowed='Lines are "word word score" or "a b c d"')
        yield parts
    if not width:
        raise DataError(f"{file.name} has no questions", allowed='Lines are "word word score" or "a b c d"')


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _figure(name: str, kind: Literal["similarity", "analogy"], data: np.ndarray, total: int) -> Figure:
    measure = spearman if kind == "similarity" else _share
    random = np.random.default_rng(0)
    if len(data) < 3:
        return Figure(name=name, kind=kind, value=0.0, low=0.0, high=0.0, covered=len(data), total=total)
    again = [measure(data[random.integers(len(data), size=len(data))]) for _ in range(_RESAMPLES)]
    low, high = np.percentile(again, [2.5, 97.5])
    return Figure(name=name, kind=kind, value=measure(data), low=float(low), high=float(high), covered=len(data),
                  total=total)


def _share(right: np.ndarray) -> float:
    return float(right.mean())


def spearman(pairs: np.ndarray) -> float:
    """Spearman's rho of two columns, float [N, 2]; equal values share the mean of their ranks."""
    one, other = _ranks(pairs[:, 0]), _ranks(pairs[:, 1])
    if not one.std() or not other.std():
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse])


def analogies_right(vectors: Vectors, questions: list[list[str]], rule: Rule = "add") -> np.ndarray:
    """Whether each question whose words are known gets the right answer out of all words, bool [N]."""
    found = [[vectors.find(word) for word in question] for question in questions]
    places = np.array([row for row in found if None not in row], np.int64).reshape(-1, 4)
    all_words = vectors.directions(np.arange(len(vectors)))
    return np.concatenate([_right(all_words, places[start : start + _BATCH], rule)
                           for start in range(0, len(places), _BATCH)] or [np.empty(0, bool)])


def _right(all_words: np.ndarray, places: np.ndarray, rule: Rule) -> np.ndarray:
    a, b, c, answer = places.T
    if rule == "add":
        scores = (all_words[b] - all_words[a] + all_words[c]) @ all_words.T  # (N, V)
    else:
        first, second, third = ((all_words[word] @ all_words.T + 1) / 2 for word in (a, b, c))
        scores = second * third / (first + 1e-3)
    rows = np.arange(len(places))
    for word in (a, b, c):
        scores[rows, word] = -np.inf
    return np.asarray(scores.argmax(axis=1) == answer)

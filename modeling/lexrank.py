"""LexRank (Erkan & Radev 2004): the sentences that most others agree with. Needs no training; English and Chinese.

Continuous above the paper's threshold. Where the paper adds a weight for the position of a sentence to its score,
here the walk jumps to the opening more often (as in biased LexRank, Otterbacher et al. 2005). Sentences are alike by
their words (tf-idf), or by vectors that whoever calls makes of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modeling import text as texts
from modeling.errors import DataError

MOST_SENTENCES = 2000
_THRESHOLD = 0.1  # cosine from which two sentences are neighbours (Erkan & Radev, section 3.2)
_DAMPING = 0.7  # chance to follow a similarity instead of jumping
_OPENING = 10.0  # how much likelier a jump lands on the first sentence than on a late one
_LONG = 60  # words, or twice as many Chinese characters; longer sentences are no summary
_ALIKE = 0.6  # cosine from which the second of two sentences says nothing new
_ALIKE_VECTORS = 0.7  # the same of their vectors
_SAME = 0.999  # cosine of a sentence that comes twice
_ENGLISH = (
    "a about above after again all also am an and any are as at be because been before being below between both but "
    "by can could did do does doing down during each few for from further had has have having he her here hers him "
    "his how i if in into is it its itself just me more most my no nor not of off on once only or other our out over "
    "own same she should so some such than that the their them then there these they this those through to too under "
    "until up very was we were what when where which while who whom why will with would you your"
)
_STOP_WORDS = frozenset(_ENGLISH.split())
_CHINESE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUNS = re.compile(f"[{_CHINESE}]+|[^\\W_{_CHINESE}]+")
# Characters that only hold a sentence together; a pair with one of them carries no subject.
_CHINESE_STOPS = frozenset("的了是在和与及或也就都而着之于以为其这那此有对等并但被把将从向中上下很更最又不")

SentencesToVectors = Callable[[Sequence[str]], np.ndarray]
"""N sentences to vectors, float32 [N, D], of length 1, or of zeros where nothing is known of a sentence."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the summarised text: `text` is its characters `start` to `end`; scores of a text sum to 1."""

    index: int
    text: str
    start: int
    end: int
    score: float


def summarise(
    text: str, *, sentences: int | None = None, vectors: SentencesToVectors | None = None
) -> list[Sentence]:
    """The sentences that say most, in the order of the text; `sentences` of them, or a fifth (1 to 7) by default.

    With `vectors` two sentences are as alike as theirs, else as their words.

    Raises DataError for an empty text and for one of more than 2,000 sentences.
    """
    if sentences is not None and sentences < 1:
        raise DataError(f"{sentences} sentences are wanted", allowed="At least 1")
    ranges = texts.sentences(text)
    if not ranges:
        raise DataError("there is no text to summarise", remedy="Give a text of a few sentences")
    if len(ranges) > MOST_SENTENCES:
        raise DataError(f"the text has {len(ranges):,} sentences", allowed=f"At most {MOST_SENTENCES:,}",
                        remedy="Summarise it chapter by chapter")
    found = [text[start:end] for start, end in ranges]
    similarity = _cosines([_terms(one) for one in found]) if vectors is None else _cosines_of(vectors(found))
    scores = _rank(similarity)
    wanted = sentences if sentences is not None else min(7, max(1, round(len(ranges) / 5)))
    alike = _ALIKE if vectors is None else _ALIKE_VECTORS
    chosen = _choose(scores, similarity, wanted, [_unfit(one) for one in found], alike)
    return [Sentence(i, found[i], *ranges[i], float(scores[i])) for i in sorted(chosen)]


def joined(summary: Sequence[Sentence], *, of: str) -> str:
    """The sentences of a summary as one text in the manner of the text that they are `of`."""
    return ("" if texts.is_chinese(of) else " ").join(sentence.text for sentence in summary)


def _terms(sentence: str) -> Counter[str]:
    """Words without stop words; for Chinese pairs of neighbouring characters."""
    found = Counter[str]()
    for run in _RUNS.findall(texts.folded(sentence)):
        if texts.is_chinese(run[0]):
            found.update(run[i : i + 2] for i in range(len(run) - 1) if not _CHINESE_STOPS & set(run[i : i + 2]))
        elif run not in _STOP_WORDS:
            found[_stem(run)] += 1
    return found


def _stem(word: str) -> str:
    """Singular of a plural, so that "models" agrees with "model"."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _cosines(bags: list[Counter[str]]) -> np.ndarray:
    """Cosine of the tf-idf vectors of each two sentences, float32 [N, N]."""
    frequency = Counter(term for bag in bags for term in bag)
    rarity = {term: np.log1p(len(bags) / count) for term, count in frequency.items()}
    shared = {term: place for place, term in enumerate(t for t, count in frequency.items() if count > 1)}
    vectors = np.zeros((len(bags), len(shared)), dtype=np.float32)  # a term of one sentence adds to its length only
    for place, bag in enumerate(bags):
        norm = np.sqrt(sum((count * rarity[term]) ** 2 for term, count in bag.items())) or 1.0
        for term in bag.keys() & shared.keys():
            vectors[place, shared[term]] = bag[term] * rarity[term] / norm
    similarity = np.asarray(vectors @ vectors.T)
    np.fill_diagonal(similarity, 1.0)
    return similarity


def _cosines_of(vectors: np.ndarray) -> np.ndarray:
    """Cosine of each two vectors of length 1, float32 [N, N]."""
    similarity = np.asarray(vectors @ vectors.T, np.float32)
    np.fill_diagonal(similarity, 1.0)
    return similarity


def _rank(similarity: np.ndarray) -> np.ndarray:
    """Stationary distribution of the walk over the sentences, float64 [N], sums to 1."""
    weights = np.where(similarity >= _THRESHOLD, similarity, 0.0).astype(np.float64)  # continuous above the threshold
    np.fill_diagonal(weights, 0.0)  # no votes for oneself, else a sentence like no other keeps all it has
    weights[~weights.any(axis=1)] = 1.0
    walk = weights / weights.sum(axis=1, keepdims=True)
    places = np.arange(len(walk))
    jump = 1 + _OPENING * np.exp(-places / (1 + 0.1 * len(walk)))  # texts open with what they are about
    scores = jump = jump / jump.sum()
    for _ in range(200):
        following = (1 - _DAMPING) * jump + _DAMPING * (scores @ walk)
        if np.abs(following - scores).sum() < 1e-8:
            break
        scores = following
    return np.asarray(scores / scores.sum())


def _unfit(sentence: str) -> int:
    """0 for a sentence of a summary, 1 for one that is too long, 2 for a heading or crumb."""
    chinese = texts.is_chinese(sentence)
    length = len(sentence) if chinese else len(sentence.split())
    if length < (8 if chinese else 4) or sentence.startswith("#"):
        return 2
    return int(length > (2 * _LONG if chinese else _LONG))


def _choose(
    scores: np.ndarray, similarity: np.ndarray, wanted: int, unfit: list[int], alike: float
) -> list[int]:
    """The best places, leaving out what is unfit or said by a better sentence; both only fill up the rest."""
    order = sorted(range(len(scores)), key=lambda i: (unfit[i], -scores[i], i))
    chosen: list[int] = []
    spare: list[int] = []
    for place in order:
        if len(chosen) == wanted:
            return chosen
        said = unfit[place] > 0 or _likeness(similarity, place, chosen) >= alike
        (spare if said else chosen).append(place)
    for place in spare:
        if len(chosen) < wanted and _likeness(similarity, place, chosen) < _SAME:
            chosen.append(place)
    return chosen


def _likeness(similarity: np.ndarray, place: int, chosen: list[int]) -> float:
    return float(similarity[place, chosen].max()) if chosen else 0.0

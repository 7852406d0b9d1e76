"""Phrases: words that come together unusually often become one (Mikolov et al. 2013b, section 4)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from modeling.embeddings.corpus import LINE_END, PIECE, Corpus, renumber, vocabulary_of

JOINT = "_"
_MOST = 20_000_000  # pairs that are counted at the same time; beyond it those that came once are forgotten


def join_phrases(corpus: Corpus, *, threshold: float, min_count: int, most_words: int) -> Corpus:
    """The same text with `a_b` for each two words whose score is above the threshold, the left ones joined first.

    The score is (count(ab) - min_count) * words / (count(a) * count(b)), the authors' program's.
    """
    keys = _phrases(corpus, threshold, min_count)
    if not len(keys):
        return corpus
    joined, size = corpus.file.with_name("joined.i32"), len(corpus.words)
    counts = np.zeros(size + len(keys), np.int64)
    with joined.open("wb") as file:
        for start in range(0, len(corpus.tokens), PIECE):
            tokens = _join(np.asarray(corpus.tokens[start : start + PIECE]), keys, size)
            counts += np.bincount(tokens[tokens >= 0], minlength=len(counts))
            tokens.tofile(file)
    names = corpus.words + [f"{corpus.words[key // size]}{JOINT}{corpus.words[key % size]}" for key in keys.tolist()]
    words, counts, places = vocabulary_of(names, np.arange(len(names)), counts, min_count, most_words)
    renumber(joined, corpus.file, places)
    joined.unlink()
    return replace(corpus, words=words, counts=counts)


def _phrases(corpus: Corpus, threshold: float, min_count: int) -> np.ndarray:
    """Pairs that are phrases, as first * V + second, sorted."""
    keys, together = np.empty(0, np.int64), np.empty(0, np.int64)
    for start in range(0, len(corpus.tokens), PIECE):
        found = _keys(np.asarray(corpus.tokens[start : start + PIECE]), len(corpus.words))
        fresh, counts = np.unique(found[found >= 0], return_counts=True)
        keys, places = np.unique(np.concatenate([keys, fresh]), return_inverse=True)
        together = np.bincount(places, np.concatenate([together, counts])).astype(np.int64)
        if len(keys) > _MOST:
            keys, together = keys[together > 1], together[together > 1]
    one, other = corpus.counts[keys // len(corpus.words)], corpus.counts[keys % len(corpus.words)]
    score = (together - min_count) * (corpus.counts.sum() / one / other)
    return keys[score > threshold]


def _keys(tokens: np.ndarray, words: int) -> np.ndarray:
    """The pair that begins at each token but the last, int64; -1 where a line ends."""
    one, other = tokens[:-1].astype(np.int64), tokens[1:].astype(np.int64)
    return np.where((one == LINE_END) | (other == LINE_END), -1, one * words + other)


def _join(tokens: np.ndarray, phrases: np.ndarray, words: int) -> np.ndarray:
    found = _keys(tokens, words)
    places = np.minimum(np.searchsorted(phrases, found), len(phrases) - 1)
    starts = np.flatnonzero(phrases[places] == found)
    # Of pairs that overlap, a b c d, every second one is taken.
    first = np.maximum.accumulate(np.where(np.diff(starts, prepend=-2) > 1, starts, 0))
    starts = starts[(starts - first) % 2 == 0]
    joined = tokens.copy()
    joined[starts] = words + places[starts]
    return np.delete(joined, starts + 1)

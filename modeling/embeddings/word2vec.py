"""word2vec (Mikolov et al. 2013a, b): skip-gram and continuous bag of words, trained with negative sampling."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from modeling.embeddings import kernels
from modeling.embeddings.config import SkipGramConfig
from modeling.embeddings.corpus import LINE_END, Corpus
from modeling.embeddings.progress import Progress

Matrices = dict[str, np.ndarray]

_BLOCK = 50_000  # words between two looks at the learning rate
_NOISE = 0.75  # the power of the unigram distribution (2013b, section 2.2)
_FALLEN = 1e-4  # share of the learning rate that is left at the end


def first_matrices(words: int, config: SkipGramConfig) -> Matrices:
    """The vectors before the training: inward small and random, outward zero, float32 [V, W]."""
    width, random = padded(config.dimensions), np.random.default_rng(config.seed)
    inward = np.zeros((words, width), np.float32)
    for start in range(0, words, 10_000):  # a part at a time: random() makes float64 or copies
        part = inward[start : start + 10_000, : config.dimensions]
        part[:] = (random.random(part.shape, np.float32) - 0.5) / config.dimensions
    return {"inward": inward, "outward": np.zeros((words, width), np.float32)}


def padded(dimensions: int) -> int:
    """Numbers of a row in memory: whole vector registers."""
    return -(-dimensions // 16) * 16


def train_epoch(corpus: Corpus, matrices: Matrices, epoch: int, method: str, config: SkipGramConfig,
                progress: Progress) -> None:
    """One pass over the text that changes the matrices in place."""
    kernel = kernels.cbow if method == "cbow" else kernels.skipgram
    keep, (odds, other) = keeping(corpus.counts, config.subsample), alias_table(corpus.counts**_NOISE)
    tokens = corpus.tokens
    whole = len(tokens) * config.epochs

    def run(block: tuple[int, int]) -> None:
        start, stop = block
        done = (epoch * len(tokens) + start) / whole
        rate = config.learning_rate * max(_FALLEN, 1 - done)
        loss, examples = kernel(np.asarray(tokens[start:stop]), keep, odds, other, matrices["inward"],
                                matrices["outward"], config.window, config.negatives, np.float32(rate),
                                np.uint64(_seed(config.seed, epoch, start)))
        progress.add(stop - start, loss, examples)

    with ThreadPoolExecutor(config.threads) as pool:
        for _ in pool.map(run, list(blocks(tokens))):
            progress.tell()


def blocks(tokens: np.ndarray) -> Iterator[tuple[int, int]]:
    """(start, stop) of pieces that end with a sentence, as far as sentences are shorter than a piece."""
    start = 0
    while start < len(tokens):
        stop = min(start + _BLOCK, len(tokens))
        ends = np.flatnonzero(tokens[start:stop] == LINE_END)
        if stop < len(tokens) and len(ends):
            stop = start + int(ends[-1]) + 1
        yield start, stop
        start = stop


def keeping(counts: np.ndarray, subsample: float) -> np.ndarray:
    """The chance of each word to be kept, float32 [V], as the authors' program has it."""
    if not subsample:
        return np.ones(len(counts), np.float32) * 2
    share = counts / counts.sum() / subsample
    return ((np.sqrt(share) + 1) / share).astype(np.float32)


def alias_table(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two tables that draw a place with a chance in proportion to its weight in constant time (Vose 1991).

    A place k is drawn evenly; with chance odds[k] (float32) it is taken, else other[k] (int32).
    """
    odds, other = weights * (len(weights) / weights.sum()), np.arange(len(weights), dtype=np.int32)
    small, large = list(np.flatnonzero(odds < 1)), list(np.flatnonzero(odds >= 1))
    while small and large:
        low, high = small.pop(), large[-1]
        other[low] = high
        odds[high] -= 1 - odds[low]
        if odds[high] < 1:
            small.append(large.pop())
    return odds.astype(np.float32), other


def _seed(seed: int, epoch: int, start: int) -> Any:
    return np.random.SeedSequence((seed, epoch, start)).generate_state(1, np.uint64)[0]

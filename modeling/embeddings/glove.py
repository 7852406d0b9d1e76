"""GloVe (Pennington et al. 2014): vectors whose products are the logarithms of how often words stand together.

The sum over pairs of f(x) (w_i . c_j + b_i + d_j - log x)^2, f(x) = min(1, (x / x_max) ** alpha), by AdaGrad. A word's
vector is w + c. docs/theory/glove.md says what each part is for.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from modeling.embeddings import kernels
from modeling.embeddings.config import GloVeConfig
from modeling.embeddings.cooccurrence import PAIR
from modeling.embeddings.progress import Progress

Matrices = dict[str, np.ndarray]

_BLOCK = 200_000  # pairs of a thread at a time


def first_matrices(words: int, config: GloVeConfig) -> Matrices:
    """Small random vectors and biases, and AdaGrad's sums of squares, float32 [V, D + 1]."""
    random, shape = np.random.default_rng(config.seed), (words, config.dimensions + 1)
    return {name: (random.random(shape, np.float32) - np.float32(0.5)) / np.float32(config.dimensions)
            for name in ("inward", "outward")} | {name: np.ones(shape, np.float32) for name in ("rows", "columns")}


def train_epoch(files: list[Path], matrices: Matrices, epoch: int, config: GloVeConfig, progress: Progress) -> None:
    """One pass over the counted pairs that changes the matrices in place."""
    random = np.random.default_rng((config.seed, epoch))

    def run(pairs: np.ndarray) -> None:
        cost, steps = kernels.glove(
            np.ascontiguousarray(pairs["one"]), np.ascontiguousarray(pairs["other"]),
            np.ascontiguousarray(pairs["count"]), matrices["inward"], matrices["outward"], matrices["rows"],
            matrices["columns"], np.float32(config.learning_rate), np.float32(config.x_max), np.float32(config.alpha))
        progress.add(len(pairs), cost, steps)

    with ThreadPoolExecutor(config.threads) as pool:
        for place in random.permutation(len(files)):
            pairs = np.fromfile(files[place], PAIR)
            random.shuffle(pairs)
            for _ in pool.map(run, [pairs[start : start + _BLOCK] for start in range(0, len(pairs), _BLOCK)]):
                progress.tell()


def word_vectors(matrices: Matrices) -> np.ndarray:
    """float32 [V, D]."""
    return np.asarray(matrices["inward"][:, :-1] + matrices["outward"][:, :-1])

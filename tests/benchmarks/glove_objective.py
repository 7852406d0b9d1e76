"""The simplified objective that is sometimes quoted for GloVe, beside GloVe's own, on the same counts.

Minimises sum C(i,j) |w_i - w_j|^2 and equation 8 of Pennington et al. 2014 from the same first vectors, on the
documents that ship with Parley, and writes docs/theory/glove.svg. A minute at most, the same figures each time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from modeling.embeddings import Vectors, glove
from modeling.embeddings.config import GloVeConfig
from modeling.embeddings.cooccurrence import PAIR, count_pairs
from modeling.embeddings.corpus import read_corpus
from modeling.embeddings.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ROOT / "modeling" / "starters" / "documents"
PICTURE = ROOT / "docs" / "theory" / "glove.svg"
CONFIG = GloVeConfig(dimensions=20, window=8, min_count=8, epochs=1000, x_max=10.0, learning_rate=0.05, threads=1)
SHOWN = (0, 1, 10, 100, 1000)
WORD = "words"
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 330" role="img" aria-label="Spread of the vectors">
<style>text { font: 13px system-ui, sans-serif; fill: #57544d } polyline { fill: none; stroke-width: 2 }
.rule { stroke: #e2dfd6 } .curve0 { stroke: #b3541e; stroke-dasharray: 6 4 } .curve1 { stroke: #0b6b5d }
.name0 { fill: #b3541e } .name1 { fill: #0b6b5d }</style><rect width="640" height="330" fill="#faf9f6"/>
"""
FOOT = """<text x="345" y="322" text-anchor="middle">passes; upright: spread of the vectors</text></svg>
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus = read_corpus((file.read_text() for file in sorted(TEXTS.glob("*.md"))), Path(folder),
                             min_count=CONFIG.min_count, most_words=1000)  # fmt: skip
        files = count_pairs(corpus, Path(folder) / "pairs", window=CONFIG.window, memory=1 << 22, seed=0)
        pairs = np.concatenate([np.fromfile(file, PAIR) for file in files])
        print(f"{corpus.total:,} words, {len(corpus.words)} in the vocabulary, {len(pairs):,} pairs")
        first = glove.first_matrices(len(corpus.words), CONFIG)["inward"][:, :-1].astype(np.float64)
        curves = {"sum C |w_i - w_j|^2": list(simplified(pairs, first)), "GloVe": list(published(files, first))}
    for name, states in curves.items():
        print(f"\n{name}\n{'pass':>6} {'objective':>12} {'spread':>10} {'mean cosine':>12}   nearest to {WORD!r}")
        for step in SHOWN:
            objective, vectors = states[step]
            near = ", ".join(one.word for one in Vectors(corpus.words, vectors.astype(np.float32)).nearest(WORD, 5))
            print(f"{step:6} {objective:12.3g} {spread(vectors):10.2e} {mean_cosine(vectors):12.4f}   {near}")
    PICTURE.write_text(picture({name: [spread(vectors) for _, vectors in states] for name, states in curves.items()}))


def simplified(pairs: np.ndarray, first: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """(objective, vectors) before each step of gradient descent: 2 tr(W' L W), L the Laplacian of the counts."""
    counts = np.zeros((len(first),) * 2)
    counts[pairs["one"], pairs["other"]] = counts[pairs["other"], pairs["one"]] = pairs["count"]
    laplacian = np.diag(counts.sum(axis=1)) - counts
    rate, vectors = 1 / np.linalg.eigvalsh(laplacian)[-1], first.copy()
    for _ in range(CONFIG.epochs + 1):
        yield 2 * float((vectors * (laplacian @ vectors)).sum()), vectors.copy()
        vectors -= rate * (laplacian @ vectors)


def published(files: list[Path], first: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """(cost of a pair in that pass, vectors) before each pass of AdaGrad."""
    matrices = glove.first_matrices(len(first), CONFIG)
    progress = Progress(1, lambda event: None)
    for epoch in range(CONFIG.epochs + 1):
        before = glove.word_vectors(matrices).astype(np.float64)
        glove.train_epoch(files, matrices, epoch, CONFIG, progress)
        progress.tell(now=True)
        yield progress.loss, before


def spread(vectors: np.ndarray) -> float:
    """Mean squared distance of the vectors from their mean."""
    return float(((vectors - vectors.mean(axis=0)) ** 2).sum(axis=1).mean())


def mean_cosine(vectors: np.ndarray) -> float:
    """Of two different words."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return float((units.sum(axis=0) @ units.sum(axis=0) - len(units)) / (len(units) * (len(units) - 1)))


def picture(curves: dict[str, list[float]]) -> str:
    """Curves over the passes, both axes logarithmic, as SVG."""
    values = np.log10([value for curve in curves.values() for value in curve])
    low, high, last = values.min(), values.max(), np.log10(CONFIG.epochs + 1)

    def across(step: int) -> str:
        return f"{70 + 550 * np.log10(step + 1) / last:.1f}"

    def down(power: float) -> float:
        return float(round(20 + 260 * (high - power) / (high - low), 1))

    ticks = range(int(np.ceil(low)), int(high) + 1, 4)
    marks = [f'<path d="M70 {down(tick)}H620" class="rule"/><text x="62" y="{down(tick) + 4}" text-anchor="end">'
             f"1e{tick}</text>" for tick in ticks]  # fmt: skip
    marks += [f'<text x="{across(step)}" y="300" text-anchor="middle">{step:,}</text>' for step in SHOWN[1:]]
    for number, (name, curve) in enumerate(curves.items()):
        points = " ".join(f"{across(step)},{down(np.log10(value))}" for step, value in enumerate(curve))
        marks.append(f'<polyline points="{points}" class="curve{number}"/><text x="90" y="{220 + 20 * number}" '
                     f'class="name{number}">{name}</text>')  # fmt: skip
    return f"{HEAD}{''.join(marks)}{FOOT}"

"""A map of words: places in the plane by PCA or t-SNE, and the picture of them as SVG."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

import numpy as np

from modeling.embeddings.vectors import Vectors
from modeling.errors import ConfigError

Projection = Literal["pca", "tsne"]

PROJECTIONS: dict[Projection, str] = {"tsne": "t-SNE", "pca": "PCA"}
MAPS = "map.json"

MOST = 1000  # words of a map
_SIZE, _MARGIN, _LETTER, _LINE = 1000, 40, 7.5, 15  # of the picture, in its own units
_STYLE = ("<style>text{font:13px system-ui,sans-serif;fill:#222}circle{fill:#2f6f6a}@media(prefers-color-scheme:dark)"
          "{text{fill:#ddd}circle{fill:#7fc7c0}}</style>")


def word_map(vectors: Vectors, *, projection: Projection = "pca", most: int = 300,
             words: Sequence[str] | None = None, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """(words, their places in float [N, 2], each from 0 to 1): the chosen words, or the commonest longer ones.

    Raises ConfigError for more than 1,000 words, fewer than three, or another projection; DataError for a word that
    is not known.
    """
    if projection not in PROJECTIONS:
        raise ConfigError(f"the projection is {projection!r}", allowed="pca or tsne", field="projection")
    names = list(dict.fromkeys(words)) if words else _telling(vectors, most)
    if not 3 <= len(names) <= MOST:
        raise ConfigError(f"the map is of {len(names):,} words", allowed=f"3 to {MOST:,} words", field="most")
    rows = np.stack([vectors[name] for name in names])
    rows = rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-12)
    places = pca(rows) if projection == "pca" else tsne(rows, seed=seed)
    low, high = places.min(axis=0), places.max(axis=0)
    return names, (places - low) / np.where(high > low, high - low, 1)


def save_maps(vectors: Vectors, folder: Path, *, most: int = 300) -> None:
    """Both maps of the commonest words as `map.json` in the folder of the vectors; none where there are too few."""
    if len(_telling(vectors, most)) < 3:
        return
    maps = {}
    for projection in PROJECTIONS:
        words, places = word_map(vectors, projection=projection, most=most)
        maps[projection] = places.round(4).tolist()
    (folder / MAPS).write_text(json.dumps({"words": words, **maps}, ensure_ascii=False), encoding="utf-8")


def load_map(folder: Path, projection: Projection) -> tuple[list[str], np.ndarray] | None:
    """What `save_maps` wrote; None where there is none."""
    try:
        maps = json.loads((folder / MAPS).read_text(encoding="utf-8"))
        return maps["words"], np.array(maps[projection], np.float64)
    except (OSError, ValueError, KeyError):
        return None


def _telling(vectors: Vectors, most: int) -> list[str]:
    """The commonest words that are no numbers and longer than English function words mostly are."""
    return [word for word in vectors.words[: 50 * most]
            if len(word) > (1 if ord(word[0]) > 0x2E80 else 4) and not word[0].isdigit()][:most]


def pca(rows: np.ndarray) -> np.ndarray:
    """The two directions in which the rows differ most, float [N, 2]; the sign is such that results repeat."""
    centred = rows - rows.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found = np.asarray(left[:, :2] * sizes[:2])
    return found * np.sign(found[np.abs(found).argmax(axis=0), [0, 1]])


def tsne(rows: np.ndarray, *, perplexity: float = 20.0, steps: int = 500, seed: int = 0) -> np.ndarray:
    """t-SNE (van der Maaten & Hinton 2008), exact, from the PCA's places on; float [N, 2]."""
    near = _affinities(rows, min(perplexity, (len(rows) - 1) / 3))
    start = pca(rows)
    places = start / (start[:, 0].std() or 1) * 1e-4 + np.random.default_rng(seed).normal(0, 1e-6, start.shape)
    speed, gains = np.zeros_like(places), np.ones_like(places)
    for step in range(steps):
        early = step < 100
        kernel = 1 / (1 + _distances(places))
        np.fill_diagonal(kernel, 0)
        pull = (near * (12 if early else 1) - kernel / kernel.sum()) * kernel  # (N, N)
        slope = 4 * (pull.sum(axis=1)[:, None] * places - pull @ places)
        gains = np.maximum(np.where(np.sign(slope) != np.sign(speed), gains + 0.2, gains * 0.8), 0.01)
        speed = (0.5 if early else 0.8) * speed - max(len(rows) / 48, 50) * gains * slope
        places = places + speed
        places -= places.mean(axis=0)
    return places


def _distances(rows: np.ndarray) -> np.ndarray:
    """Squared distances of each two rows, float [N, N]."""
    squares = (rows**2).sum(axis=1)
    return np.maximum(squares[:, None] + squares[None] - 2 * rows @ rows.T, 0)


def _affinities(rows: np.ndarray, perplexity: float) -> np.ndarray:
    """Symmetric chances to be neighbours, float [N, N]; each row's width gives it the wanted perplexity."""
    distances = _distances(rows.astype(np.float64))
    np.fill_diagonal(distances, np.inf)
    distances -= distances.min(axis=1, keepdims=True)
    low, high, sharp = np.zeros(len(rows)), np.full(len(rows), np.inf), np.ones(len(rows))
    for _ in range(50):  # bisection of all rows at once
        chances = np.exp(-distances * sharp[:, None])
        chances /= chances.sum(axis=1, keepdims=True)
        flat = -(chances * np.log(chances + 1e-300)).sum(axis=1) > np.log(perplexity)
        low, high = np.where(flat, sharp, low), np.where(flat, high, sharp)
        sharp = np.where(np.isinf(high), sharp * 2, (low + np.where(np.isinf(high), 0, high)) / 2)
    both = chances + chances.T
    return np.asarray(np.maximum(both / both.sum(), 1e-12))


def map_svg(words: Sequence[str], places: np.ndarray, *, styled: bool = True, title: str = "") -> str:
    """The map as an SVG picture; words that would lie on another one are points, whose name a pointer shows.

    With `styled` it carries its own colours, for a file; without, the page's style sheet gives them.
    """
    spots = _MARGIN + np.asarray(places) * (_SIZE - 2 * _MARGIN)
    taken: list[tuple[float, float, float, float]] = []
    marks = [_mark(word, float(x), _SIZE - float(y), taken) for word, (x, y) in zip(words, spots, strict=True)]
    name = escape(title or "Map of words", {'"': "&quot;"})
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}" class="word-map" role="img" '
            f'aria-label="{name}">{_STYLE if styled else ""}{"".join(marks)}</svg>')


def _mark(word: str, x: float, y: float, taken: list[tuple[float, float, float, float]]) -> str:
    width = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in word) * _LETTER
    box = (x - 4, y - _LINE, x + 6 + width, y + 4)
    text = ""
    if box[2] < _SIZE and all(
            box[2] < left or right < box[0] or box[3] < top or bottom < box[1] for left, top, right, bottom in taken):
        taken.append(box)
        text = f'<text x="{x + 5:.1f}" y="{y:.1f}">{escape(word)}</text>'
    return f'<g><circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"><title>{escape(word)}</title></circle>{text}</g>'

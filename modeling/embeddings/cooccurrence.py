"""How often words stand near each other, counted in as much memory as is given: what does not fit is sorted on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from modeling.embeddings import kernels
from modeling.embeddings.corpus import Corpus

PAIR = np.dtype([("one", np.int32), ("other", np.int32), ("count", np.float32)])
"""A pair on disk: two words, the commoner first, and their count."""

_FREQUENT = 1024  # words whose pairs have a table of their own
_PIECE = 1 << 20  # tokens or pairs that are handled at once
_FULL = 0.7  # share of the hash table from which it is emptied
_SLOT = 12  # bytes of a pair in the table

OnShare = Callable[[float], None]


def count_pairs(corpus: Corpus, folder: Path, *, window: int, memory: int, seed: int,
                on_share: OnShare = lambda share: None) -> list[Path]:
    """Count into files of PAIR in `folder`: each pair once, dealt out at random, so that a file fits into memory.

    `memory` are the bytes for the table, and again for one of the files at most.
    """
    folder.mkdir(parents=True, exist_ok=True)
    runs = list(_runs(corpus, folder, window, memory, on_share))
    pairs = sum(len(keys) for keys, _ in map(_mapped, runs))
    files = [folder / f"pairs-{number}.bin" for number in range(-(-pairs * PAIR.itemsize * 2 // memory) or 1)]
    _deal(merged([_mapped(run) for run in runs]), len(corpus.words), files, np.random.default_rng(seed))
    for run in runs:
        for part in _parts(run):
            part.unlink()
    return files


def _runs(corpus: Corpus, folder: Path, window: int, memory: int, on_share: OnShare) -> Iterator[Path]:
    """Files of pairs, each sorted by its pair."""
    slots = 1 << max(12, (memory // _SLOT).bit_length() - 1)
    keys, values = np.full(slots, -1, np.int64), np.zeros(slots, np.float32)
    dense = np.zeros((min(_FREQUENT, len(corpus.words)),) * 2, np.float64)
    number, tokens, room = 0, corpus.tokens, int(slots * _FULL)
    for start in range(0, len(tokens), _PIECE):
        before = min(window, start)  # the words that the first ones of the piece still see
        piece, place = np.asarray(tokens[start - before : start + _PIECE]), before
        while place < len(piece):
            place, held = kernels.count_pairs(piece, place, window, len(corpus.words), dense, keys, values, room)
            if held >= room:
                yield _spill(folder / f"run-{number}", keys, values)
                number += 1
        on_share((start + len(piece) - before) / len(tokens))
    yield _spill(folder / f"run-{number}", keys, values)
    yield _write(folder / f"run-{number + 1}", *_dense_pairs(dense, len(corpus.words)))


def _spill(run: Path, keys: np.ndarray, values: np.ndarray) -> Path:
    """Write what the table holds, and empty it."""
    held = np.flatnonzero(keys >= 0)
    order = held[np.argsort(keys[held])]
    _write(run, keys[order], values[order])
    keys[:] = -1
    return run


def _dense_pairs(dense: np.ndarray, words: int) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.nonzero(dense)
    return one.astype(np.int64) * words + other, dense[one, other].astype(np.float32)


def _parts(run: Path) -> tuple[Path, Path]:
    return run.with_suffix(".keys"), run.with_suffix(".values")


def _write(run: Path, keys: np.ndarray, values: np.ndarray) -> Path:
    for part, array in zip(_parts(run), (keys, values), strict=True):
        array.tofile(part)
    return run


def _mapped(run: Path) -> tuple[np.ndarray, np.ndarray]:
    keys, values = _parts(run)
    if not keys.stat().st_size:  # nothing cannot be mapped
        return np.empty(0, np.int64), np.empty(0, np.float32)
    return np.memmap(keys, np.int64, "r"), np.memmap(values, np.float32, "r")


def merged(runs: list[tuple[np.ndarray, np.ndarray]], piece: int = _PIECE) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sorted (keys, values) merged in pieces, the values of equal keys added; keys rise from piece to piece."""
    places = [0] * len(runs)
    while open_runs := [number for number, (keys, _) in enumerate(runs) if places[number] < len(keys)]:
        size = max(1, piece // len(open_runs))
        # Up to the smallest of the last keys, no run has anything that is not looked at.
        bound = min(runs[n][0][min(places[n] + size, len(runs[n][0])) - 1] for n in open_runs)
        taken = []
        for number in open_runs:
            keys, values = runs[number]
            start = places[number]
            places[number] = start + int(np.searchsorted(keys[start : start + size], bound, side="right"))
            taken.append((keys[start : places[number]], values[start : places[number]]))
        yield _added(*(np.concatenate(part) for part in zip(*taken, strict=True)))


def _added(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    firsts = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[firsts], np.add.reduceat(values, firsts)


def _deal(pieces: Iterator[tuple[np.ndarray, np.ndarray]], words: int, files: list[Path],
          random: np.random.Generator) -> None:
    """Each pair into a file at random: together with a shuffle of each file, that is a shuffle of all."""
    opened = [file.open("wb") for file in files]
    try:
        for keys, values in pieces:
            pairs = np.empty(len(keys), PAIR)
            pairs["one"], pairs["other"], pairs["count"] = keys // words, keys % words, values
            places = random.integers(len(files), size=len(pairs))
            for number, file in enumerate(opened):
                pairs[places == number].tofile(file)
    finally:
        for file in opened:
            file.close()

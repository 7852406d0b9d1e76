"""Counting of pairs, with little memory as with much."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from modeling.embeddings import cooccurrence
from modeling.embeddings.corpus import read_corpus
from tests.modeling.embeddings.conftest import sentences


@pytest.fixture
def corpus(tmp_path):
    return read_corpus(sentences(300), tmp_path, min_count=1, most_words=1000)


def counted(lines: list[list[str]], window: int) -> Counter[tuple[str, str]]:
    """By hand: each two words of a line, 1/d for those at distance d, in both directions."""
    found = Counter[tuple[str, str]]()
    for line in lines:
        for place, word in enumerate(line):
            for near in range(max(0, place - window), place):
                found[word, line[near]] += 1 / (place - near)
                found[line[near], word] += 1 / (place - near)
    return found


@pytest.mark.parametrize(("memory", "frequent", "piece"), [(1 << 20, 1024, 1 << 20), (1 << 12, 2, 97)])
def test_pairs_are_counted_as_by_hand_whatever_the_memory(corpus, tmp_path, monkeypatch, memory, frequent, piece):
    monkeypatch.setattr(cooccurrence, "_FREQUENT", frequent)
    monkeypatch.setattr(cooccurrence, "_PIECE", piece)
    monkeypatch.setattr(cooccurrence, "_FULL", min(0.7, 60 * 12 / memory + 0.01))
    files = cooccurrence.count_pairs(corpus, tmp_path / "pairs", window=4, memory=memory, seed=0)
    pairs = np.concatenate([np.fromfile(file, cooccurrence.PAIR) for file in files])
    found = {(corpus.words[one], corpus.words[other]): count for one, other, count in pairs.tolist()}
    wanted = counted([line.split() for line in sentences(300)], 4)
    assert len(found) == len(pairs) == len({frozenset(pair) for pair in wanted})
    assert all(count == pytest.approx(wanted[pair], rel=1e-4) for pair, count in found.items())


def test_runs_are_merged_in_order_and_equal_keys_added():
    runs = [(np.array(keys, np.int64), np.ones(len(keys), np.float32)) for keys in ([1, 3, 5, 7, 9], [3, 4, 9], [])]
    merged = list(cooccurrence.merged(runs, piece=2))
    assert np.concatenate([keys for keys, _ in merged]).tolist() == [1, 3, 4, 5, 7, 9]
    assert np.concatenate([values for _, values in merged]).tolist() == [1, 2, 1, 1, 1, 2]

"""Sentence pairs of Tatoeba: read, and split so that no sentence of one split stands in another."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable
from pathlib import Path

from modeling.recipes.recipe import Files, write_rows

Pair = dict[str, str]
LARGEST = 60
"""Pairs of a connected group that may go into a held-out split; larger ones would make it lopsided."""


def read_pairs(path: Path, source: str, target: str, *, mend: Callable[[str], str] = str) -> list[Pair]:
    """Distinct pairs of a two-column TSV; `mend` is applied to the target."""
    pairs: dict[tuple[str, str], None] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        first, second, *_ = [*line.split("\t"), ""]
        if first and second:
            pairs[first, mend(second)] = None
    return [{"source": a, "target": b, "source_language": source, "target_language": target} for a, b in pairs]


def split_pairs(pairs: list[Pair], folder: Path, *, test: int, validation: int) -> Files:
    """Hold out about `test` and `validation` source sentences with all their translations, by connected groups."""
    groups = connected(pairs)
    groups.sort(key=lambda group: hashlib.sha256(f"0{pairs[group[0]]['source']}".encode()).digest())
    wanted, counts = {"test": test, "validation": validation}, {"test": 0, "validation": 0}
    splits: dict[str, list[Pair]] = {"train": [], "test": [], "validation": []}
    for group in groups:
        open_splits = [name for name in wanted if counts[name] < wanted[name]] if len(group) <= LARGEST else []
        name = open_splits[0] if open_splits else "train"
        if open_splits:
            counts[name] += len({pairs[i]["source"] for i in group})
        splits[name] += [pairs[i] for i in group]
    return Files(**{name: write_rows(folder / f"{name}.jsonl", rows) for name, rows in splits.items()})


def connected(pairs: list[Pair]) -> list[list[int]]:
    """Indices of pairs that share a source or a target, directly or through others; case does not count."""
    parent: dict[Hashable, Hashable] = {}

    def root(node: Hashable) -> Hashable:
        while parent.setdefault(node, node) != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for pair in pairs:
        parent[root(("s", pair["source"].casefold()))] = root(("t", pair["target"].casefold()))
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index, pair in enumerate(pairs):
        groups[root(("s", pair["source"].casefold()))].append(index)
    return list(groups.values())

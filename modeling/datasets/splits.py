"""Splits: train, validation and test, so that no row of one is known from another."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from modeling.datasets.dataset import Row
from modeling.errors import ConfigError
from modeling.text import folded

SPLITS = ("train", "validation", "test")
FEW_GROUPS = 10  # fewer texts than these are cut, not dealt out


def split(rows: Iterable[Row], *, task: str, seed: int = 0, validation: float = 0.1,
          test: float = 0.1) -> dict[str, list[Row]]:
    """Deal rows out to train, validation and test; the same rows and seed give the same splits.

    Rows that know each other stay together: translations that share a source or a target (and so on, through
    others), questions about one document, texts that are the same but for case and blanks. Classes are dealt out
    evenly. Fewer than ten texts for generation are cut instead: the first part trains, the last one tests.
    """
    rows, shares = list(rows), shares_of(validation, test)
    groups = _groups(rows, task)
    if task == "generation" and len(groups) < FEW_GROUPS:
        pieces = [cut(row, shares) for row in rows]
        return {name: [piece[name] for piece in pieces if name in piece] for name in SPLITS}
    dealt = deal(groups, shares, seed=seed, labels=[row["label"] for row in rows] if task == "classification" else None)
    return {name: [rows[place] for place in sorted(dealt[name])] for name in SPLITS}


def shares_of(validation: float, test: float) -> dict[str, float]:
    """Split -> its share of the rows. Raises ConfigError."""
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise ConfigError(f"validation is {validation} and test is {test}", allowed="Together they are below 1")
    return {"train": 1 - validation - test, "validation": validation, "test": test}


def deal(groups: Sequence[list[int]], shares: Mapping[str, float], *, seed: int,
         labels: Sequence[Any] | None = None) -> dict[str, list[int]]:
    """Split -> places of its rows. `groups` are the places that must stay together; `labels` are evenly dealt out."""
    groups = list(groups)
    random.Random(seed).shuffle(groups)  # noqa: S311
    if labels is not None:
        groups.sort(key=lambda group: str(labels[group[0]]))
    return _deal(groups, shares, sum(map(len, groups)))


def _groups(rows: Sequence[Row], task: str) -> list[list[int]]:
    """Places of rows that must stay together, in the order of their first row."""
    keys = [_keys(row, task) for row in rows]
    groups = _components(keys)
    if task == "question-answering" and len(groups) < FEW_GROUPS:
        groups = _components([key[:1] for key in keys])  # all from few documents: then by passage
    return groups


def _keys(row: Mapping[str, Any], task: str) -> list[Hashable]:
    """What a row shares with the rows that it must not be parted from; the narrowest first."""
    if task == "translation":
        return [folded(row["source"]), folded(row["target"])]
    if task == "question-answering":
        title = row.get("title")
        return [row["context"], *([("title", title)] if title else [])]
    return [folded(row["text"])]


def _components(keys: Sequence[Sequence[Hashable]]) -> list[list[int]]:
    """Union-find over rows that have a key in common."""
    parent = list(range(len(keys)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    first: dict[Hashable, int] = {}
    for place, row_keys in enumerate(keys):
        for key in row_keys:
            other = root(first.setdefault(key, place))
            own = root(place)
            parent[max(own, other)] = min(own, other)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for place in range(len(keys)):
        groups[root(place)].append(place)
    return list(groups.values())


def _deal(groups: Sequence[list[int]], shares: Mapping[str, float], total: int) -> dict[str, list[int]]:
    """Give each group to the split that lacks most of its share; a group too big for a small split trains."""
    most = max(1.0, min((shares[name] * total for name in SPLITS if shares[name]), default=1.0))
    small = [group for group in groups if len(group) <= most]
    dealt: dict[str, list[int]] = {name: [] for name in SPLITS}
    dealt["train"] = [place for group in groups if len(group) > most for place in group]
    ahead, seen = len(dealt["train"]), 0
    for group in small:  # what trains already is spread over all that follows, so that classes stay even
        seen += len(group)
        wanted = {name: shares[name] * seen * total / (total - ahead) for name in SPLITS}
        wanted["train"] = seen - wanted["validation"] - wanted["test"] + ahead
        name = max(SPLITS, key=lambda name: wanted[name] - len(dealt[name]))
        dealt[name] += group
    for name in SPLITS[1:]:
        if shares[name] and not dealt[name] and len(groups) >= len(SPLITS):
            smallest = min((group for group in groups if group[0] in dealt["train"]), key=len)
            dealt["train"] = [place for place in dealt["train"] if place not in smallest]
            dealt[name] = smallest
    return dealt


def cut(row: Row, shares: Mapping[str, float]) -> dict[str, Row]:
    """A text cut at line ends into a part for each split."""
    parts: dict[str, Row] = {}
    text, start, share = row["text"], 0, 0.0
    for name in SPLITS:
        share += shares[name]
        end = len(text) if name == SPLITS[-1] or share > 1 - 1e-9 else _line_end(text, round(share * len(text)))
        if text[start:end].strip():
            parts[name] = dict(row) | {"text": text[start:end]}
        start = max(start, end)
    return parts


def _line_end(text: str, place: int) -> int:
    """Just behind the next line feed, if one is near."""
    found = text.find("\n", place, place + 2000)
    return found + 1 if found >= 0 else place

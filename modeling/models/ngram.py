"""An n-gram language model: interpolated modified Kneser-Ney smoothing (Chen & Goodman 1998, 4.1.6).

Counted, not trained. Contexts are the nodes of a tree that is read backwards: the last token, then the one before it.
A node of depth d stands for a context of d tokens; it has a weight for the shorter context, and a list of the tokens
that followed it, each with its discounted share. All tables are fp32, which holds whole numbers below 2**24.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from modeling.configs import NgramConfig
from modeling.errors import ConfigError

FLOOR = 1e-20
"""Probability of what never follows, such as the start of a text."""
LARGEST = 2**24
SLICE = 256
"""Positions whose distributions exist at once."""


Level = tuple[np.ndarray, np.ndarray, np.ndarray]
"""N-grams of one order (node of the context times the vocabulary's size, plus the last token, sorted), how often each
occurs, and its first token."""


class Ngram(nn.Module):
    """Token ids (B, T) to log probabilities (B, T, V)."""

    unigram: Tensor
    begin1: Tensor

    def __init__(self, config: NgramConfig) -> None:
        super().__init__()
        self.config = config
        self._keep({"unigram": np.full(config.vocabulary_size, 1 / config.vocabulary_size)})

    def _keep(self, tables: dict[str, np.ndarray]) -> None:
        for name, table in tables.items():
            if len(table) >= LARGEST or (len(table) and float(table.max()) >= LARGEST):
                raise ConfigError(f"the texts have over {LARGEST:,} n-grams of one order", field="least",
                                  remedy="Set least to 2 or more, or make the order smaller")
            tensor = torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))
            self.register_parameter(name, nn.Parameter(tensor, requires_grad=False))

    def count(self, texts: Sequence[Sequence[int]], *, start: int) -> None:
        """Count texts that begin with the token `start`, which is never predicted."""
        self._keep(counted([ids for ids in texts if len(ids) > 1], self.config, start))

    @property
    def depth(self) -> int:
        """Tokens of the longest context; 0 before anything is counted."""
        return max([int(name[5:]) for name, _ in self.named_parameters() if name.startswith("begin")], default=0)

    def nodes(self, ids: Tensor) -> list[Tensor]:
        """For each depth the node (B, T) of the context that ends at each position; -1 where it was never seen."""
        found = [ids.where(self.begin1[ids + 1] > self.begin1[ids], -1)] if self.depth else []
        for depth in range(2, self.depth + 1):
            before = nn.functional.pad(ids, (depth - 1, 0))[:, : ids.shape[1]]
            parent, first = found[-1], getattr(self, f"first{depth}")
            safe = parent.clamp(min=0)
            tokens = getattr(self, f"token{depth}")
            place = _search(tokens, first[safe].long(), first[safe + 1].long(), before)
            found.append(place.where(parent >= 0, -1))
        return found

    def forward(self, ids: Tensor) -> Tensor:
        nodes = torch.stack([*self.nodes(ids), ids]).flatten(1)  # (depth + 1, N)
        parts = [self.distribution(part[:-1]) for part in torch.split(nodes, SLICE, dim=1)]
        return torch.cat(parts).view(*ids.shape, -1)

    def distribution(self, nodes: Tensor) -> Tensor:
        """Log probabilities (N, V) after the contexts of nodes (depth, N)."""
        shares = self.unigram.expand(nodes.shape[1], -1).clone()
        for depth, node in enumerate(nodes, start=1):
            begin, known = getattr(self, f"begin{depth}"), node >= 0
            safe = node.clamp(min=0)
            first, stop = begin[safe].long(), begin[safe + 1].long()
            shares *= getattr(self, f"rest{depth}")[safe].where(known, 1.0)[:, None]
            count = ((stop - first) * known).clamp(min=0)
            place = torch.arange(int(count.max()))[None]  # (1, longest list)
            real = place < count[:, None]
            index = (first[:, None] + place) * real
            shares.scatter_add_(1, getattr(self, f"word{depth}")[index].long(),
                                getattr(self, f"share{depth}")[index] * real)
        return (shares + FLOOR).log()

    def surprises(self, ids: Tensor) -> Tensor:
        """Minus the log probability (T - 1) of each token of a text (T) after its first."""
        nodes, target = self.nodes(ids[None, :-1]), ids[1:]
        shares = self.unigram[target]
        for depth, [node] in enumerate(nodes, start=1):
            begin, known = getattr(self, f"begin{depth}"), node >= 0
            safe = node.clamp(min=0)
            place = _search(getattr(self, f"word{depth}"), begin[safe].long(), begin[safe + 1].long(), target)
            own = getattr(self, f"share{depth}")[place.clamp(min=0)].where(place >= 0, 0.0)
            shares = (shares * getattr(self, f"rest{depth}")[safe] + own).where(known, shares)
        return -(shares + FLOOR).log()


def _search(table: Tensor, first: Tensor, stop: Tensor, wanted: Tensor) -> Tensor:
    """Places of `wanted` in the sorted stretches `first` to `stop` of a table; -1 where it is not there."""
    if not len(table):
        return torch.full_like(wanted, -1)
    low, high = first, stop
    for _ in range(len(table).bit_length()):
        middle = (low + high) // 2
        smaller = (table[middle.clamp(max=len(table) - 1)].long() < wanted) & (middle < high)
        low, high = (middle + 1).where(smaller, low), high.where(smaller, middle)
    there = (low < stop) & (table[low.clamp(max=len(table) - 1)].long() == wanted)
    return low.where(there, -1)


def counted(texts: Sequence[Sequence[int]], config: NgramConfig, start: int) -> dict[str, np.ndarray]:
    """The tables of all orders."""
    size = config.vocabulary_size
    words = np.concatenate([np.asarray(ids, np.int64) for ids in texts])
    places = np.concatenate([np.arange(len(ids)) for ids in texts])
    at = np.flatnonzero(places > 0)
    nodes, token, parents = words[at - 1], np.arange(size), [np.zeros(0, np.int64), np.arange(size)]
    tables: dict[str, np.ndarray] = {}
    levels: list[Level] = []
    for depth in range(1, config.order):  # contexts of so many tokens, and the n-grams of one more
        if depth > 1:
            kept = places[at] >= depth
            at, nodes = at[kept], nodes[kept]
            if not len(at):
                break
            keys, nodes = np.unique(nodes * size + words[at - depth], return_inverse=True)
            parent, token = keys // size, keys % size
            tables |= {f"first{depth}": _begins(parent, len(parents[-1])), f"token{depth}": token}
            parents.append(parent)
        grams, counts = np.unique(nodes * size + words[at], return_counts=True)
        levels.append((grams, counts, token[grams // size]))
    return tables | _shares(levels, parents, size, start, config.least)


def _begins(groups: np.ndarray, count: int) -> np.ndarray:
    """Where each group begins in a sorted list of group numbers, and at last the end: [count + 1]."""
    return np.concatenate([[0], np.cumsum(np.bincount(groups, minlength=count))])


def _shares(
    levels: list[Level], parents: list[np.ndarray], size: int, start: int, least: int
) -> dict[str, np.ndarray]:
    """Of each order the discounted shares, and what is left for the shorter context.

    The highest order counts how often; the others, in how many contexts of one token more (Kneser & Ney 1995), but for
    n-grams at the start of a text, which nothing precedes.
    """
    tables: dict[str, np.ndarray] = {}
    for depth, (grams, counts, oldest) in enumerate(levels, start=1):
        seen = counts
        if depth < len(levels):
            longer = levels[depth][0]
            shorter = parents[depth + 1][longer // size] * size + longer % size
            seen = np.bincount(np.searchsorted(grams, shorter), minlength=len(grams))
            seen = np.where(oldest == start, counts, seen)
        nodes, kept = grams // size, (counts >= least) | (depth == 1)
        total = np.bincount(nodes, seen, minlength=len(parents[depth]))
        share = (seen - _discounts(seen)) / total[nodes] * kept
        rest = 1 - np.bincount(nodes, share, minlength=len(parents[depth]))
        tables |= {f"begin{depth}": _begins(nodes[kept], len(parents[depth])), f"word{depth}": grams[kept] % size,
                   f"share{depth}": share[kept], f"rest{depth}": rest}
    grams = levels[0][0]
    seen = np.bincount(grams % size, minlength=size)  # of each token, after how many others it stands
    share = (seen - _discounts(seen)) / seen.sum()
    even = np.full(size, 1 / (size - 1))
    even[start] = 0
    return tables | {"unigram": share + (1 - share.sum()) * even}


def _discounts(counts: np.ndarray) -> np.ndarray:
    """What is taken off each count: less for 1 than for 2 than for more, from how many there are of each."""
    ones, twos, threes, fours = (max(1, int((counts == n).sum())) for n in (1, 2, 3, 4))
    y = ones / (ones + 2 * twos)
    off = np.array([0, 1 - 2 * y * twos / ones, 2 - 3 * y * threes / twos, 3 - 4 * y * fours / threes])
    return np.clip(off, [0, 0.1, 0.1, 0.1], [0, 0.9, 1.9, 2.9])[np.minimum(counts, 3)]

"""Beam search with the trained network itself, for the figures at the end of a training: the search that serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from modeling.decoding import BeamSearch, Rules
from modeling.training.batches import by_length, pad

MEASURED = 1000
"""Rows that the final figures are counted over at most: a beam search of a few thousand takes minutes on one thread."""
CANDIDATES = 16


@torch.no_grad()
def written(
    module: nn.Module, sources: Sequence[list[int]], *, start: int, rules: Callable[[int], Rules], beam: int = 4,
    batch_tokens: int = 4096,
) -> list[list[int]]:
    """What the network writes about each source; `rules` are given for the longest source of a batch."""
    found: list[list[int]] = [[] for _ in sources]
    for batch in by_length([len(ids) for ids in sources], batch_tokens):
        chosen = [sources[i] for i in batch]
        for index, ids in zip(batch, search(module, chosen, start, rules(max(map(len, chosen))), beam), strict=True):
            found[index] = ids
    return found


def search(module: Any, sources: Sequence[list[int]], start: int, rules: Rules, beam: int) -> list[list[int]]:
    """Beam search (1 is greedy) of one batch; what is finished leaves it."""
    searches = [BeamSearch(width=beam, rules=rules) for _ in sources]
    memory = {name: part.repeat_interleave(beam, 0) for name, part in module.begin(*pad(sources)).items()}
    tokens, live = torch.full((len(sources) * beam, 1), start), list(range(len(sources)))
    while live:
        logprobs, memory = module.step(tokens, memory)  # (live * beam, V)
        top, ids = (part.cpu().numpy() for part in logprobs.topk(min(CANDIDATES, logprobs.shape[-1])))
        rows: list[int] = []
        newest: list[int] = []
        for place, index in enumerate(live):
            own = slice(place * beam, (place + 1) * beam)
            parents, chosen = searches[index].advance(ids[own], top[own])
            if not searches[index].done:
                rows += (parents + place * beam).tolist()
                newest += chosen.tolist()
        left = [index for index in live if not searches[index].done]
        moved = torch.tensor(rows, dtype=torch.long)
        # what only the source decides is the same for all hypotheses: it moves when a text leaves, and not each step
        memory = {name: part if name.startswith("source") and len(left) == len(live) else part[moved]
                  for name, part in memory.items()}
        tokens, live = torch.tensor(newest, dtype=torch.long)[:, None], left
    return [list(one.best().tokens) for one in searches]

"""Translation with the trained network itself, for the figures at the end of a training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from modeling.models import Transformer
from modeling.training.batches import cut, pad

LENGTH_PENALTY = 1.0


@torch.no_grad()
def translate(
    module: Transformer, sources: Sequence[list[int]], *, bos: int, eos: int, beam: int = 4, batch_tokens: int = 2048
) -> list[list[int]]:
    """Beam search (1 is greedy) of each source; results without `bos` and `eos`, in the order of the sources."""
    lengths = torch.tensor([len(ids) for ids in sources])
    found: list[list[int]] = [[] for _ in sources]
    for batch in cut(lengths.argsort(stable=True).tolist(), lengths.numpy(), batch_tokens):
        longest = min(module.config.context - 1, int(lengths[batch].max()) * 2 + 10)
        for index, ids in zip(batch, search(module, *pad([sources[i] for i in batch]), bos, eos, beam, longest),
                              strict=True):
            found[index] = ids
    return found


def search(
    module: Transformer, source_ids: Tensor, lengths: Tensor, bos: int, eos: int, beam: int, longest: int
) -> list[list[int]]:
    """Beam search of one batch; a finished hypothesis scores its log probability over length ** LENGTH_PENALTY."""
    count = len(source_ids)
    source, mask = (x.repeat_interleave(beam, 0) for x in module.encode(source_ids, lengths))
    tokens = torch.full((count * beam, 1), bos)
    scores = torch.full((count, beam), -1e9)
    scores[:, 0] = 0.0
    best: list[tuple[float, list[int]]] = [(-1e9, [])] * count
    for step in range(1, longest + 1):
        logits = module.head(module.decode(tokens, source, mask)[:, -1]).float()  # (count * beam, V)
        total = scores[:, :, None] + logits.log_softmax(-1).view(count, beam, -1)
        top, flat = total.flatten(1).topk(2 * beam)  # (count, 2 * beam)
        row, token = flat // logits.shape[-1], flat % logits.shape[-1]
        ended = token.eq(eos) & (torch.arange(2 * beam) < beam)
        for i, j in ended.nonzero().tolist():
            score = float(top[i, j]) / step**LENGTH_PENALTY
            best[i] = max(best[i], (score, tokens[i * beam + int(row[i, j]), 1:].tolist()))
        scores, order = top.masked_fill(token.eq(eos), -1e9).topk(beam)
        parent = row.gather(1, order) + torch.arange(count)[:, None] * beam
        tokens = torch.cat((tokens[parent.flatten()], token.gather(1, order).view(-1, 1)), dim=1)
        if all(best[i][0] >= float(scores[i, 0]) / step**LENGTH_PENALTY for i in range(count)):
            break
    rest = tokens.view(count, beam, -1)[:, 0, 1:].tolist()
    return [ids if score > -1e9 else rest[i] for i, (score, ids) in enumerate(best)]

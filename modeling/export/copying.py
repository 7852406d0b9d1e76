"""The end of an encoder-decoder's step: log probabilities, mixed with copies of the source's tokens where it copies,
and the best of them."""

from __future__ import annotations

from modeling.export.graph import GraphBuilder
from modeling.models.copying import LEAST

BEST = 16  # candidates a row brings to the beam search: twice the widest beam, so that ended ones leave enough


def best(graph: GraphBuilder, logits: str, vocabulary_size: int) -> None:
    """The outputs top_logprobs and top_ids [R, 16] of logits [R, V]."""
    count = min(BEST, vocabulary_size)
    names = [graph.output("top_logprobs", "f32", ["R", count]), graph.output("top_ids", "i64", ["R", count])]
    graph.op("TopK", graph.op("LogSoftmax", logits, axis=-1), graph.constant([count], "i64"), outputs=names, axis=-1)


def copied(graph: GraphBuilder, logits: str, writing: str, shares: str, vocabulary_size: int) -> None:
    """The outputs logits (log probabilities) [R, V] and those of `best`, of logits [R, V], the chance to write [R, 1]
    and the shares of the source's tokens [G, W, S]; declares the input of their ids.

    Copies of a token that stands several times add up: ScatterElements over the vocabulary.
    """
    ids = graph.input("cross_ids", "i64", ["G", 1, "S", 1])
    flat = graph.op("Squeeze", ids, graph.constant([3], "i64"))  # [G, 1, S]
    ids = graph.op("Expand", flat, graph.op("Shape", shares))  # [G, W, S]
    size = graph.op("Shape", "cross_mask", start=1, end=2)
    shape = graph.op("Concat", graph.constant([-1], "i64"), size, axis=0)
    ids, shares = (graph.op("Reshape", part, shape) for part in (ids, shares))  # [R, S]
    own = graph.op("Mul", graph.op("Softmax", logits, axis=-1), writing)
    rest = graph.op("Mul", shares, graph.op("Sub", graph.constant(1, "f32"), writing))
    both = graph.op("ScatterElements", own, ids, rest, axis=1, reduction="add")
    name = graph.output("logits", "f32", ["R", vocabulary_size])
    best(graph, graph.op("Log", graph.op("Add", both, graph.constant(LEAST, "f32")), outputs=[name]), vocabulary_size)

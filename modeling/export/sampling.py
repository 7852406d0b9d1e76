"""Choosing the next token inside of the graph, so that only it leaves the graph and not a row of logits.

Repetition penalty (Keskar et al. 2019, 4.1), then the best 64, then temperature, top-k and top-p (Holtzman et al.
2020); the caller brings one uniform number a row. With top_k 1 the choice is the argmax.
"""

from __future__ import annotations

from modeling.export.graph import GraphBuilder

CANDIDATES = 64  # most candidates of a draw
SHOWN = 8  # candidates whose log-probabilities come out
RECENT = 64  # last tokens that the repetition penalty sees


def sample(graph: GraphBuilder, logits: str, vocabulary_size: int) -> None:
    """Add the outputs next, logprob, top_ids and top_logprobs for logits f32 [B, V]; declares the inputs of a draw."""
    candidates, shown = min(CANDIDATES, vocabulary_size), min(SHOWN, vocabulary_size)
    for name, kind in (("inverse_temperature", "f32"), ("top_p", "f32"), ("top_k", "i64"), ("uniform", "f32"),
                       ("repetition_penalty", "f32")):
        graph.input(name, kind, ["B", 1])
    graph.input("recent", "i64", ["B", RECENT])
    scores, ids = graph.op("TopK", _penalised(graph, logits), graph.constant([candidates], "i64"), count=2, axis=-1)
    rank = _rank(graph, scores, candidates)
    chosen = graph.op("GatherElements", ids, rank, outputs=[graph.output("next", "i64", ["B", 1])], axis=1)
    logprobs = graph.op("LogSoftmax", logits, axis=-1)
    first = graph.constant([0], "i64"), graph.constant([shown], "i64"), graph.constant([1], "i64")
    top = graph.op("Slice", ids, *first, outputs=[graph.output("top_ids", "i64", ["B", shown])])
    graph.op("GatherElements", logprobs, chosen, outputs=[graph.output("logprob", "f32", ["B", 1])], axis=1)
    graph.op("GatherElements", logprobs, top, outputs=[graph.output("top_logprobs", "f32", ["B", shown])], axis=1)


def _penalised(graph: GraphBuilder, logits: str) -> str:
    """Divide the positive logits of recent tokens by the penalty, multiply the negative ones."""
    found = graph.op("GatherElements", logits, "recent", axis=1)  # [B, 64]
    smaller, larger = graph.op("Div", found, "repetition_penalty"), graph.op("Mul", found, "repetition_penalty")
    changed = graph.op("Where", graph.op("Greater", found, graph.constant(0, "f32")), smaller, larger)
    return str(graph.op("ScatterElements", logits, "recent", changed, axis=1))


def _rank(graph: GraphBuilder, scores: str, candidates: int) -> str:
    """The rank i64 [B, 1] that is drawn among sorted scores [B, candidates]."""
    axis, axes = graph.constant(1, "i64"), graph.constant([1], "i64")
    allowed = graph.op("Less", graph.constant([range(candidates)], "i64"), "top_k")
    tempered = graph.op("Mul", scores, "inverse_temperature")
    shares = graph.op("Softmax", graph.op("Where", allowed, tempered, graph.constant(-1e30, "f32")), axis=-1)
    before = graph.op("CumSum", shares, axis, exclusive=1)
    kept = graph.op("And", allowed, graph.op("Less", before, "top_p"))
    shares = graph.op("Where", kept, shares, graph.constant(0, "f32"))
    total = graph.op("ReduceSum", shares, axes, keepdims=1)
    passed = graph.op("LessOrEqual", graph.op("CumSum", shares, axis), graph.op("Mul", total, "uniform"))
    drawn = graph.op("ReduceSum", graph.op("Cast", passed, to=7), axes, keepdims=1)
    count = graph.op("ReduceSum", graph.op("Cast", kept, to=7), axes, keepdims=1)
    # rounding can leave the last sum just below total * uniform: never draw beyond the last kept rank
    return str(graph.op("Min", drawn, graph.op("Sub", count, graph.constant(1, "i64"))))

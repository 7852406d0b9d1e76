"""The graph of the n-gram language model: its tables, searched by halving.

The state is the last tokens, `past_ids`; padding (0) stands before a text and is no context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.graph import Graph, GraphBuilder
from modeling.export.sampling import sample
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import NgramConfig

FLOOR = 1e-20  # as in modeling.models.ngram


def ngram_graphs(config: NgramConfig, weights: Weights) -> list[Graph]:
    """The role "decoder". Rows B, chunk S, tokens of a context D."""
    graph, depth = GraphBuilder(weights), sum(name.startswith("begin") for name in weights.tensors)
    context = _context(graph, depth)  # [B, D]
    columns = graph.op("Split", context, graph.constant([1] * depth, "i64"), count=depth, axis=1)
    newest = [columns] if depth == 1 else columns[::-1]  # each [B, 1]
    shares = graph.op("Expand", graph.stored("unigram"), _shape(graph, config.vocabulary_size))  # [B, V]
    node, known = newest[0], ""
    for level in range(1, depth + 1):
        if level > 1:
            first, stop = _stretch(graph, f"first{level}", node)
            place, there = _search(graph, f"token{level}", first, stop, newest[level - 1])
            known = graph.op("And", known, there)
            node = graph.op("Where", known, place, graph.constant(0, "i64"))
        shares, known = _followed(graph, shares, level, node, known)
    logits = graph.op("Log", graph.op("Add", shares, graph.constant(FLOOR, "f32")),
                      outputs=[graph.output("logits", "f32", ["B", config.vocabulary_size])])
    sample(graph, logits, config.vocabulary_size)
    return [graph.finish(role="decoder", file="decoder.cpu.onnx")]


def _context(graph: GraphBuilder, depth: int) -> str:
    """The last tokens of each row, the newest last; they are its new state."""
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("last", "i64", ["B", 1])
    past = graph.input("past_ids", "i64", ["B", depth])
    whole = graph.op("Concat", past, "input_ids", axis=1)
    places = graph.op("Add", "last", graph.constant([range(1, depth + 1)], "i64"))
    return str(graph.op("GatherElements", whole, places, axis=1,
                        outputs=[graph.output("present_ids", "i64", ["B", depth])]))  # fmt: skip


def _shape(graph: GraphBuilder, columns: int) -> str:
    rows = graph.op("Shape", "input_ids", start=0, end=1)
    return str(graph.op("Concat", rows, graph.constant([columns], "i64"), axis=0))


def _whole(graph: GraphBuilder, name: str) -> str:
    """A table of whole numbers, which the weights file keeps as fp32."""
    key = f"{name} whole"
    if key not in graph.known:
        graph.known[key] = graph.op("Cast", graph.stored(name), to=TensorProto.INT64)
    return graph.known[key]


def _stretch(graph: GraphBuilder, name: str, node: str) -> tuple[str, str]:
    """Where the list of each node [B, 1] begins and ends."""
    table, one = _whole(graph, name), graph.constant(1, "i64")
    return graph.op("Gather", table, node), graph.op("Gather", table, graph.op("Add", node, one))


def _search(graph: GraphBuilder, name: str, first: str, stop: str, wanted: str) -> tuple[str, str]:
    """Places [B, 1] of `wanted` in sorted stretches of a table, and whether it is there."""
    table, size = _whole(graph, name), graph.weights.tensors[name].shape[0]
    one, two, end = (graph.constant(number, "i64") for number in (1, 2, size - 1))
    low, high = first, stop
    for _ in range(size.bit_length()):
        middle = graph.op("Div", graph.op("Add", low, high), two)
        found = graph.op("Gather", table, graph.op("Min", middle, end))
        smaller = graph.op("And", graph.op("Less", found, wanted), graph.op("Less", middle, high))
        low = graph.op("Where", smaller, graph.op("Add", middle, one), low)
        high = graph.op("Where", smaller, high, middle)
    found = graph.op("Gather", table, graph.op("Min", low, end))
    return low, graph.op("And", graph.op("Less", low, stop), graph.op("Equal", found, wanted))


def _followed(graph: GraphBuilder, shares: str, level: int, node: str, known: str) -> tuple[str, str]:
    """Shares [B, V] after contexts of one token more, and whether these were seen [B, 1]."""
    zero, one = graph.constant(0, "i64"), graph.constant(1, "i64")
    first, stop = _stretch(graph, f"begin{level}", node)
    if not known:  # of depth 1, where each token is a node
        known = graph.op("Greater", stop, first)
    count = graph.op("Where", known, graph.op("Sub", stop, first), zero)  # [B, 1]
    longest = graph.op("Max", graph.op("ReduceMax", count, keepdims=0), one)
    place = graph.op("Unsqueeze", graph.op("Range", zero, longest, one), graph.constant([0], "i64"))  # [1, M]
    real = graph.op("Less", place, count)  # [B, M]
    index = graph.op("Where", real, graph.op("Add", first, place), zero)
    own = graph.op("Where", real, graph.op("Gather", graph.stored(f"share{level}"), index), graph.constant(0, "f32"))
    rest = graph.op("Gather", graph.stored(f"rest{level}"), node)
    shares = graph.op("Mul", shares, graph.op("Where", known, rest, graph.constant(1, "f32")))
    words = graph.op("Gather", _whole(graph, f"word{level}"), index)
    return graph.op("ScatterElements", shares, words, own, axis=1, reduction="add"), known

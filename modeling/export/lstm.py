"""The graph of the LSTM classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import LSTMConfig


def lstm_graphs(config: LSTMConfig, weights: Weights) -> list[Graph]:
    """The role "classifier": texts B of T tokens, right-padded, to labels. On the CPU only: it is quick there."""
    graph = GraphBuilder(weights)
    graph.input("input_ids", "i64", ["B", "T"])
    graph.input("lengths", "i32", ["B"])
    directions = ("", "_reverse") if config.bidirectional else ("",)
    x = graph.op("Transpose", graph.rows("embedding.weight", "input_ids"), perm=[1, 0, 2])  # [T, B, E]
    stacked = [_stacked(graph, name, config.hidden, directions) for name in ("weight_ih_l0", "weight_hh_l0")]
    state = graph.op(
        "LSTM", x, *stacked, _biases(graph, config.hidden, directions), "lengths", outputs=["", "state"],
        hidden_size=config.hidden, direction="bidirectional" if config.bidirectional else "forward",
    )[1]
    flat = graph.constant([0, config.hidden * len(directions)], "i64")
    state = graph.op("Reshape", graph.op("Transpose", state, perm=[1, 0, 2]), flat)  # [B, directions * H]
    columns = graph.weights.tensors["head.weight"].shape[0]
    logits = graph.linear(state, "head.weight", "head.bias", [graph.output("logits", "f32", ["B", columns])])
    probabilities = graph.output("probabilities", "f32", ["B", config.labels])
    if columns == 1:
        graph.op("Sigmoid", graph.op("Concat", graph.op("Neg", logits), logits, axis=1), outputs=[probabilities])
    else:
        graph.op("Softmax", logits, outputs=[probabilities], axis=-1)
    return [graph.finish(role="classifier", file="classifier.cpu.onnx")]


def _reordered(graph: GraphBuilder, name: str, hidden: int) -> str:
    """PyTorch keeps the gates as input, forget, cell, output; ONNX wants input, output, forget, cell."""
    sizes = graph.constant([hidden] * 4, "i64")
    i, f, c, o = graph.op("Split", graph.weight(f"lstm.{name}"), sizes, count=4, axis=0)
    return str(graph.op("Concat", i, o, f, c, axis=0))


def _stacked(graph: GraphBuilder, name: str, hidden: int, directions: tuple[str, ...]) -> str:
    """[directions, 4 H, in]"""
    axis = graph.constant([0], "i64")
    parts = [graph.op("Unsqueeze", _reordered(graph, name + end, hidden), axis) for end in directions]
    return str(graph.op("Concat", *parts, axis=0))


def _biases(graph: GraphBuilder, hidden: int, directions: tuple[str, ...]) -> str:
    """[directions, 8 H]: of the input, then of the state."""
    axis = graph.constant([0], "i64")
    pairs = [[_reordered(graph, name + end, hidden) for name in ("bias_ih_l0", "bias_hh_l0")] for end in directions]
    rows = [graph.op("Unsqueeze", graph.op("Concat", *pair, axis=0), axis) for pair in pairs]
    return str(graph.op("Concat", *rows, axis=0))

"""The graph of the recurrent classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeling.export.classifier import labelled, real_positions, texts
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import LSTMConfig

GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""ONNX's order of the gates by PyTorch's: input, output, forget, cell; update, reset, new."""


def lstm_graphs(config: LSTMConfig, weights: Weights) -> list[Graph]:
    """The role "classifier": texts B of T tokens, right-padded, to labels. On the CPU only: it is quick there."""
    graph = GraphBuilder(weights)
    texts(graph)
    x = graph.op("Transpose", graph.rows("embedding.weight", "input_ids"), perm=[1, 0, 2])  # [T, B, E]
    state = ""
    for layer in range(config.layers):
        states, state = _recurrent(graph, x, "lstm" if layer == 0 else f"more.{layer - 1}", config)
        flat = graph.constant([0, 0, config.state], "i64")
        if layer < config.layers - 1 or config.attention:
            x = graph.op("Reshape", graph.op("Transpose", states, perm=[0, 2, 1, 3]), flat)  # [T, B, directions * H]
    if config.attention:
        return [labelled(graph, _attended(graph, graph.op("Transpose", x, perm=[1, 0, 2])), config)]
    flat = graph.constant([0, config.state], "i64")
    pooled = graph.op("Reshape", graph.op("Transpose", state, perm=[1, 0, 2]), flat)  # [B, directions * H]
    return [labelled(graph, pooled, config)]


def _recurrent(graph: GraphBuilder, x: str, name: str, config: LSTMConfig) -> tuple[str, str]:
    """All states [T, directions, B, H] of a layer on x [T, B, in], and the last ones [directions, B, H]."""
    directions = ("", "_reverse") if config.bidirectional else ("",)
    matrices = [_stacked(graph, f"{name}.{kind}_l0", config, directions) for kind in ("weight_ih", "weight_hh")]
    outputs = [f"{name}_states", f"{name}_last"]
    extra = {"linear_before_reset": 1} if config.cell == "gru" else {}
    graph.op(config.cell.upper(), x, *matrices, _biases(graph, name, config, directions), "lengths", outputs=outputs,
             hidden_size=config.hidden, direction="bidirectional" if config.bidirectional else "forward", **extra)
    return outputs[0], outputs[1]


def _attended(graph: GraphBuilder, states: str) -> str:
    """The mean [B, D] of the states [B, T, D], weighed by how each answers the learned query."""
    scores = graph.linear(graph.op("Tanh", graph.linear(states, "attention.weight", "attention.bias")), "query.weight")
    real = graph.op("Unsqueeze", real_positions(graph), graph.constant([2], "i64"))
    scores = graph.op("Where", real, scores, graph.constant(-1e4, "f32"))  # [B, T, 1]
    weighed = graph.op("Mul", graph.op("Softmax", scores, axis=1), graph.op("Where", real, states, _zero(graph)))
    return str(graph.op("ReduceSum", weighed, graph.constant([1], "i64"), keepdims=0))


def _zero(graph: GraphBuilder) -> str:
    return graph.constant(0.0, "f32")


def _reordered(graph: GraphBuilder, name: str, config: LSTMConfig) -> str:
    """A matrix or bias with its gates in ONNX's order."""
    order = GATES[config.cell]
    if len(order) == 1:
        return graph.weight(name)
    sizes = graph.constant([config.hidden] * len(order), "i64")
    parts = graph.op("Split", graph.weight(name), sizes, count=len(order), axis=0)
    return str(graph.op("Concat", *(parts[place] for place in order), axis=0))


def _stacked(graph: GraphBuilder, name: str, config: LSTMConfig, directions: tuple[str, ...]) -> str:
    """[directions, gates * H, in]"""
    axis = graph.constant([0], "i64")
    parts = [graph.op("Unsqueeze", _reordered(graph, name + end, config), axis) for end in directions]
    return str(graph.op("Concat", *parts, axis=0))


def _biases(graph: GraphBuilder, name: str, config: LSTMConfig, directions: tuple[str, ...]) -> str:
    """[directions, 2 * gates * H]: of the input, then of the state."""
    axis = graph.constant([0], "i64")
    pairs = [[_reordered(graph, f"{name}.{kind}_l0{end}", config) for kind in ("bias_ih", "bias_hh")]
             for end in directions]
    rows = [graph.op("Unsqueeze", graph.op("Concat", *pair, axis=0), axis) for pair in pairs]
    return str(graph.op("Concat", *rows, axis=0))

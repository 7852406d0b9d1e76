"""The graph of the recurrent language model: a chunk of tokens a row and a state in, the next token and the state out.

Past and present may share their memory: the recurrent operators write their last states to memory of their own, and
what is written to `present_` depends on the only node that reads `past_`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modeling.export.decoder import head
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.sampling import sample
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import RecurrentLMConfig

ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn": (0,)}
"""PyTorch keeps the gates as input, forget, cell, output (reset, update, new); ONNX wants i, o, f, c (z, r, h)."""
OPERATORS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}


def recurrent_lm_graphs(config: RecurrentLMConfig, weights: Weights) -> list[Graph]:
    """The role "decoder". Rows B, chunk S. On the CPU only: a step of it is too small for another device."""
    graph = GraphBuilder(weights)
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("last", "i64", ["B", 1])
    x = graph.op("Transpose", graph.rows("embedding.weight", "input_ids"), perm=[1, 0, 2])  # [S, B, E]
    for number, (_, size) in enumerate(config.sizes()):
        x = recurrent(graph, x, f"layers.{number}.inner", cell=config.cell, size=size, number=number)
    x = graph.op("Transpose", x, perm=[1, 0, 2])  # [B, S, E]
    x = graph.op("GatherND", x, "last", batch_dims=1)  # [B, E]
    sample(graph, head(graph, x, ["B", config.vocabulary_size]), config.vocabulary_size)
    return [graph.finish(role="decoder", file="decoder.cpu.onnx")]


def recurrent(graph: GraphBuilder, x: str, prefix: str, *, cell: str, size: int, number: int, rows: str = "B") -> str:
    """One layer over x [S, B, in] from a state [B, H] that is an input and an output of the graph: [S, B, H]."""
    parts = "hc" if cell == "lstm" else "h"
    axis = graph.constant([0], "i64")
    past = [graph.op("Unsqueeze", graph.input(f"past_{part}{number}", graph.float, [rows, size]), axis)
            for part in parts]
    weights = [stacked(graph, [f"{prefix}.weight_{side}_l0"], cell, size) for side in ("ih", "hh")]
    biases = stacked(graph, [f"{prefix}.bias_{side}_l0" for side in ("ih", "hh")], cell, size)
    extra: dict[str, Any] = {"linear_before_reset": 1} if cell == "gru" else {}
    found = graph.op(OPERATORS[cell], x, *weights, biases, "", *past, count=1 + len(parts), hidden_size=size, **extra)
    for part, state in zip(parts, found[1:], strict=True):
        graph.op("Squeeze", state, axis, outputs=[graph.output(f"present_{part}{number}", graph.float, [rows, size])])
    return str(graph.op("Squeeze", found[0], graph.constant([1], "i64")))  # of one direction


def stacked(graph: GraphBuilder, names: list[str], cell: str, size: int) -> str:
    """Weights [1, gates * H, in] or biases [1, 2 * gates * H] in ONNX's order of the gates."""
    found: list[str] = []
    for name in names:
        gates = graph.op("Split", graph.weight(name), graph.constant([size] * len(ORDER[cell]), "i64"),
                         count=len(ORDER[cell]), axis=0)
        gates = [gates] if isinstance(gates, str) else gates
        found += [gates[place] for place in ORDER[cell]]
    whole = graph.op("Concat", *found, axis=0)
    return str(graph.op("Unsqueeze", whole, graph.constant([0], "i64")))

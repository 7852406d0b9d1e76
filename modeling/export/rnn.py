"""The graphs of the recurrent encoder-decoders: an encoder that leaves what is attended to, a decoder that
makes one step.

Past and present share their memory: every node that reads a `past_` is an ancestor of the one that writes its
`present_`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modeling.export.copying import best, copied
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.recurrent_lm import OPERATORS, recurrent, stacked
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs.rnn import PointerConfig, RNNConfig

    Config = PointerConfig | RNNConfig

RESET: dict[str, dict[str, Any]] = {"gru": {"linear_before_reset": 1}, "lstm": {}}
ROOM = 32
"""The coverage has room for a multiple of it, as sources have in the engine."""


def rnn_graphs(config: Config, weights: Weights) -> list[Graph]:
    """The roles "encoder" and "decoder", on the CPU only: a step is too small for another device."""
    return [_encoder(config, GraphBuilder(weights)), _decoder(config, GraphBuilder(weights))]


def _encoder(config: Config, graph: GraphBuilder) -> Graph:
    """Sources B, tokens S, right-padded, to keys [B, 1, S, H], states [B, 1, S, 2H] and the decoder's first states."""
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("attention_mask", "i32", ["B", "S"])
    lengths = graph.op("ReduceSum", "attention_mask", graph.constant([1], "i64"), keepdims=0)
    table = "source_embedding.weight" if config.source_vocabulary_size else "embedding.weight"
    x = graph.op("Transpose", graph.rows(table, "input_ids"), perm=[1, 0, 2])  # [S, B, E]
    last = ""
    for layer in range(config.layers):
        x, last = _both_ways(graph, x, f"encoder.{layer}", lengths, config)
    x = graph.op("Transpose", x, perm=[1, 0, 2])  # [B, S, 2H]
    keys = graph.linear(x, "attention.key.weight", "attention.key.bias")
    one = graph.constant([1], "i64")
    for name, part, size in (("cross_k0", keys, config.hidden), ("cross_v0", x, 2 * config.hidden)):
        graph.op("Unsqueeze", part, one, outputs=[graph.output(name, "f32", ["B", 1, "S", size])])
    if not hasattr(config, "directions"):
        shape = graph.constant([0, 1, -1, 1], "i64")
        graph.op("Reshape", "input_ids", shape, outputs=[graph.output("cross_ids", "i64", ["B", 1, "S", 1])])
    _bridge(graph, last, config)
    return graph.finish(role="encoder", file="encoder.cpu.onnx")


def _both_ways(graph: GraphBuilder, x: str, prefix: str, lengths: str, config: Config) -> tuple[str, str]:
    """x [S, B, in] to the states [S, B, 2H], and the last ones of both directions [2, B, H]."""
    matrices = [graph.op("Concat", *(stacked(graph, [f"{prefix}.{name}{end}" for name in names], config.cell,
                                             config.hidden) for end in ("", "_reverse")), axis=0)
               for names in (["weight_ih_l0"], ["weight_hh_l0"], ["bias_ih_l0", "bias_hh_l0"])]
    states, last, *_ = graph.op(
        OPERATORS[config.cell], x, *matrices, lengths, count=1 + config.states, hidden_size=config.hidden,
        direction="bidirectional", **RESET[config.cell])  # fmt: skip
    swapped = graph.op("Transpose", states, perm=[0, 2, 1, 3])  # [S, B, 2, H]
    return graph.op("Reshape", swapped, graph.constant([0, 0, 2 * config.hidden], "i64")), last


def _bridge(graph: GraphBuilder, last: str, config: Config) -> None:
    flat = graph.op("Reshape", graph.op("Transpose", last, perm=[1, 0, 2]),
                    graph.constant([0, 2 * config.hidden], "i64"))
    begun = graph.op("Tanh", graph.linear(flat, "bridge.weight", "bridge.bias"))
    names = [f"start_{part}{layer}" for layer in range(config.layers) for part in "hc"[: config.states]]
    outputs = [graph.output(name, "f32", ["B", config.hidden]) for name in names]
    if len(outputs) == 1:
        graph.op("Identity", begun, outputs=outputs)
    else:
        graph.op("Split", begun, graph.constant([config.hidden] * len(names), "i64"), outputs=outputs, axis=1)


def _decoder(config: Config, graph: GraphBuilder) -> Graph:
    """One token for each of R = G groups x W hypotheses; the W rows of a group share what their source left."""
    graph.input("input_ids", "i64", ["R", 1])
    graph.input("cross_mask", "i32", ["G", "S"])
    graph.input("query_shape", "i64", [3])
    copies = not hasattr(config, "directions")
    feeding, covering = getattr(config, "input_feeding", True), getattr(config, "coverage", False)
    token = x = graph.rows("embedding.weight", "input_ids")  # [R, 1, E]
    if feeding:
        fed = graph.op("Unsqueeze", graph.input("past_fed", "f32", ["R", config.embedding]), graph.constant([1], "i64"))
        x = graph.op("Concat", token, fed, axis=2)
    x = graph.op("Transpose", x, perm=[1, 0, 2])  # [1, R, in]
    for layer in range(config.layers):
        x = recurrent(graph, x, f"decoder.{layer}", cell=config.cell, size=config.hidden, number=layer, rows="R")
    state = graph.op("Squeeze", x, graph.constant([0], "i64"))  # [R, H]
    context, shares = _attention(graph, state, config, covering)
    both = graph.op("Concat", state, context, axis=1)  # [R, 3H]
    outputs = [graph.output("present_fed", "f32", ["R", config.embedding])] if feeding else []
    readout = graph.op("Tanh", graph.linear(both, "readout.weight", "readout.bias"), outputs=outputs)
    table = "embedding.weight" if config.tied else "head.weight"
    if copies:
        logits = graph.linear(readout, table)
        seen = graph.op("Concat", both, graph.op("Squeeze", token, graph.constant([1], "i64")), axis=1)
        writing = graph.op("Sigmoid", graph.linear(seen, "writing.weight", "writing.bias"))
        copied(graph, logits, writing, shares, config.vocabulary_size)
    else:
        logits = graph.output("logits", "f32", ["R", config.vocabulary_size])
        best(graph, graph.linear(readout, table, outputs=[logits]), config.vocabulary_size)
    return graph.finish(role="decoder", file="decoder.cpu.onnx")


def _attention(graph: GraphBuilder, state: str, config: Config, covering: bool) -> tuple[str, str]:
    """Of states [R, H] what they attend to [R, 2H], and the shares [G, W, S]."""
    hidden = config.hidden
    keys = graph.input("cross_k0", "f32", ["G", 1, "S", hidden])
    values = graph.input("cross_v0", "f32", ["G", 1, "S", 2 * hidden])
    asked = graph.op("Reshape", graph.linear(state, "attention.query.weight"), "query_shape")  # [G, W, H]
    energy = graph.op("Add", keys, graph.op("Unsqueeze", asked, graph.constant([2], "i64")))  # [G, W, S, H]
    if covering:
        seen, rest = _seen(graph, config)
        column = graph.op("Unsqueeze", seen, graph.constant([3], "i64"))  # [G, W, S, 1]
        vector = graph.op("Reshape", graph.weight("attention.coverage.weight"), graph.constant([hidden], "i64"))
        energy = graph.op("Add", energy, graph.op("Mul", column, vector))
    scores = graph.linear(graph.op("Tanh", energy), "attention.score.weight")  # [G, W, S, 1]
    scores = graph.op("Squeeze", scores, graph.constant([3], "i64"))
    ahead = graph.op("Sub", graph.op("Cast", "cross_mask", to=1), graph.constant(1, "f32"))
    bias = graph.op("Unsqueeze", graph.op("Mul", ahead, graph.constant(1e4, "f32")), graph.constant([1], "i64"))
    shares = graph.op("Softmax", graph.op("Add", scores, bias), axis=-1)
    if covering:
        rows = graph.op("Reshape", graph.op("Add", seen, shares), _rows_by_source(graph))
        graph.op("Concat", rows, rest, axis=1,
                 outputs=[graph.output("present_seen", "f32", ["R", room_of(config)])])
    context = graph.op("MatMul", shares, graph.op("Squeeze", values, graph.constant([1], "i64")))  # [G, W, 2H]
    return graph.op("Reshape", context, graph.constant([-1, 2 * hidden], "i64")), shares


def room_of(config: Config) -> int:
    return -(-config.context // ROOM) * ROOM


def _seen(graph: GraphBuilder, config: Config) -> tuple[str, str]:
    """The coverage of the source's places [G, W, S], and the room behind them [R, ...]."""
    past = graph.input("past_seen", "f32", ["R", room_of(config)])
    size = graph.op("Shape", "cross_mask", start=1, end=2)
    zero, one = graph.constant([0], "i64"), graph.constant([1], "i64")
    here = graph.op("Slice", past, zero, size, one)
    rest = graph.op("Slice", past, size, graph.constant([room_of(config)], "i64"), one)
    first = graph.op("Slice", "query_shape", zero, graph.constant([2], "i64"))
    return graph.op("Reshape", here, graph.op("Concat", first, size, axis=0)), rest


def _rows_by_source(graph: GraphBuilder) -> str:
    """The shape [R, S]."""
    return str(graph.op("Concat", graph.constant([-1], "i64"), graph.op("Shape", "cross_mask", start=1, end=2), axis=0))

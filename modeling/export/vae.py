"""The graphs of the sentence autoencoder: one reads a sentence, the other writes one from latent numbers.

The latent numbers are a part of the decoder's state that never changes: `past_z` comes out as `present_z`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeling.export.decoder import head
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.recurrent_lm import recurrent, stacked
from modeling.export.sampling import sample
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import VAEConfig


def vae_graphs(config: VAEConfig, weights: Weights) -> list[Graph]:
    """The roles "encoder" and "decoder". On the CPU only: a step is too small for another device."""
    return [_encoder(config, GraphBuilder(weights)), _decoder(config, GraphBuilder(weights))]


def _encoder(config: VAEConfig, graph: GraphBuilder) -> Graph:
    """Sentences [B, T] with their marks, right-padded, and their lengths [B] to mean and log variance [B, L]."""
    graph.input("input_ids", "i64", ["B", "T"])
    graph.input("lengths", "i32", ["B"])
    half = config.hidden // 2
    x = graph.op("Transpose", graph.rows("embedding.weight", "input_ids"), perm=[1, 0, 2])  # [T, B, E]
    weights = [_both(graph, names, half) for names in (["weight_ih"], ["weight_hh"], ["bias_ih", "bias_hh"])]
    state = graph.op("LSTM", x, *weights, "lengths", outputs=["", "state"], hidden_size=half,
                     direction="bidirectional")[1]  # fmt: skip
    flat = graph.op("Reshape", graph.op("Transpose", state, perm=[1, 0, 2]), graph.constant([0, 2 * half], "i64"))
    posterior = graph.linear(flat, "posterior.weight", "posterior.bias")  # [B, 2 L]
    outputs = [graph.output(name, "f32", ["B", config.latent]) for name in ("mean", "log_variance")]
    graph.op("Split", posterior, graph.constant([config.latent] * 2, "i64"), outputs=outputs, axis=-1)
    return graph.finish(role="encoder", file="encoder.cpu.onnx")


def _both(graph: GraphBuilder, names: list[str], half: int) -> str:
    """Weights or biases of the encoder's directions, [2, ...]."""
    parts = [stacked(graph, [f"encoder.{name}_l0{end}" for name in names], "lstm", half) for end in ("", "_reverse")]
    return str(graph.op("Concat", *parts, axis=0))


def _decoder(config: VAEConfig, graph: GraphBuilder) -> Graph:
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("last", "i64", ["B", 1])
    z = graph.input("past_z", "f32", ["B", config.latent])
    graph.op("Identity", z, outputs=[graph.output("present_z", "f32", ["B", config.latent])])
    x = graph.op("Transpose", graph.rows("embedding.weight", "input_ids"), perm=[1, 0, 2])  # [S, B, E]
    one = graph.constant([1], "i64")
    steps = graph.op("Concat", graph.op("Shape", "input_ids", start=1, end=2), one, one, axis=0)
    beside = graph.op("Expand", graph.op("Unsqueeze", z, graph.constant([0], "i64")), steps)  # [S, B, L]
    x = graph.op("Concat", x, beside, axis=-1)
    x = recurrent(graph, x, "decoder", cell="lstm", size=config.hidden, number=0)
    x = graph.op("GatherND", graph.op("Transpose", x, perm=[1, 0, 2]), "last", batch_dims=1)  # [B, H]
    x = graph.linear(x, "out.weight", "out.bias")
    sample(graph, head(graph, x, ["B", config.vocabulary_size]), config.vocabulary_size)
    return graph.finish(role="decoder", file="decoder.cpu.onnx")

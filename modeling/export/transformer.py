"""The graphs of the translation transformer: an encoder that leaves keys and values, a decoder that makes one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeling.export.blocks import cached_attention, normed, rotary_tables, self_attention, swiglu
from modeling.export.decoder import head
from modeling.export.graph import Graph, GraphBuilder, Shape
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import TransformerConfig

BEST = 16  # candidates a row brings to the beam search: twice the widest beam, so that ended ones leave enough


def transformer_graphs(config: TransformerConfig, weights: Weights) -> list[Graph]:
    """The roles "encoder" and "decoder" for both devices."""
    builders = [(build, GraphBuilder(weights, device)) for device in ("cpu", "cuda") for build in (_encoder, _decoder)]
    return [build(config, graph) for build, graph in builders]


def _encoder(config: TransformerConfig, graph: GraphBuilder) -> Graph:
    """Sources B, tokens S, right-padded, to the keys and values [B, H, S, hd] of each decoder layer."""
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("attention_mask", "i32", ["B", "S"])
    size = config.width // config.heads
    tables = rotary_tables(graph, length=config.context, size=size, theta=config.theta)
    stream, added = graph.rows("embedding.weight", "input_ids"), None  # [B, S, D]
    for layer in range(config.encoder_layers):
        prefix = f"encoder.layers.{layer}"
        x, stream = normed(graph, stream, added, f"{prefix}.attention_norm.weight")
        added = self_attention(graph, x, f"{prefix}.attention", heads=config.heads, width=config.width, tables=tables,
                               mask="attention_mask")
        x, stream = normed(graph, stream, added, f"{prefix}.feed_forward_norm.weight")
        added = swiglu(graph, x, f"{prefix}.feed_forward", config.hidden)
    x, _ = normed(graph, stream, added, "encoder.norm.weight")
    for layer in range(config.decoder_layers):
        _cross_cache(graph, x, layer, config)
    return graph.finish(role="encoder", file=f"encoder.{graph.device}.onnx")


def _cross_cache(graph: GraphBuilder, x: str, layer: int, config: TransformerConfig) -> None:
    packed = graph.linear(x, f"decoder.layers.{layer}.cross_attention.kv.weight")  # [B, S, 2 D]
    parts = graph.op("Split", packed, graph.constant([config.width] * 2, "i64"), count=2, axis=-1)
    size = config.width // config.heads
    for name, part in zip("kv", parts, strict=True):
        output = graph.output(f"cross_{name}{layer}", graph.float, ["B", config.heads, "S", size])
        heads = graph.op("Reshape", part, graph.constant([0, 0, config.heads, size], "i64"))
        graph.op("Transpose", heads, outputs=[output], perm=[0, 2, 1, 3])


def _decoder(config: TransformerConfig, graph: GraphBuilder) -> Graph:
    """One token for each of R = G groups x W hypotheses; the W rows of a group share its source's keys and values."""
    graph.input("input_ids", "i64", ["R", 1])
    graph.input("seqlens_k", "i32", ["R"])
    graph.input("total", "i32", [])
    graph.input("cross_mask", "i32", ["G", "S"])
    graph.input("query_shape", "i64", [3])
    tables = rotary_tables(graph, length=config.context, size=config.width // config.heads, theta=config.theta)
    stream, added = graph.rows("embedding.weight", "input_ids"), None  # [R, 1, D]
    for layer in range(config.decoder_layers):
        prefix = f"decoder.layers.{layer}"
        x, stream = normed(graph, stream, added, f"{prefix}.attention_norm.weight")
        added = cached_attention(graph, x, f"{prefix}.attention", layer=layer, heads=config.heads,
                                 kv_heads=config.heads, tables=tables, rows="R")
        x, stream = normed(graph, stream, added, f"{prefix}.cross_norm.weight")
        added = _cross_attention(graph, x, f"{prefix}.cross_attention", layer, config)
        x, stream = normed(graph, stream, added, f"{prefix}.feed_forward_norm.weight")
        added = swiglu(graph, x, f"{prefix}.feed_forward", config.hidden)
    x, _ = normed(graph, stream, added, "decoder.norm.weight")
    x = graph.op("Squeeze", x, graph.constant([1], "i64"))  # [R, D]
    best(graph, head(graph, x, ["R", config.vocabulary_size]), config.vocabulary_size)
    return graph.finish(role="decoder", file=f"decoder.{graph.device}.onnx")


def _cross_attention(graph: GraphBuilder, x: str, prefix: str, layer: int, config: TransformerConfig) -> str:
    """The query is seen as [G, W, D], so that keys and values are never copied for each hypothesis."""
    shape: Shape = ["G", config.heads, "S", config.width // config.heads]
    cache = [graph.input(f"cross_{part}{layer}", graph.float, shape) for part in "kv"]
    query = graph.op("Reshape", graph.linear(x, f"{prefix}.q.weight"), "query_shape")
    attended = graph.op("MultiHeadAttention", query, *cache, "", "cross_mask", num_heads=config.heads)
    rows = graph.op("Reshape", attended, graph.constant([-1, 1, config.width], "i64"))
    return graph.linear(rows, f"{prefix}.out.weight")


def best(graph: GraphBuilder, logits: str, vocabulary_size: int) -> None:
    """The candidates of each row as outputs."""
    shown = min(BEST, vocabulary_size)
    names = [graph.output("top_logprobs", "f32", ["R", shown]), graph.output("top_ids", "i64", ["R", shown])]
    graph.op("TopK", graph.op("LogSoftmax", logits, axis=-1), graph.constant([shown], "i64"), outputs=names, axis=-1)

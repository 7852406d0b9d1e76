"""The graph of the language model: a chunk of tokens a row in, the next token of each row out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.blocks import cached_attention, normed, rotary_tables, swiglu
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.sampling import sample
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import DecoderConfig


def decoder_graphs(config: DecoderConfig, weights: Weights) -> list[Graph]:
    """The role "decoder" for both devices. Rows B, chunk S, cache capacity C, KV heads, head size hd."""
    return [_decoder(config, GraphBuilder(weights, device)) for device in ("cpu", "cuda")]


def _decoder(config: DecoderConfig, graph: GraphBuilder) -> Graph:
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("last", "i64", ["B", 1])
    graph.input("seqlens_k", "i32", ["B"])
    graph.input("total", "i32", [])
    size = config.width // config.heads
    tables = rotary_tables(graph, length=config.context, size=size, theta=config.theta)
    stream, added = graph.rows("embedding.weight", "input_ids"), None  # [B, S, D]
    for layer in range(config.layers):
        prefix = f"layers.{layer}"
        x, stream = normed(graph, stream, added, f"{prefix}.attention_norm.weight")
        added = cached_attention(graph, x, f"{prefix}.attention", layer=layer, heads=config.heads,
                                 kv_heads=config.kv_heads, tables=tables)
        x, stream = normed(graph, stream, added, f"{prefix}.feed_forward_norm.weight")
        added = swiglu(graph, x, f"{prefix}.feed_forward", config.hidden)
    x, _ = normed(graph, stream, added, "norm.weight")
    x = graph.op("GatherND", x, "last", batch_dims=1)  # [B, D]: the head sees one position a row
    logits = head(graph, x, ["B", config.vocabulary_size])
    sample(graph, logits, config.vocabulary_size)
    return graph.finish(role="decoder", file=f"decoder.{graph.device}.onnx")


def head(graph: GraphBuilder, x: str, shape: list[str | int]) -> str:
    """The tied head: fp32 logits as an output, whatever the graph computes in."""
    name = graph.output("logits", "f32", shape)
    if graph.float == "f32":
        return graph.linear(x, "embedding.weight", outputs=[name])
    return str(graph.op("Cast", graph.linear(x, "embedding.weight"), outputs=[name], to=TensorProto.FLOAT))

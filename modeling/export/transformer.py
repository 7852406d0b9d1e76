"""The graphs of the encoder-decoder transformers: an encoder that leaves keys and values, a decoder of one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeling.export.blocks import cached_attention, normed, rotary_tables, self_attention, swiglu
from modeling.export.copying import best, copied
from modeling.export.graph import Graph, GraphBuilder, Shape
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs.transformer import CopyingTransformerConfig, TransformerConfig

    Config = CopyingTransformerConfig | TransformerConfig


def transformer_graphs(config: Config, weights: Weights) -> list[Graph]:
    """The roles "encoder" and "decoder" for both devices."""
    builders = [(build, GraphBuilder(weights, device)) for device in ("cpu", "cuda") for build in (_encoder, _decoder)]
    return [build(config, graph) for build, graph in builders]


def _encoder(config: Config, graph: GraphBuilder) -> Graph:
    """Sources B, tokens S, right-padded, to the keys and values [B, H, S, hd] of each decoder layer."""
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("attention_mask", "i32", ["B", "S"])
    size = config.width // config.heads
    tables = rotary_tables(graph, length=config.context, size=size, theta=config.theta)
    table = "source_embedding.weight" if config.source_vocabulary_size else "embedding.weight"
    stream, added = graph.rows(table, "input_ids"), None  # [B, S, D]
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
    if _copies(config):
        _copy_keys(graph, x, config)
    return graph.finish(role="encoder", file=f"encoder.{graph.device}.onnx")


def _cross_cache(graph: GraphBuilder, x: str, layer: int, config: Config) -> None:
    packed = graph.linear(x, f"decoder.layers.{layer}.cross_attention.kv.weight")  # [B, S, 2 D]
    parts = graph.op("Split", packed, graph.constant([config.width] * 2, "i64"), count=2, axis=-1)
    size = config.width // config.heads
    for name, part in zip("kv", parts, strict=True):
        output = graph.output(f"cross_{name}{layer}", graph.float, ["B", config.heads, "S", size])
        heads = graph.op("Reshape", part, graph.constant([0, 0, config.heads, size], "i64"))
        graph.op("Transpose", heads, outputs=[output], perm=[0, 2, 1, 3])


def _decoder(config: Config, graph: GraphBuilder) -> Graph:
    """One token for each of R = G groups x W hypotheses; the W rows of a group share its source's keys and values."""
    graph.input("input_ids", "i64", ["R", 1])
    graph.input("seqlens_k", "i32", ["R"])
    graph.input("total", "i32", [])
    graph.input("cross_mask", "i32", ["G", "S"])
    graph.input("query_shape", "i64", [3])
    tables = rotary_tables(graph, length=getattr(config, "target_context", config.context),
                           size=config.width // config.heads, theta=config.theta)
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
    table = "embedding.weight" if config.tied else "output.weight"
    if _copies(config):
        logits = _wide(graph, graph.linear(x, table))
        writing = _wide(graph, graph.op("Sigmoid", graph.linear(x, "writing.weight", "writing.bias")))
        copied(graph, logits, writing, _copy_shares(graph, x, config), config.vocabulary_size)
    else:
        name = graph.output("logits", "f32", ["R", config.vocabulary_size])
        best(graph, _wide(graph, graph.linear(x, table), name), config.vocabulary_size)
    return graph.finish(role="decoder", file=f"decoder.{graph.device}.onnx")


def _cross_attention(graph: GraphBuilder, x: str, prefix: str, layer: int, config: Config) -> str:
    """The query is seen as [G, W, D], so that keys and values are never copied for each hypothesis."""
    shape: Shape = ["G", config.heads, "S", config.width // config.heads]
    cache = [graph.input(f"cross_{part}{layer}", graph.float, shape) for part in "kv"]
    query = graph.op("Reshape", graph.linear(x, f"{prefix}.q.weight"), "query_shape")
    attended = graph.op("MultiHeadAttention", query, *cache, "", "cross_mask", num_heads=config.heads)
    rows = graph.op("Reshape", attended, graph.constant([-1, 1, config.width], "i64"))
    return graph.linear(rows, f"{prefix}.out.weight")


def _wide(graph: GraphBuilder, x: str, name: str = "") -> str:
    """In fp32, whatever the graph computes in."""
    kind = "Identity" if graph.float == "f32" else "Cast"
    return str(graph.op(kind, x, outputs=[name] if name else (), **({} if kind == "Identity" else {"to": 1})))


def _copies(config: Config) -> bool:
    return not hasattr(config, "directions")


def _copy_keys(graph: GraphBuilder, x: str, config: Config) -> None:
    """What the copying head asks [B, 1, S, D], and the ids that it may copy [B, 1, S, 1]."""
    keys, one = graph.linear(x, "copy_key.weight"), graph.constant([1], "i64")
    graph.op("Unsqueeze", keys, one, outputs=[graph.output("cross_copy", graph.float, ["B", 1, "S", config.width])])
    ids = graph.output("cross_ids", "i64", ["B", 1, "S", 1])
    graph.op("Reshape", "input_ids", graph.constant([0, 1, -1, 1], "i64"), outputs=[ids])


def _copy_shares(graph: GraphBuilder, x: str, config: Config) -> str:
    """The copying head's shares of the source's tokens f32 [G, W, S], of states [R, D]."""
    keys = graph.input("cross_copy", graph.float, ["G", 1, "S", config.width])
    keys = graph.op("Squeeze", keys, graph.constant([1], "i64"))  # [G, S, D]
    asked = graph.op("Reshape", graph.linear(x, "copy_query.weight"), "query_shape")  # [G, W, D]
    scores = graph.op("FusedMatMul", asked, keys, transB=1, alpha=config.width**-0.5)
    ahead = graph.op("Sub", graph.op("Cast", "cross_mask", to=1), graph.constant(1, "f32"))
    bias = graph.op("Unsqueeze", graph.op("Mul", ahead, graph.constant(1e4, "f32")), graph.constant([1], "i64"))
    return str(graph.op("Softmax", graph.op("Add", _wide(graph, scores), bias), axis=-1))

"""The graphs of T5: the bias by distance goes into the attention kernels, also into the one with a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.graph import Graph, GraphBuilder
from modeling.export.seq2seq import cached, choose, cross_attention, cross_cache, decoder_inputs, parts_of
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs.t5 import T5Config


def t5_graphs(config: T5Config, weights: Weights) -> list[Graph]:
    """The roles "encoder" and "decoder" for both devices."""
    builders = [(build, GraphBuilder(weights, device)) for device in ("cpu", "cuda") for build in (_encoder, _decoder)]
    return [build(config, graph) for build, graph in builders]


def _encoder(config: T5Config, graph: GraphBuilder) -> Graph:
    """Sources B, tokens S, right-padded, to the keys and values [B, H, S, hd] of each decoder layer."""
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("attention_mask", "i32", ["B", "S"])
    stream, added, bias = graph.rows("embedding.weight", "input_ids"), None, _between(graph, config)
    inner = config.heads * config.head_size
    for layer in range(config.encoder_layers):
        prefix = f"encoder.layers.{layer}"
        x, stream = _normed(graph, config, stream, added, f"{prefix}.attention_norm")
        parts = parts_of(graph, graph.linear(x, f"{prefix}.attention.qkv.weight"), inner, 3)
        attended = graph.op("MultiHeadAttention", *parts, "", "attention_mask", bias, num_heads=config.heads, scale=1.0)
        added = graph.linear(attended, f"{prefix}.attention.out.weight")
        x, stream = _normed(graph, config, stream, added, f"{prefix}.feed_forward_norm")
        added = _feed_forward(graph, config, x, f"{prefix}.feed_forward")
    x, _ = _normed(graph, config, stream, added, "encoder.norm")
    for layer in range(config.decoder_layers):
        packed = graph.linear(x, f"decoder.layers.{layer}.cross_attention.kv.weight")
        cross_cache(graph, packed, layer, config.heads, config.head_size)
    return graph.finish(role="encoder", file=f"encoder.{graph.device}.onnx")


def _between(graph: GraphBuilder, config: T5Config) -> str:
    """The bias [1, H, S, S] of each pair of places."""
    size = graph.op("Squeeze", graph.op("Shape", "input_ids", start=1, end=2))
    places = graph.op("Range", graph.constant(0, "i64"), size, graph.constant(1, "i64"))
    rows = graph.op("Unsqueeze", graph.op("Add", places, graph.constant(config.context - 1, "i64")),
                    graph.constant([1], "i64"))
    found = graph.rows("encoder.bias.weight", graph.op("Sub", rows, places))  # [S, S, H]
    return str(graph.op("Unsqueeze", graph.op("Transpose", found, perm=[2, 0, 1]), graph.constant([0], "i64")))


def _decoder(config: T5Config, graph: GraphBuilder) -> Graph:
    decoder_inputs(graph)
    inner, bias = config.heads * config.head_size, _behind(graph)
    stream, added = graph.rows("embedding.weight", "input_ids"), None  # [R, 1, D]
    for layer in range(config.decoder_layers):
        prefix = f"decoder.layers.{layer}"
        x, stream = _normed(graph, config, stream, added, f"{prefix}.attention_norm")
        parts = parts_of(graph, graph.linear(x, f"{prefix}.attention.qkv.weight"), inner, 3)
        attended = cached(graph, parts, layer, config.heads, config.head_size, "", "", "", bias, scale=1.0)
        added = graph.linear(attended, f"{prefix}.attention.out.weight")
        x, stream = _normed(graph, config, stream, added, f"{prefix}.cross_norm")
        query = graph.linear(x, f"{prefix}.cross_attention.q.weight")
        attended = cross_attention(graph, query, layer, config.heads, config.head_size, 1.0)
        added = graph.linear(attended, f"{prefix}.cross_attention.out.weight")
        x, stream = _normed(graph, config, stream, added, f"{prefix}.feed_forward_norm")
        added = _feed_forward(graph, config, x, f"{prefix}.feed_forward")
    x, _ = _normed(graph, config, stream, added, "decoder.norm")
    x = graph.op("Squeeze", x, graph.constant([1], "i64"))  # [R, D]
    if config.scaled:
        x = graph.op("Mul", x, graph.constant(config.width**-0.5, graph.float))
    choose(graph, graph.linear(x, "embedding.weight" if config.tied else "head.weight"), config.vocabulary_size)
    return graph.finish(role="decoder", file=f"decoder.{graph.device}.onnx")


def _behind(graph: GraphBuilder) -> str:
    """The bias [R, H, 1, T] of the newest token of each row to all up to `total`; places behind it are never read."""
    one = graph.constant([1], "i64")
    total = graph.op("Cast", "total", to=TensorProto.INT64)
    places = graph.op("Range", graph.constant(0, "i64"), total, graph.constant(1, "i64"))
    newest = graph.op("Unsqueeze", graph.op("Cast", "seqlens_k", to=TensorProto.INT64), one)
    distance = graph.op("Max", graph.op("Sub", newest, places), graph.constant([0], "i64"))  # [R, T]
    found = graph.op("Transpose", graph.rows("decoder.bias.weight", distance), perm=[0, 2, 1])  # [R, H, T]
    return str(graph.op("Unsqueeze", found, graph.constant([2], "i64")))


def _normed(graph: GraphBuilder, config: T5Config, x: str, added: str | None, prefix: str) -> tuple[str, str]:
    """RMSNorm of the residual stream x, to which `added` is added first: (normed, new residual stream)."""
    gain = graph.weight(f"{prefix}.weight")
    if added is None:
        return graph.op("RMSNormalization", x, gain, epsilon=config.epsilon, axis=-1), x
    outputs = [f"{prefix}_normed", "", "", f"{prefix}_stream"]
    graph.op("SkipSimplifiedLayerNormalization", x, added, gain, outputs=outputs, epsilon=config.epsilon)
    return outputs[0], outputs[3]


def _feed_forward(graph: GraphBuilder, config: T5Config, x: str, prefix: str) -> str:
    packed = graph.linear(x, f"{prefix}.up.weight")
    if config.activation == "relu":
        return graph.linear(graph.op("Relu", packed), f"{prefix}.down.weight")
    gate, up = parts_of(graph, packed, config.hidden, 2)
    return graph.linear(graph.op("Mul", graph.op("Gelu", gate, approximate="tanh"), up), f"{prefix}.down.weight")

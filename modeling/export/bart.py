"""The graphs of BART and Marian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onnx import TensorProto

from modeling.export.graph import Graph, GraphBuilder
from modeling.export.seq2seq import cached, choose, cross_attention, cross_cache, decoder_inputs, linear, parts_of
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs.bart import BartConfig

EPSILON = 1e-5  # of LayerNorm, as in PyTorch
ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "gelu": ("Gelu", {"approximate": "none"}), "gelu_tanh": ("Gelu", {"approximate": "tanh"}),
    "silu": ("QuickGelu", {"alpha": 1.0}), "relu": ("Relu", {}),
}


def bart_graphs(config: BartConfig, weights: Weights) -> list[Graph]:
    """The roles "encoder" and "decoder" for both devices."""
    builders = [(build, GraphBuilder(weights, device)) for device in ("cpu", "cuda") for build in (_encoder, _decoder)]
    return [build(config, graph) for build, graph in builders]


def _encoder(config: BartConfig, graph: GraphBuilder) -> Graph:
    """Sources B, tokens S, right-padded, to the keys and values [B, H, S, hd] of each decoder layer."""
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("attention_mask", "i32", ["B", "S"])
    zero, length = graph.constant([0], "i64"), graph.op("Shape", "input_ids", start=1, end=2)
    positions = graph.op("Slice", graph.weight("encoder.positions.weight"), zero, length, zero)  # [S, D]
    x = _placed(graph, config, positions, "encoder")
    for layer in range(config.encoder_layers):
        prefix = f"encoder.layers.{layer}"
        parts = parts_of(graph, linear(graph, x, f"{prefix}.attention.qkv", bias=True), config.width, 3)
        attended = graph.op("MultiHeadAttention", *parts, "", "attention_mask", num_heads=config.heads)
        x = _added(graph, x, attended, f"{prefix}.attention.out", f"{prefix}.attention_norm")
        x = _feed_forward(graph, config, x, prefix)
    size = config.width // config.heads
    for layer in range(config.decoder_layers):
        packed = linear(graph, x, f"decoder.layers.{layer}.cross_attention.kv", bias=True)
        cross_cache(graph, packed, layer, config.heads, size)
    return graph.finish(role="encoder", file=f"encoder.{graph.device}.onnx")


def _decoder(config: BartConfig, graph: GraphBuilder) -> Graph:
    decoder_inputs(graph)
    size, one = config.width // config.heads, graph.constant([1], "i64")
    places = graph.op("Unsqueeze", graph.op("Cast", "seqlens_k", to=TensorProto.INT64), one)  # [R, 1]
    x = _placed(graph, config, graph.rows("decoder.positions.weight", places), "decoder")  # [R, 1, D]
    for layer in range(config.decoder_layers):
        prefix = f"decoder.layers.{layer}"
        packed = linear(graph, x, f"{prefix}.attention.qkv", bias=True)
        attended = cached(graph, [packed, "", ""], layer, config.heads, size)
        x = _added(graph, x, attended, f"{prefix}.attention.out", f"{prefix}.attention_norm")
        query = linear(graph, x, f"{prefix}.cross_attention.q", bias=True)
        attended = cross_attention(graph, query, layer, config.heads, size, None)
        x = _added(graph, x, attended, f"{prefix}.cross_attention.out", f"{prefix}.cross_norm")
        x = _feed_forward(graph, config, x, prefix)
    x = graph.op("Squeeze", x, one)  # [R, D]
    choose(graph, graph.linear(x, "embedding.weight", "head_bias"), config.vocabulary_size)
    return graph.finish(role="decoder", file=f"decoder.{graph.device}.onnx")


def _placed(graph: GraphBuilder, config: BartConfig, positions: str, side: str) -> str:
    x = graph.op("Mul", graph.rows("embedding.weight", "input_ids"), graph.constant(config.scale, graph.float))
    x = graph.op("Add", x, positions)
    if not config.embedding_norm:
        return str(x)
    affine = [graph.weight(f"{side}.norm.{part}") for part in ("weight", "bias")]
    return str(graph.op("LayerNormalization", x, *affine, epsilon=EPSILON, axis=-1))


def _added(graph: GraphBuilder, x: str, y: str, linear_map: str, norm: str) -> str:
    """LayerNorm of x and of the linear map of y, added up with its bias."""
    affine = [graph.weight(f"{norm}.{part}") for part in ("weight", "bias")]
    product = graph.linear(y, f"{linear_map}.weight")
    bias = graph.weight(f"{linear_map}.bias")
    return str(graph.op("SkipLayerNormalization", product, x, *affine, bias, epsilon=EPSILON))


def _feed_forward(graph: GraphBuilder, config: BartConfig, x: str, prefix: str) -> str:
    kind, attributes = ACTIVATIONS[config.activation]
    inner = graph.op(kind, linear(graph, x, f"{prefix}.feed_forward.up", bias=True), **attributes)
    return _added(graph, x, inner, f"{prefix}.feed_forward.down", f"{prefix}.feed_forward_norm")

"""The graph of causal language models from elsewhere, with the inputs and outputs of the language model's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from modeling.export.graph import Graph, GraphBuilder, Shape
from modeling.export.sampling import sample
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import CausalConfig


def causal_graphs(config: CausalConfig, weights: Weights) -> list[Graph]:
    """The role "decoder" for both devices. Rows B, chunk S, cache capacity C, KV heads, head size hd."""
    return [_decoder(config, GraphBuilder(weights, device)) for device in ("cpu", "cuda")]


def _decoder(config: CausalConfig, graph: GraphBuilder) -> Graph:
    graph.input("input_ids", "i64", ["B", "S"])
    graph.input("last", "i64", ["B", 1])
    graph.input("seqlens_k", "i32", ["B"])
    graph.input("total", "i32", [])
    stream, added = graph.rows("embedding.weight", "input_ids"), None  # [B, S, D]
    tables: tuple[str, ...] = ()
    if config.positions == "learned":
        stream = graph.op("Add", stream, graph.rows("positions.weight", _places(graph, config)))
    else:
        angles = np.outer(np.arange(config.context, dtype=np.float32), np.array(config.frequencies(), np.float32))
        tables = tuple(graph.constant(turn(angles), graph.float) for turn in (np.cos, np.sin))
    for layer in range(config.layers):
        prefix = f"layers.{layer}"
        x, stream = _normed(graph, config, stream, added, f"{prefix}.attention_norm")
        added = _attention(graph, config, x, layer, tables)
        x, stream = _normed(graph, config, stream, added, f"{prefix}.feed_forward_norm")
        added = _feed_forward(graph, config, x, f"{prefix}.feed_forward")
    x, _ = _normed(graph, config, stream, added, "norm")
    x = graph.op("GatherND", x, "last", batch_dims=1)  # [B, D]: the head sees one position a row
    logits = _head(graph, x, "embedding.weight" if config.tied else "head.weight", config.vocabulary_size)
    sample(graph, logits, config.vocabulary_size)
    return graph.finish(role="decoder", file=f"decoder.{graph.device}.onnx")


def _places(graph: GraphBuilder, config: CausalConfig) -> str:
    """Positions [B, S] of a chunk: those before it are in the cache, and a first prompt may be padded at the right."""
    size = graph.op("Shape", "input_ids", start=1, end=2)
    one = graph.constant([1], "i64")
    after = graph.op("Add", graph.op("Cast", "seqlens_k", to=TensorProto.INT64), one)  # [B]
    start = graph.op("Max", graph.op("Sub", after, size), graph.constant([0], "i64"))
    zero, step = graph.constant(0, "i64"), graph.constant(1, "i64")
    within = graph.op("Range", zero, graph.op("Squeeze", size), step)  # [S]
    places = graph.op("Add", graph.op("Unsqueeze", start, one), within)
    return str(graph.op("Min", places, graph.constant([config.learned_positions - 1], "i64")))


def _normed(graph: GraphBuilder, config: CausalConfig, x: str, added: str | None, prefix: str) -> tuple[str, str]:
    """The norm of the residual stream x, to which `added` is added first: (normed, new residual stream)."""
    affine = [graph.weight(f"{prefix}.weight")]
    kinds = ("RMSNormalization", "SkipSimplifiedLayerNormalization")
    if config.norm == "layer":
        affine.append(graph.weight(f"{prefix}.bias"))
        kinds = ("LayerNormalization", "SkipLayerNormalization")
    if added is None:
        return graph.op(kinds[0], x, *affine, epsilon=config.epsilon, axis=-1), x
    outputs = [f"{prefix}_normed", "", "", f"{prefix}_stream"]
    graph.op(kinds[1], x, added, *affine, outputs=outputs, epsilon=config.epsilon)
    return outputs[0], outputs[3]


def _linear(graph: GraphBuilder, x: str, prefix: str, *, bias: bool) -> str:
    return graph.linear(x, f"{prefix}.weight", f"{prefix}.bias" if bias else None)


def _attention(graph: GraphBuilder, config: CausalConfig, x: str, layer: int, tables: tuple[str, ...]) -> str:
    """Over a cache that is written in place; declares its inputs and outputs."""
    prefix, shape = f"layers.{layer}.attention", ("B", config.kv_heads, "C", config.head_size)
    past = [graph.input(f"past_{part}{layer}", graph.float, shape) for part in "kv"]
    present = [graph.output(f"present_{part}{layer}", graph.float, shape) for part in "kv"]
    packed = _linear(graph, x, f"{prefix}.qkv", bias=config.biases != "none")
    parts = _queries(graph, config, packed, prefix) if config.qk_norm else [packed, "", ""]
    attended = graph.op(
        "GroupQueryAttention", *parts, *past, "seqlens_k", "total", *tables, outputs=[f"attended_{layer}", *present],
        num_heads=config.heads, kv_num_heads=config.kv_heads, do_rotary=int(bool(tables)), rotary_interleaved=0)[0]
    return _linear(graph, attended, f"{prefix}.out", bias=config.biases == "all")


def _queries(graph: GraphBuilder, config: CausalConfig, packed: str, prefix: str) -> list[str]:
    """Queries, keys and values apart, [B, S, heads * hd] each; queries and keys normed head by head."""
    sizes = [heads * config.head_size for heads in (config.heads, config.kv_heads, config.kv_heads)]
    parts = graph.op("Split", packed, graph.constant(sizes, "i64"), count=3, axis=-1)
    for index, name in enumerate("qk"):
        heads = graph.op("Reshape", parts[index], graph.constant([0, 0, -1, config.head_size], "i64"))
        gain = graph.weight(f"{prefix}.{name}_norm.weight")
        normed = graph.op("RMSNormalization", heads, gain, epsilon=config.epsilon, axis=-1)
        parts[index] = graph.op("Reshape", normed, graph.constant([0, 0, sizes[index]], "i64"))
    return list(parts)


def _feed_forward(graph: GraphBuilder, config: CausalConfig, x: str, prefix: str) -> str:
    bias = config.biases == "all"
    if config.activation != "swiglu":
        kind = "tanh" if config.activation == "gelu_tanh" else "none"
        inner = graph.op("Gelu", _linear(graph, x, f"{prefix}.up", bias=bias), approximate=kind)
        return _linear(graph, inner, f"{prefix}.down", bias=bias)
    packed = _linear(graph, x, f"{prefix}.gate_up", bias=bias)
    gate, up = graph.op("Split", packed, graph.constant([config.hidden] * 2, "i64"), count=2, axis=-1)
    inner = graph.op("Mul", graph.op("QuickGelu", gate, alpha=1.0), up)  # with alpha 1 it is SiLU
    return _linear(graph, inner, f"{prefix}.down", bias=bias)


def _head(graph: GraphBuilder, x: str, weight: str, vocabulary_size: int) -> str:
    """fp32 logits as an output, whatever the graph computes in."""
    shape: Shape = ["B", vocabulary_size]
    name = graph.output("logits", "f32", shape)
    if graph.float == "f32":
        return graph.linear(x, weight, outputs=[name])
    return str(graph.op("Cast", graph.linear(x, weight), outputs=[name], to=TensorProto.FLOAT))

"""Graph pieces of imported encoder-decoders, with the inputs and outputs of the translation transformer's graphs."""

from __future__ import annotations

from typing import Any

from onnx import TensorProto

from modeling.export.copying import best
from modeling.export.graph import GraphBuilder, Shape


def decoder_inputs(graph: GraphBuilder) -> None:
    """One token for each of R = G groups x W hypotheses; the W rows of a group share its source."""
    graph.input("input_ids", "i64", ["R", 1])
    graph.input("seqlens_k", "i32", ["R"])
    graph.input("total", "i32", [])
    graph.input("cross_mask", "i32", ["G", "S"])
    graph.input("query_shape", "i64", [3])


def linear(graph: GraphBuilder, x: str, prefix: str, *, bias: bool) -> str:
    return graph.linear(x, f"{prefix}.weight", f"{prefix}.bias" if bias else None)


def parts_of(graph: GraphBuilder, packed: str, size: int, count: int) -> list[str]:
    return list(graph.op("Split", packed, graph.constant([size] * count, "i64"), count=count, axis=-1))


def cross_cache(graph: GraphBuilder, packed: str, layer: int, heads: int, size: int) -> None:
    """Keys and values [B, S, 2 H hd] of the source as outputs [B, H, S, hd]."""
    for name, part in zip("kv", parts_of(graph, packed, heads * size, 2), strict=True):
        output = graph.output(f"cross_{name}{layer}", graph.float, ["B", heads, "S", size])
        split = graph.op("Reshape", part, graph.constant([0, 0, heads, size], "i64"))
        graph.op("Transpose", split, outputs=[output], perm=[0, 2, 1, 3])


def cross_attention(graph: GraphBuilder, query: str, layer: int, heads: int, size: int, scale: float | None) -> str:
    """The query [R, 1, H hd] is seen as [G, W, H hd], so that keys and values are never copied for each hypothesis."""
    shape: Shape = ["G", heads, "S", size]
    cache = [graph.input(f"cross_{part}{layer}", graph.float, shape) for part in "kv"]
    seen = graph.op("Reshape", query, "query_shape")
    scaling: dict[str, Any] = {} if scale is None else {"scale": scale}
    attended = graph.op("MultiHeadAttention", seen, *cache, "", "cross_mask", num_heads=heads, **scaling)
    return str(graph.op("Reshape", attended, graph.constant([-1, 1, heads * size], "i64")))


def cached(graph: GraphBuilder, parts: list[str], layer: int, heads: int, size: int, *extra: str,
           scale: float | None = None) -> str:
    """Self-attention over a cache that is written in place; declares its inputs and outputs."""
    shape: Shape = ["R", heads, "C", size]
    past = [graph.input(f"past_{part}{layer}", graph.float, shape) for part in "kv"]
    present = [graph.output(f"present_{part}{layer}", graph.float, shape) for part in "kv"]
    scaling: dict[str, Any] = {} if scale is None else {"scale": scale}
    return str(graph.op("GroupQueryAttention", *parts, *past, "seqlens_k", "total", *extra, num_heads=heads,
                        kv_num_heads=heads, outputs=[f"attended_{layer}", *present], **scaling)[0])


def choose(graph: GraphBuilder, logits: str, vocabulary_size: int) -> None:
    """The last node: fp32 logits as an output, and the best of them."""
    name = graph.output("logits", "f32", ["R", vocabulary_size])
    kind = "Identity" if graph.float == "f32" else "Cast"
    graph.op(kind, logits, outputs=[name], **({} if kind == "Identity" else {"to": TensorProto.FLOAT}))
    best(graph, name, vocabulary_size)

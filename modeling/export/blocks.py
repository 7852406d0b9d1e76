"""Graph pieces that the decoder and the translation transformer share: norms, rotary positions, SwiGLU."""

from __future__ import annotations

import numpy as np

from modeling.export.graph import GraphBuilder, Shape

EPSILON = 1e-5  # of RMSNorm, as in modeling.models.layers


def rotary_tables(graph: GraphBuilder, *, length: int, size: int, theta: float) -> tuple[str, str]:
    """Constant cosines and sines [length, size / 2] in the graph's float type."""
    frequencies = theta ** (-np.arange(0, size, 2, dtype=np.float32) / np.float32(size))
    angles = np.outer(np.arange(length, dtype=np.float32), frequencies.astype(np.float32))
    return graph.constant(np.cos(angles), graph.float), graph.constant(np.sin(angles), graph.float)


def normed(graph: GraphBuilder, x: str, added: str | None, weight: str) -> tuple[str, str]:
    """RMSNorm of the residual stream x, to which `added` is added first: (normed, new residual stream)."""
    gain = graph.weight(weight)
    if added is None:
        return graph.op("RMSNormalization", x, gain, epsilon=EPSILON, axis=-1), x
    stem = f"{weight}_{len(graph.nodes)}"
    outputs = [f"{stem}_normed", "", "", f"{stem}_stream"]
    graph.op("SkipSimplifiedLayerNormalization", x, added, gain, outputs=outputs, epsilon=EPSILON)
    return outputs[0], outputs[3]


def swiglu(graph: GraphBuilder, x: str, prefix: str, hidden: int) -> str:
    """down(silu(gate) * up); QuickGelu with alpha 1 is SiLU."""
    sizes = graph.constant([hidden, hidden], "i64")
    gate, up = graph.op("Split", graph.linear(x, f"{prefix}.gate_up.weight"), sizes, count=2, axis=-1)
    return graph.linear(graph.op("Mul", graph.op("QuickGelu", gate, alpha=1.0), up), f"{prefix}.down.weight")


def self_attention(
    graph: GraphBuilder, x: str, prefix: str, *, heads: int, width: int, tables: tuple[str, str], mask: str
) -> str:
    """Rotary self-attention of whole, right-padded texts; mask [B, T] is 1 for what is real."""
    sizes = graph.constant([width] * 3, "i64")
    q, k, v = graph.op("Split", graph.linear(x, f"{prefix}.qkv.weight"), sizes, count=3, axis=-1)
    first = graph.constant([0], "i64")  # positions count from 0 in every row
    q, k = (graph.op("RotaryEmbedding", part, first, *tables) for part in (q, k))
    attended = graph.op("MultiHeadAttention", q, k, v, "", mask, num_heads=heads)
    return graph.linear(attended, f"{prefix}.out.weight")


def cached_attention(
    graph: GraphBuilder, x: str, prefix: str, *, layer: int, heads: int, kv_heads: int, tables: tuple[str, str],
    rows: str = "B",
) -> str:
    """Rotary self-attention over a cache that is written in place; declares its inputs and outputs."""
    shape: Shape = [rows, kv_heads, "C", graph.weights.tensors[f"{prefix}.out.weight"].shape[1] // heads]
    past = [graph.input(f"past_{part}{layer}", graph.float, shape) for part in "kv"]
    present = [graph.output(f"present_{part}{layer}", graph.float, shape) for part in "kv"]
    packed = graph.linear(x, f"{prefix}.qkv.weight")
    attended = graph.op(
        "GroupQueryAttention", packed, "", "", *past, "seqlens_k", "total", *tables,
        outputs=[f"attended_{layer}", *present],
        num_heads=heads, kv_num_heads=kv_heads, do_rotary=1, rotary_interleaved=0,
    )[0]
    return graph.linear(attended, f"{prefix}.out.weight")

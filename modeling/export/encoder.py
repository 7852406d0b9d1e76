"""The graph of the Transformer encoder that classifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.blocks import normed, rotary_tables, self_attention, swiglu
from modeling.export.classifier import first, labelled, mean, real_positions, texts
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import EncoderConfig


def encoder_graphs(config: EncoderConfig, weights: Weights) -> list[Graph]:
    """The role "classifier" for both devices: texts B of T tokens, right-padded, to labels."""
    return [_classifier(config, GraphBuilder(weights, device)) for device in ("cpu", "cuda")]


def _classifier(config: EncoderConfig, graph: GraphBuilder) -> Graph:
    texts(graph)
    real = real_positions(graph)
    mask = graph.op("Cast", real, to=TensorProto.INT32)
    tables = rotary_tables(graph, length=config.length, size=config.width // config.heads, theta=config.theta)
    stream, added = graph.rows("embedding.weight", "input_ids"), None  # [B, T, D]
    for layer in range(config.layers):
        prefix = f"layers.{layer}"
        x, stream = normed(graph, stream, added, f"{prefix}.attention_norm.weight")
        added = self_attention(graph, x, f"{prefix}.attention", heads=config.heads, width=config.width, tables=tables,
                               mask=mask)
        x, stream = normed(graph, stream, added, f"{prefix}.feed_forward_norm.weight")
        added = swiglu(graph, x, f"{prefix}.feed_forward", config.hidden)
    x, _ = normed(graph, stream, added, "norm.weight")
    return labelled(graph, first(graph, x) if config.pooling == "first" else mean(graph, x, real), config)

"""The graph of the encoder that finds passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.bert import encoded
from modeling.export.classifier import first, mean, real_positions, texts
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs.dual import DualConfig

EPSILON = 1e-12  # of torch.nn.functional.normalize


def dual_graphs(config: DualConfig, weights: Weights) -> list[Graph]:
    """The role "embedder" for both devices: marked texts B of T tokens, right-padded, to vectors [B, D] of length 1."""
    return [_embedder(config, GraphBuilder(weights, device)) for device in ("cpu", "cuda")]


def _embedder(config: DualConfig, graph: GraphBuilder) -> Graph:
    texts(graph)
    real = real_positions(graph)
    mask = graph.op("Cast", real, to=TensorProto.INT32)
    x = encoded(graph, config, mask)
    pooled = first(graph, x) if config.pooling == "first" else mean(graph, x, real)
    wide = pooled if graph.float == "f32" else graph.op("Cast", pooled, to=TensorProto.FLOAT)
    length = graph.op("ReduceL2", wide, graph.constant([1], "i64"), keepdims=1)
    output = graph.output("vectors", "f32", ["B", config.width])
    graph.op("Div", wide, graph.op("Max", length, graph.constant([EPSILON], "f32")), outputs=[output])
    return graph.finish(role="embedder", file=f"embedder.{graph.device}.onnx")

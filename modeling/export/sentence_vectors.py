"""The graph of sentences as vectors: a sum of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeling.export.classifier import as_column, real_positions, texts
from modeling.export.dual import EPSILON
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import LexRankConfig


def sentence_vector_graphs(config: LexRankConfig, weights: Weights) -> list[Graph]:
    """The role "embedder": words B x T, right-padded, to vectors [B, D]. On the CPU only: it is quick there."""
    graph = GraphBuilder(weights)
    texts(graph)
    vectors = graph.rows("embedding.weight", "input_ids")  # [B, T, D]
    places = graph.constant([1], "i64")
    total = graph.op("ReduceSum", graph.op("Mul", vectors, as_column(graph, real_positions(graph))), places, keepdims=0)
    length = graph.op("ReduceL2", total, places, keepdims=1)
    output = graph.output("vectors", "f32", ["B", config.dimensions])
    graph.op("Div", total, graph.op("Max", length, graph.constant([EPSILON], "f32")), outputs=[output])
    return [graph.finish(role="embedder", file="embedder.cpu.onnx")]

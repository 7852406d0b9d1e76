"""The graph of the convolutional classifier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeling.export.classifier import as_column, labelled, real_positions, texts
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import CNNConfig


def cnn_graphs(config: CNNConfig, weights: Weights) -> list[Graph]:
    """The role "classifier": texts B of T tokens, right-padded, to labels. On the CPU only: it is quick there."""
    graph = GraphBuilder(weights)
    texts(graph)
    real = as_column(graph, real_positions(graph))  # [B, T, 1]
    x = graph.op("Mul", graph.rows("embedding.weight", "input_ids"), real)
    x = graph.op("Transpose", x, perm=[0, 2, 1])  # [B, E, T]
    real = graph.op("Transpose", real, perm=[0, 2, 1])
    found = [_highest(graph, x, real, number, width) for number, width in enumerate(config.widths)]
    return [labelled(graph, graph.op("Concat", *found, axis=1), config)]


def _highest(graph: GraphBuilder, x: str, real: str, number: int, width: int) -> str:
    """The highest answer of each filter of a width: [B, F]."""
    name = f"filters.{number}"
    answers = graph.op("Conv", x, graph.weight(f"{name}.weight"), graph.weight(f"{name}.bias"),
                       kernel_shape=[width], pads=[(width - 1) // 2, width // 2])
    answers = graph.op("Mul", graph.op("Relu", answers), real)  # [B, F, T]
    return str(graph.op("ReduceMax", answers, graph.constant([2], "i64"), keepdims=0))

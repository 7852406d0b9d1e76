"""What the graphs of all classifiers share: which positions are real, their mean, the head and its probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.graph import TYPES, Graph, GraphBuilder

if TYPE_CHECKING:
    from modeling.configs.classifier import ClassifierConfig


def texts(graph: GraphBuilder) -> None:
    """The inputs: texts B of T ids, right-padded, and how many ids each has."""
    graph.input("input_ids", "i64", ["B", "T"])
    graph.input("lengths", "i32", ["B"])


def real_positions(graph: GraphBuilder) -> str:
    """Whether a position is no padding: bool [B, T]."""
    length = graph.op("Squeeze", graph.op("Shape", "input_ids", start=1, end=2))
    places = graph.op("Range", graph.constant(0, "i64"), length, graph.constant(1, "i64"))
    counts = graph.op("Unsqueeze", graph.op("Cast", "lengths", to=TensorProto.INT64), graph.constant([1], "i64"))
    return str(graph.op("Less", graph.op("Unsqueeze", places, graph.constant([0], "i64")), counts))


def as_column(graph: GraphBuilder, real: str) -> str:
    """[B, T, 1], 1 or 0 in the graph's float type."""
    column = graph.op("Unsqueeze", real, graph.constant([2], "i64"))
    return str(graph.op("Cast", column, to=TYPES[graph.float]))


def mean(graph: GraphBuilder, x: str, real: str) -> str:
    """Of the real positions of x [B, T, D]: [B, D]."""
    column, places = as_column(graph, real), graph.constant([1], "i64")
    total = graph.op("ReduceSum", graph.op("Mul", x, column), places, keepdims=0)
    return str(graph.op("Div", total, graph.op("ReduceSum", column, places, keepdims=0)))


def first(graph: GraphBuilder, x: str) -> str:
    """The first position of x [B, T, D]: [B, D]."""
    return str(graph.op("Gather", x, graph.constant(0, "i64"), axis=1))


def labelled(graph: GraphBuilder, pooled: str, config: ClassifierConfig) -> Graph:
    """The head on [B, D]: logits, and for each label its probability."""
    name = graph.output("logits", "f32", ["B", config.outputs])
    if graph.float == "f32":
        logits = graph.linear(pooled, "head.weight", "head.bias", [name])
    else:
        half = graph.linear(pooled, "head.weight", "head.bias")
        logits = graph.op("Cast", half, outputs=[name], to=TensorProto.FLOAT)
    probabilities = graph.output("probabilities", "f32", ["B", config.labels])
    if config.several:
        graph.op("Sigmoid", logits, outputs=[probabilities])
    elif config.outputs == 1:
        graph.op("Sigmoid", graph.op("Concat", graph.op("Neg", logits), logits, axis=1), outputs=[probabilities])
    else:
        graph.op("Softmax", logits, outputs=[probabilities], axis=-1)
    return graph.finish(role="classifier", file=f"classifier.{graph.device}.onnx")

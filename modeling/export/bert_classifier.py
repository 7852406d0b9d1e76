"""The graph of a fine-tuned encoder that classifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.bert import affine, block
from modeling.export.classifier import first, labelled, mean, real_positions, texts
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import BertClassifierConfig


def bert_classifier_graphs(config: BertClassifierConfig, weights: Weights) -> list[Graph]:
    """The role "classifier" for both devices: marked texts B of T tokens, right-padded, to labels."""
    return [_classifier(config, GraphBuilder(weights, device)) for device in ("cpu", "cuda")]


def _classifier(config: BertClassifierConfig, graph: GraphBuilder) -> Graph:
    texts(graph)
    real = real_positions(graph)
    mask = graph.op("Cast", real, to=TensorProto.INT32)
    x = embedded(graph, config)
    for layer in range(config.layers):
        x = block(graph, x, mask, f"layers.{layer}", config, config.epsilon)
    return labelled(graph, first(graph, x) if config.pooling == "first" else mean(graph, x, real), config)


def embedded(graph: GraphBuilder, config: BertClassifierConfig) -> str:
    """Words, places and the first segment of marked texts: [B, T, D]."""
    start, axis = graph.constant([config.offset], "i64"), graph.constant([0], "i64")
    end = graph.op("Add", graph.op("Shape", "input_ids", start=1, end=2), start)
    x = graph.rows("embeddings.word.weight", "input_ids")
    x = graph.op("Add", x, graph.op("Slice", graph.weight("embeddings.position.weight"), start, end, axis))
    if config.types:
        segment = graph.op("Gather", graph.weight("embeddings.segment.weight"), graph.constant(0, "i64"), axis=0)
        x = graph.op("Add", x, segment)
    norm = affine(graph, "embeddings.norm")
    return str(graph.op("LayerNormalization", x, *norm, epsilon=config.epsilon, axis=-1))

"""The graph of a fine-tuned encoder that classifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.bert import encoded
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
    x = encoded(graph, config, mask)
    return labelled(graph, first(graph, x) if config.pooling == "first" else mean(graph, x, real), config)

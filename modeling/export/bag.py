"""The graph of the bag of n-grams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modeling.export.classifier import labelled, mean, real_positions, texts
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import BagConfig


def bag_graphs(config: BagConfig, weights: Weights) -> list[Graph]:
    """The role "classifier": tokens and n-grams B x T, right-padded, to labels. On the CPU only: it is quick there."""
    graph = GraphBuilder(weights)
    texts(graph)
    vectors = graph.rows("embedding.weight", "input_ids")  # [B, T, E]
    return [labelled(graph, mean(graph, vectors, real_positions(graph)), config)]

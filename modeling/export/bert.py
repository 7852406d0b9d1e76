"""The graph of BERT and its kin: the encoder, and the reader on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights

if TYPE_CHECKING:
    from modeling.configs import BertClassifierConfig, BertConfig

    EncoderConfig = BertConfig | BertClassifierConfig


def bert_graphs(config: BertConfig, weights: Weights) -> list[Graph]:
    """The role "reader": windows B of T tokens, right-padded, to the logits of starts and ends."""
    return [_reader(config, GraphBuilder(weights, device)) for device in ("cpu", "cuda")]


def _reader(config: BertConfig, graph: GraphBuilder) -> Graph:
    for name in ("input_ids", "token_type_ids", "attention_mask"):
        graph.input(name, "i64", ["B", "T"])
    mask = graph.op("Cast", "attention_mask", to=TensorProto.INT32)
    _spans(graph, encoded(graph, config, mask, types="token_type_ids"))
    return graph.finish(role="reader", file=f"reader.{graph.device}.onnx")


def encoded(graph: GraphBuilder, config: EncoderConfig, mask: str, types: str = "") -> str:
    """The last states [B, T, D] of marked texts; mask [B, T] is 1 for what is real."""
    x = _embedded(graph, config, types)
    for layer in range(config.layers):
        x = _block(graph, x, mask, f"layers.{layer}", config)
    return x


def _embedded(graph: GraphBuilder, config: EncoderConfig, types: str) -> str:
    """Words, places and segments (the first one where nothing is said): [B, T, D]."""
    start, axis = graph.constant([config.offset], "i64"), graph.constant([0], "i64")
    end = graph.op("Add", graph.op("Shape", "input_ids", start=1, end=2), start)
    x = graph.rows("embeddings.word.weight", "input_ids")
    x = graph.op("Add", x, graph.op("Slice", graph.weight("embeddings.position.weight"), start, end, axis))
    if types and config.types > 1:
        x = graph.op("Add", x, graph.rows("embeddings.segment.weight", types))
    elif config.types:
        segment = graph.op("Gather", graph.weight("embeddings.segment.weight"), graph.constant(0, "i64"), axis=0)
        x = graph.op("Add", x, segment)
    return str(graph.op("LayerNormalization", x, *affine(graph, "embeddings.norm"), epsilon=config.epsilon, axis=-1))


def _block(graph: GraphBuilder, x: str, mask: str, prefix: str, config: EncoderConfig) -> str:
    """Post-norm attention and feed-forward of x [B, T, D]."""
    packed = graph.linear(x, f"{prefix}.attention.qkv.weight", f"{prefix}.attention.qkv.bias")
    parts = graph.op("Split", packed, graph.constant([config.width] * 3, "i64"), count=3, axis=-1)
    attended = graph.op("MultiHeadAttention", *parts, "", mask, num_heads=config.heads)
    y = graph.linear(attended, f"{prefix}.attention.out.weight")
    x = _normed(graph, y, x, f"{prefix}.attention_norm", f"{prefix}.attention.out.bias", config.epsilon)
    y = graph.linear(x, f"{prefix}.feed_forward.up.weight")
    y = graph.op("BiasGelu", y, graph.weight(f"{prefix}.feed_forward.up.bias"))
    y = graph.linear(y, f"{prefix}.feed_forward.down.weight")
    return _normed(graph, y, x, f"{prefix}.feed_forward_norm", f"{prefix}.feed_forward.down.bias", config.epsilon)


def _normed(graph: GraphBuilder, y: str, x: str, norm: str, bias: str, epsilon: float) -> str:
    """LayerNorm of y + bias + x."""
    return str(graph.op("SkipLayerNormalization", y, x, *affine(graph, norm), graph.weight(bias), epsilon=epsilon))


def affine(graph: GraphBuilder, norm: str) -> list[str]:
    """Gain and bias of a LayerNorm."""
    return [graph.weight(f"{norm}.weight"), graph.weight(f"{norm}.bias")]


def _spans(graph: GraphBuilder, x: str) -> None:
    logits = graph.linear(x, "span.weight", "span.bias")  # [B, T, 2]
    if graph.float != "f32":
        logits = graph.op("Cast", logits, to=TensorProto.FLOAT)
    parts = graph.op("Split", logits, graph.constant([1, 1], "i64"), count=2, axis=-1)
    for name, part in zip(("start_logits", "end_logits"), parts, strict=True):
        graph.op("Squeeze", part, graph.constant([-1], "i64"), outputs=[graph.output(name, "f32", ["B", "T"])])

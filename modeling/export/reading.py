"""The graphs of the readers that learn from nothing; inputs and outputs as those of the BERT reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from modeling.export.blocks import EPSILON, rotary_tables, swiglu
from modeling.export.graph import Graph, GraphBuilder
from modeling.export.weights import Weights
from modeling.text import SPECIAL_TOKENS

if TYPE_CHECKING:
    from modeling.configs.reading import QANetConfig, ReaderConfig, TransformerReaderConfig

THETA = 10_000.0  # as in modeling.models.transformer_reader
FAR = -1e4  # as in modeling.models.qanet
Tables = tuple[str, str]


def transformer_reader_graphs(config: TransformerReaderConfig, weights: Weights) -> list[Graph]:
    """The role "reader" for both devices."""
    return [_transformer(config, GraphBuilder(weights, device)) for device in ("cpu", "cuda")]


def qanet_graphs(config: QANetConfig, weights: Weights) -> list[Graph]:
    """The role "reader" for both devices."""
    return [_qanet(config, GraphBuilder(weights, device)) for device in ("cpu", "cuda")]


def _transformer(config: TransformerReaderConfig, graph: GraphBuilder) -> Graph:
    x = _embedded(graph)
    mask, tables = _padding(graph), _tables(config, graph)
    for layer in range(config.layers):
        x = _block(graph, x, f"layers.{layer}", config, tables, mask)
    logits = graph.linear(_normed(graph, x, "norm"), "span.weight", "span.bias")  # [B, T, 2]
    parts = graph.op("Split", logits, graph.constant([1, 1], "i64"), count=2, axis=-1)
    return _finished(graph, parts)


def _qanet(config: QANetConfig, graph: GraphBuilder) -> Graph:
    x = _embedded(graph)  # [B, T, D]
    mask, tables = _padding(graph), _tables(config, graph)  # [B, 1, T, T]
    real = _cast(graph, _widened(graph, "attention_mask", [2]))  # [B, T, 1]
    other = graph.op("Unsqueeze", _scaled(graph, _differs(graph)), graph.constant([1], "i64"))  # [B, 1, T, T]
    x = _encoder(graph, x, "encoder", config, tables, graph.op("Add", mask, other), real)
    x = _context_query(graph, x)
    passes = []
    for _ in range(3):
        for block in range(config.blocks):
            x = _encoder(graph, x, f"blocks.{block}", config, tables, mask, real)
        passes.append(_normed(graph, x, "norm"))
    parts = [graph.linear(graph.op("Concat", passes[0], other_pass, axis=-1), f"{name}.weight", f"{name}.bias")
             for name, other_pass in (("start", passes[1]), ("end", passes[2]))]
    return _finished(graph, parts)


def _tables(config: ReaderConfig, graph: GraphBuilder) -> Tables:
    return rotary_tables(graph, length=config.window, size=config.width // config.heads, theta=THETA)


def _cast(graph: GraphBuilder, x: str) -> str:
    """In the graph's float type."""
    return str(graph.op("Cast", x, to=TensorProto.FLOAT16 if graph.float == "f16" else TensorProto.FLOAT))


def _widened(graph: GraphBuilder, x: str, axes: list[int]) -> str:
    return str(graph.op("Unsqueeze", x, graph.constant(axes, "i64")))


def _scaled(graph: GraphBuilder, condition: str) -> str:
    """FAR where the condition holds, else 0."""
    return str(graph.op("Mul", _cast(graph, condition), graph.constant(FAR, graph.float)))


def _padding(graph: GraphBuilder) -> str:
    """[B, 1, T, T]: the attention kernel wants its bias for each pair of places."""
    row = _widened(graph, _scaled(graph, graph.op("Equal", "attention_mask", graph.constant(0, "i64"))), [1, 2])
    one, length = graph.constant([1], "i64"), graph.op("Shape", "input_ids", start=1, end=2)
    square = graph.op("Expand", graph.constant([0.0], graph.float), graph.op("Concat", one, one, length, one, axis=0))
    return str(graph.op("Add", row, square))


def _differs(graph: GraphBuilder) -> str:
    """[B, T, T]: whether two places belong to different texts."""
    pair = [_widened(graph, "token_type_ids", [axis]) for axis in (2, 1)]
    return str(graph.op("Not", graph.op("Equal", *pair)))


def _embedded(graph: GraphBuilder) -> str:
    for name in ("input_ids", "token_type_ids", "attention_mask"):
        graph.input(name, "i64", ["B", "T"])
    same = graph.op("Equal", *(_widened(graph, "input_ids", [axis]) for axis in (2, 1)))
    found = graph.op("Cast", graph.op("And", same, _differs(graph)), to=TensorProto.INT32)
    found = graph.op("ReduceMax", found, graph.constant([2], "i64"), keepdims=0)  # [B, T]
    word = graph.op("GreaterOrEqual", "input_ids", graph.constant(len(SPECIAL_TOKENS), "i64"))
    matched = graph.op("Mul", graph.op("Cast", found, to=TensorProto.INT64),
                       graph.op("Cast", word, to=TensorProto.INT64))
    x = graph.op("Add", graph.rows("embeddings.word.weight", "input_ids"),
                 graph.rows("embeddings.segment.weight", "token_type_ids"))
    return str(graph.op("Add", x, graph.rows("embeddings.match.weight", matched)))


def _normed(graph: GraphBuilder, x: str, prefix: str) -> str:
    return str(graph.op("RMSNormalization", x, graph.weight(f"{prefix}.weight"), epsilon=EPSILON, axis=-1))


def _block(graph: GraphBuilder, x: str, prefix: str, config: ReaderConfig, tables: Tables, mask: str) -> str:
    packed = graph.linear(_normed(graph, x, f"{prefix}.attention_norm"), f"{prefix}.attention.qkv.weight")
    q, k, v = graph.op("Split", packed, graph.constant([config.width] * 3, "i64"), count=3, axis=-1)
    first = graph.constant([0], "i64")
    q, k = (graph.op("RotaryEmbedding", part, first, *tables) for part in (q, k))
    attended = graph.op("MultiHeadAttention", q, k, v, "", "", mask, num_heads=config.heads)
    x = graph.op("Add", x, graph.linear(attended, f"{prefix}.attention.out.weight"))
    normed = _normed(graph, x, f"{prefix}.feed_forward_norm")
    return str(graph.op("Add", x, swiglu(graph, normed, f"{prefix}.feed_forward", config.hidden)))


def _encoder(
    graph: GraphBuilder, x: str, prefix: str, config: QANetConfig, tables: Tables, mask: str, real: str
) -> str:
    for index in range(config.convolutions):
        place = f"{prefix}.convolutions.{index}"
        y = graph.op("Mul", _normed(graph, x, f"{prefix}.norms.{index}"), real)
        y = graph.op("Conv", graph.op("Transpose", y, perm=[0, 2, 1]), graph.weight(f"{place}.depthwise.weight"),
                     group=config.width, pads=[config.kernel // 2] * 2)  # [B, D, T]
        y = graph.linear(graph.op("Transpose", y, perm=[0, 2, 1]), f"{place}.pointwise.weight")
        x = graph.op("Add", x, graph.op("Relu", y))
    return _block(graph, x, f"{prefix}.rest", config, tables, mask)


def _context_query(graph: GraphBuilder, x: str) -> str:
    """[B, T, D] to [B, T, D]"""
    turned = graph.op("Transpose", x, perm=[0, 2, 1])  # [B, D, T]
    columns = graph.op("Transpose", graph.linear(x, "attention.column.weight"), perm=[0, 2, 1])  # [B, 1, T]
    both = graph.op("MatMul", graph.op("Mul", x, graph.weight("attention.both")), turned)
    scores = graph.op("Add", graph.op("Add", graph.linear(x, "attention.row.weight"), columns), both)  # [B, T, T]
    passage = graph.op("Equal", "token_type_ids", graph.constant(1, "i64"))  # [B, T]
    unasked = graph.op("Or", passage, graph.op("Equal", "attention_mask", graph.constant(0, "i64")))
    asked, told = (_scaled(graph, condition) for condition in (unasked, graph.op("Not", passage)))
    to_question = graph.op("Softmax", graph.op("Add", scores, _widened(graph, asked, [1])), axis=-1)
    from_passage = graph.op("Softmax", graph.op("Add", scores, _widened(graph, told, [2])), axis=1)
    question = graph.op("MatMul", to_question, x)
    back = graph.op("MatMul", graph.op("Transpose", from_passage, perm=[0, 2, 1]), x)
    products = [graph.op("Mul", x, part) for part in (question, graph.op("MatMul", to_question, back))]
    return graph.linear(graph.op("Concat", x, question, *products, axis=-1), "attention.mix.weight")


def _finished(graph: GraphBuilder, parts: list[str]) -> Graph:
    """Logits [B, T, 1] of starts and ends, as outputs [B, T]."""
    for name, part in zip(("start_logits", "end_logits"), parts, strict=True):
        wide = part if graph.float == "f32" else graph.op("Cast", part, to=TensorProto.FLOAT)
        graph.op("Squeeze", wide, graph.constant([-1], "i64"), outputs=[graph.output(name, "f32", ["B", "T"])])
    return graph.finish(role="reader", file=f"reader.{graph.device}.onnx")
